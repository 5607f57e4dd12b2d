"""A magic's line taken apart into words, as a shell does, with ``{expression}`` replaced word by word.

IPython's own expansion is all or nothing: one unknown name leaves every brace as it stands. Here a word that cannot be expanded
is an error that says which. What is in single quotes stays as it is, and so does ``{{…}}``, a template of docker's. ``$`` means
nothing: it is for the shell in the container.
"""

from __future__ import annotations

import re
import string
from collections.abc import Mapping
from typing import Any

from dockerkit.errors import Invalid

_TOKEN = re.compile(
    r"""(?P<space>\s+)
    | '(?P<single>[^']*)'
    | "(?P<double>(?:[^"\\]|\\.)*)"
    | \\(?P<escaped>.)
    | (?P<template>\{\{.*?\}\})
    | (?P<braces>\{[^{}]*\})
    | (?P<plain>[^\s'"\\{]+|\{)
    | (?P<odd>.)""",
    re.VERBOSE | re.DOTALL,
)
_BRACES = re.compile(r"\{\{.*?\}\}|\{([^{}]*)\}", re.DOTALL)


def words(line: str, names: Mapping[str, Any]) -> list[str]:
    """Return the words of `line`.

    :param names: what an expression in braces may name.
    :raises Invalid: a quotation that does not end, or an expression that cannot be evaluated.
    """
    said: list[str] = []
    open_word = False
    for token in _TOKEN.finditer(line):
        if token["space"] is not None:
            open_word = False
            continue
        if not open_word:
            said.append("")
            open_word = True
        said[-1] += _meaning(token, names)
    return said


def _meaning(token: re.Match[str], names: Mapping[str, Any]) -> str:
    if token["odd"] is not None:
        raise Invalid(f"the quotation {token.string[token.start() :]!r} does not end")
    if token["braces"] is not None:
        return _expand(token["braces"], names)
    if token["double"] is not None:
        return _expand(re.sub(r'\\(["\\])', r"\1", token["double"]), names)
    return next(token[kind] for kind in ("single", "escaped", "template", "plain") if token[kind] is not None)


def _expand(text: str, names: Mapping[str, Any]) -> str:
    return _BRACES.sub(lambda found: found[0] if found[1] is None else _shown(found[1], names), text)


def _shown(inside: str, names: Mapping[str, Any]) -> str:
    try:
        value, conversion, form = _evaluated(inside, names)
        if form or conversion:
            return format(string.Formatter().convert_field(value, conversion or None), form)
        return str(value.id) if hasattr(value, "short_id") else str(value)  # a container, an image: what an engine finds it by
    except Exception as error:
        hint = "single quotes keep braces as they are"
        raise Invalid(f"cannot expand {{{inside}}}: {type(error).__name__}: {error}", hint=hint) from None


def _evaluated(inside: str, names: Mapping[str, Any]) -> tuple[Any, str, str]:
    """Return the value of what is in braces, and the conversion and format that follow it: ``x!r:>10``."""
    conversion = form = ""
    try:
        code = compile(inside.strip(), "{…}", "eval")
    except SyntaxError:
        _, name, spec, kind = next(iter(string.Formatter().parse(f"{{{inside}}}")))
        code, conversion, form = compile((name or "").strip(), "{…}", "eval"), kind or "", spec or ""
    return eval(code, dict(names)), conversion, form  # noqa: S307 (the reader's own words)
