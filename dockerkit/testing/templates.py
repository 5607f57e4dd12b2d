"""Texts with places for fixtures: ``"redis://{redis.name}:{redis.ports[6379/tcp][0].port}"``.

A place is ``{identifier.attribute[key]}`` and nothing else: no calls, no formats, no private names; it is read by this parser
and never evaluated. ``${x}`` and every other brace stay as they are. ``{{`` writes one brace, and the ``}}`` that closes it
one.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from dockerkit.errors import Invalid

_PLACE = re.compile(r"\{([^\W\d]\w*)((?:\.[^\W\d]\w*|\[[^\[\]{}]+\])*)\}")
_STEP = re.compile(r"\.(\w+)|\[([^\]]+)\]")
_SHELL = re.compile(r"\$\{+")
_PLAIN, _ESCAPED = "{", "{{"
_KEYS_SHOWN = 8


@dataclass(frozen=True)
class Step:
    """One step from a value to a value inside it."""

    name: str
    key: bool
    """``[name]`` rather than ``.name``."""


@dataclass(frozen=True)
class Place:
    """Where a fixture's value, or something inside it, is written."""

    name: str
    steps: tuple[Step, ...]
    text: str
    """As it was written, for messages."""

    def value(self, fixtures: Mapping[str, Any]) -> Any:
        """Return what belongs here.

        :raises Invalid: there is no such attribute or key, or it is a method.
        """
        value = fixtures[self.name]
        for step in self.steps:
            value = _inside(value, step, self.text)
        if callable(value) and not isinstance(value, type) and hasattr(value, "__name__"):
            raise Invalid(
                f"template {self.text}: {value.__name__} is a method, and a template calls nothing",
                hint=f"a function can: lambda {self.name}: …",
            )
        return value


@dataclass(frozen=True)
class Template:
    """A text in its parts."""

    parts: tuple[str | Place, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """The fixtures it needs, each once."""
        return tuple(dict.fromkeys(part.name for part in self.parts if isinstance(part, Place)))

    def render(self, fixtures: Mapping[str, Any]) -> str:
        """Return the text with every place filled.

        :raises Invalid: see :meth:`Place.value`.
        """
        return "".join(part if isinstance(part, str) else str(part.value(fixtures)) for part in self.parts)


@lru_cache(maxsize=512)
def parse(text: str) -> Template:
    """Return a text's parts.

    :raises Invalid: a place names something private.
    """
    parts: list[str | Place] = []
    literal = ""
    opened: list[str] = []
    at = 0
    while at < len(text):
        if shell := _SHELL.match(text, at):
            opened += [_PLAIN] * (len(shell[0]) - 1)
            written, at = shell[0], shell.end()
        elif text.startswith(_ESCAPED, at):
            opened.append(_ESCAPED)
            written, at = "{", at + 2
        elif found := _PLACE.match(text, at):
            parts += [*([literal] if literal else []), _place(found)]
            literal, written, at = "", "", found.end()
        else:
            written, at = _plain(text, at, opened)
        literal += written
    return Template((*parts, *([literal] if literal else [])))


def _plain(text: str, at: int, opened: list[str]) -> tuple[str, int]:
    """Return one character that stands for itself, and where to go on; two braces close what two have opened."""
    if text[at] == "{":
        opened.append(_PLAIN)
    elif text[at] == "}" and opened and opened.pop() is _ESCAPED and text.startswith("}}", at):
        return "}", at + 2
    return text[at], at + 1


def _place(found: re.Match[str]) -> Place:
    steps = tuple(Step(step[1] or _unquoted(step[2]), step[1] is None) for step in _STEP.finditer(found[2]))
    private = [step.name for step in steps if not step.key and step.name.startswith("_")]
    if private:
        raise Invalid(f"template {found[0]}: {private[0]} is private", hint="{{ writes a brace")
    return Place(found[1], steps, found[0])


def _unquoted(key: str) -> str:
    return key[1:-1] if len(key) > 1 and key[0] == key[-1] and key[0] in "'\"" else key


def _inside(value: Any, step: Step, text: str) -> Any:
    if not step.key:
        try:
            return getattr(value, step.name)
        except AttributeError:
            kind = type(value).__name__
            raise Invalid(f"template {text}: {kind} has no attribute {step.name!r}", hint=_has(value)) from None
    keys = [step.name, *([int(step.name)] if step.name.lstrip("-").isdecimal() else [])]
    for key in keys if isinstance(value, Mapping) else reversed(keys):
        try:
            return value[key]
        except (KeyError, IndexError, TypeError):
            continue
    raise Invalid(f"template {text}: {type(value).__name__} has nothing at [{step.name}]", hint=_has(value))


def _has(value: Any) -> str:
    """Return what could have been named instead."""
    if isinstance(value, Mapping):
        there = [str(key) for key in value]
    elif isinstance(value, Sequence) and not isinstance(value, str):
        return f"it has {len(value)} items"
    else:
        there = [name for name in dir(value) if not name.startswith("_")]
    more = ", …" if len(there) > _KEYS_SHOWN else ""
    return f"it has {', '.join(there[:_KEYS_SHOWN])}{more}" if there else "it is empty"
