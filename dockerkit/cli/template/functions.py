"""What a template can call: Docker's functions and the usual ones of Go's own; and how a value is written as Go would.

Pure. A value is what JSON holds: mapping, list, text, number, boolean, None. What is not offered is not there: naming it is an
error that says so.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from dockerkit.cli.template.tokens import TemplateError

_VERB = re.compile(r"%([-+ 0#]*)(\d*)(?:\.(\d+))?([a-zA-Z%])")

_HTML = {ord(mark): f"\\u{ord(mark):04x}" for mark in "<>&"}


def text(value: Any, *, inner: bool = False) -> str:
    """Return a value as Go's ``fmt.Print`` writes it: ``map[a:1]``, ``[a b]``, ``true``, ``<no value>``."""
    if value is None:
        return "<nil>" if inner else "<no value>"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Mapping):
        return "map[" + " ".join(f"{key}:{text(value[key], inner=True)}" for key in sorted(value)) + "]"
    if isinstance(value, (list, tuple)):
        return "[" + " ".join(text(item, inner=True) for item in value) + "]"
    return f"{value:g}" if isinstance(value, float) else str(value)


def to_json(value: Any) -> str:
    """Return a value as JSON in one line, as Go writes it."""
    if hasattr(value, "plain"):  # what Docker marshals itself, with the marks of HTML escaped
        return to_json(value.plain()).translate(_HTML)
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def truth(value: Any) -> bool:
    """Tell whether a value counts as true: not empty, zero, false or None."""
    return bool(value)


def index(value: Any, *keys: Any) -> Any:
    """Return what is in a list or mapping at each key in turn; a key that a mapping lacks gives the empty text."""
    for key in keys:
        if isinstance(value, Mapping):
            value = value.get(str(key), "")
        elif isinstance(value, (list, str)) and isinstance(key, int):
            if not -1 < key < len(value):
                raise TemplateError(f"error calling index: index out of range: {key}")
            value = value[key]
        else:
            raise TemplateError(f"error calling index: can't index {text(value)} with {text(key)}")
    return value


def slice_(value: Any, *bounds: int) -> Any:
    """Return a part of a text or list."""
    return value[slice(*(bounds if len(bounds) > 1 else (bounds[0], None)))] if bounds else value


def printf(form: str, *values: Any) -> str:
    """Format as Go's ``printf`` does, for the verbs s v d q t x f and %%."""
    rest = list(values)

    def one(found: re.Match[str]) -> str:
        flags, width, precision, verb = found.groups()
        if verb == "%":
            return "%"
        if not rest:
            return f"%!{verb}(MISSING)"
        written = _verb(verb, precision, rest.pop(0))
        return written.ljust(int(width or 0)) if "-" in flags else written.rjust(int(width or 0), "0" if "0" in flags else " ")

    return _VERB.sub(one, form)


def _verb(verb: str, precision: str | None, value: Any) -> str:
    if verb == "q":
        return json.dumps(text(value), ensure_ascii=False)
    if verb == "x":
        return f"{value:x}" if isinstance(value, int) else text(value).encode().hex()
    if verb == "f":
        return f"{float(value):.{precision or 6}f}"
    written = text(value)
    return written[: int(precision)] if precision and verb == "s" else written


def truncate(value: str, length: int) -> str:
    """Return at most so many characters."""
    return value[:length]


def join(values: Any, separator: str) -> str:
    """Return the items as one text."""
    return separator.join(map(text, values or ()))


def _all(*values: Any) -> Any:
    return next((value for value in values if not truth(value)), values[-1])


def _any(*values: Any) -> Any:
    return next((value for value in values if truth(value)), values[-1])


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "json": to_json,
    "join": join,
    "split": lambda value, separator: value.split(separator),
    "lower": lambda value: text(value).lower(),
    "upper": lambda value: text(value).upper(),
    "title": lambda value: re.sub(r"\b\w", lambda found: found[0].upper(), text(value)),
    "pad": lambda value, before, after: " " * before + value + " " * after if value else value,
    "truncate": truncate,
    "print": lambda *values: "".join(map(text, values)),
    "println": lambda *values: " ".join(map(text, values)) + "\n",
    "printf": printf,
    "index": index,
    "slice": slice_,
    "len": len,
    "not": lambda value: not truth(value),
    "and": _all,
    "or": _any,
    "eq": lambda value, *others: any(value == other for other in others),
    "ne": lambda value, other: value != other,
    "lt": lambda value, other: value < other,
    "le": lambda value, other: value <= other,
    "gt": lambda value, other: value > other,
    "ge": lambda value, other: value >= other,
}
