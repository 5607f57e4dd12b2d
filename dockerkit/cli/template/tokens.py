"""Cuts a template into text and actions, and an action into tokens. Never looks at what they mean."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from dockerkit.errors import Invalid

_ACTION = re.compile(r'\{\{(?:"(?:\\.|[^"\\])*"|`[^`]*`|(?!\}\}).)*\}\}', re.DOTALL)
_TOKEN = re.compile(
    r"""(?P<space>\s+)
      | (?P<string>"(?:\\.|[^"\\\n])*"|`[^`]*`)
      | (?P<number>[+-]?\d+(?:\.\d+)?)
      | (?P<variable>\$\w*)
      | (?P<field>\.\w+)
      | (?P<dot>\.)
      | (?P<word>\w+)
      | (?P<mark>:=|=|\||\(|\)|,)""",
    re.VERBOSE,
)


class TemplateError(Invalid):
    """The template cannot be read, or not be written with this value; the message is in Go's words."""


class Token(NamedTuple):
    """One token of an action: its kind, its text, whether white space came before it, and where it is."""

    kind: str
    text: str
    spaced: bool
    at: int


class Piece(NamedTuple):
    """Text between actions, or (``tokens`` is not None) an action."""

    text: str
    tokens: list[Token] | None
    line: int


def pieces(template: str) -> Iterator[Piece]:
    """Yield what the template is made of, in order; white space next to ``{{-`` and ``-}}`` is cut away.

    :raises TemplateError: an action that does not end, or a character that no token begins with.
    """
    at, trim = 0, False
    for found in _ACTION.finditer(template):
        inside = found[0][2:-2]
        before, after = inside.startswith("- "), inside.endswith(" -")
        text = template[at : found.start()]
        yield Piece(_trimmed(text, trim, before), None, _line(template, at))
        line = _line(template, found.start())
        inside = inside[2 if before else 0 : -2 if after else None]
        if not (inside.startswith("/*") and inside.endswith("*/")):
            yield Piece(inside, _tokens(inside, line, found.start() + 2 + 2 * before), line)
        at, trim = found.end(), after
    rest = template[at:]
    if "{{" in rest:
        raise TemplateError(f"template: :{_line(template, at + rest.index('{{'))}: unclosed action")
    yield Piece(_trimmed(rest, trim, False), None, _line(template, at))


def _trimmed(text: str, left: bool, right: bool) -> str:
    text = text.lstrip() if left else text
    return text.rstrip() if right else text


def _line(template: str, at: int) -> int:
    return template.count("\n", 0, at) + 1


def _tokens(inside: str, line: int, start: int) -> list[Token]:
    found, at, spaced = [], 0, True
    while at < len(inside):
        match = _TOKEN.match(inside, at)
        if match is None:
            raise TemplateError(f"template: :{line}: unexpected {inside[at]!r} in command")
        kind = match.lastgroup or ""
        if kind != "space":
            found.append(Token(kind, match[0], spaced, start + at))
        spaced, at = kind == "space", match.end()
    return found
