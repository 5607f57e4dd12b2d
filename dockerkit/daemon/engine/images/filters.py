"""Filters of images, for ``list`` and ``prune``; pure.

Source: moby ``daemon/images/images.go`` (observed behaviour and words); patterns as Go's ``path.Match``.
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping, Sequence
from functools import lru_cache

from dockerkit.daemon.images.image import Image
from dockerkit.errors import Invalid
from dockerkit.schema.names import Reference, parse_reference
from dockerkit.schema.units import from_rfc3339, parse_moment

Filters = Mapping[str, Sequence[str]]
LISTED = ("before", "dangling", "label", "label!", "reference", "since", "until")
PRUNED = ("dangling", "label", "label!", "until")
_TRUE, _FALSE = ("true", "1"), ("false", "0")


def check(filters: Filters, known: Sequence[str]) -> None:
    """Accept known filters.

    :raises Invalid: another one.
    """
    for word in filters:
        if word not in known:
            raise Invalid(f"invalid filter '{word}'", hint=f"known filters: {', '.join(known)}")


def dangling(filters: Filters) -> bool | None:
    """Return what ``dangling`` asks for, None when it is not given.

    :raises Invalid: neither true nor false; in Docker's words.
    """
    values = filters.get("dangling", ())
    if not values:
        return None
    if len({value in _TRUE for value in values}) > 1 or any(value not in (*_TRUE, *_FALSE) for value in values):
        raise Invalid(f"invalid filter 'dangling=[{' '.join(values)}]'", hint="true or false")
    return values[0] in _TRUE


def until(filters: Filters) -> int | None:
    """Return the moment before which an image has to be made, in ns since 1970; None when it is not given.

    :raises Invalid: more than one, or no moment; in Docker's words.
    """
    moments = filters.get("until", ())
    if len(moments) > 1:
        raise Invalid("more than one until filter specified")
    return parse_moment(moments[0], time.time_ns()) if moments else None


def labelled(image: Image, filters: Filters) -> bool:
    """Tell whether an image has all the labels of ``label``, and none of ``label!``."""
    labels = image.document.config.labels or {}
    return all(_has(labels, value) for value in filters.get("label", ())) and not any(
        _has(labels, value) for value in filters.get("label!", ())
    )


def made(image: Image) -> int:
    """Return when an image was made, in ns since 1970; 0 when it does not say."""
    return from_rfc3339(image.created) if image.created else 0


def named(image: Image, patterns: Sequence[str]) -> list[Reference]:
    """Return those names of an image that one of the patterns fits.

    :raises Invalid: a pattern is malformed; in Docker's words.
    """
    compiled = [_compiled(pattern) for pattern in patterns]
    names = [parse_reference(name) for name in (*image.references, *image.digests)]
    return [name for name in names if any(one.fullmatch(str(name)) or one.fullmatch(name.familiar_name) for one in compiled)]


def _has(labels: Mapping[str, str], wanted: str) -> bool:
    name, equals, value = wanted.partition("=")
    return name in labels and (not equals or labels[name] == value)


@lru_cache(maxsize=64)
def _compiled(pattern: str) -> re.Pattern[str]:
    """Return Go's pattern as a regular expression: ``*`` and ``?`` do not match a slash."""
    expression, position = "", 0
    while position < len(pattern):
        character = pattern[position]
        position += 1
        if character == "*":
            expression += "[^/]*"
        elif character == "?":
            expression += "[^/]"
        elif character == "[":
            end = pattern.find("]", position + 1)
            if end < 0:
                raise Invalid("syntax error in pattern")
            negated, members = pattern[position] == "^", pattern[position:end].removeprefix("^")
            expression += f"[{'^' if negated else ''}{re.escape(members).replace(chr(92) + '-', '-')}]"
            position = end + 1
        elif character == "\\":
            if position == len(pattern):
                raise Invalid("syntax error in pattern")
            expression += re.escape(pattern[position])
            position += 1
        else:
            expression += re.escape(character)
    try:
        return re.compile(expression)
    except re.error:
        raise Invalid("syntax error in pattern") from None
