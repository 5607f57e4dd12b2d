"""Sizes, times and ids in the forms Docker reads and prints."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from dockerkit.errors import Invalid

_SIZE = re.compile(r"(\d+(?:\.\d+)?) ?([kmgtp]?)i?b?", re.IGNORECASE)
_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ns|us|µs|ms|s|m|h)")
_POWERS = {"": 0, "k": 1, "m": 2, "g": 3, "t": 4, "p": 5}
_SECONDS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}


def parse_size(size: str | int | float) -> int:
    """Return bytes: ``"256m"`` → 268435456 (powers of 1024, as docker's ``--memory``); numbers pass through.

    :raises Invalid: not a size.
    """
    if isinstance(size, (int, float)):
        return int(size)
    found = _SIZE.fullmatch(size.strip())
    if not found:
        raise Invalid(f"invalid size: {size!r}", hint='write a number of bytes, or "512k", "256m", "2g"')
    return int(float(found[1]) * 1024 ** _POWERS[found[2].lower()])


def parse_duration(duration: str | int | float) -> float:
    """Return seconds: ``"1m30s"`` → 90.0; numbers are seconds already.

    :raises Invalid: not a duration.
    """
    if isinstance(duration, (int, float)):
        return float(duration)
    parts = _DURATION.findall(duration)
    if not parts or "".join(number + unit for number, unit in parts) != duration:
        raise Invalid(f"invalid duration: {duration!r}", hint='write seconds, or "200ms", "1m30s", "2h"')
    return sum(float(number) * _SECONDS[unit] for number, unit in parts)


def human_size(size: int) -> str:
    """Return a size as ``docker images`` prints it: powers of 1000, four significant digits at most."""
    value, units = float(size), ["B", "kB", "MB", "GB", "TB", "PB"]
    while value >= 1000 and len(units) > 1:
        value /= 1000
        units.pop(0)
    return f"{value:.4g}{units[0]}"


_SPANS = (
    (1, 1, "Less than a second"),
    (2, 1, "1 second"),
    (60, 1, "{} seconds"),
    (120, 60, "About a minute"),
    (3600, 60, "{} minutes"),
    (5400, 3600, "About an hour"),
    (48 * 3600, 3600, "{} hours"),
    (14 * 86400, 86400, "{} days"),
    (60 * 86400, 7 * 86400, "{} weeks"),
    (730 * 86400, 30 * 86400, "{} months"),
)


def human_duration(seconds: float) -> str:
    """Return a span as ``docker ps`` prints it: ``Less than a second``, ``5 seconds``, ``About a minute``."""
    for limit, unit, words in _SPANS:
        if seconds < limit:
            rounded = seconds + 1800 if unit == 3600 else seconds
            return words.format(int(rounded // unit))
    return f"{int(seconds // (365 * 86400))} years"


def rfc3339(nanoseconds: int) -> str:
    """Return a moment (nanoseconds since 1970) as Docker writes it, in UTC with nine digits."""
    seconds, rest = divmod(nanoseconds, 1_000_000_000)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{rest:09d}Z"


def from_rfc3339(text: str) -> int:
    """Return nanoseconds since 1970 of a moment written by :func:`rfc3339` (any offset, any fraction).

    :raises Invalid: not such a moment.
    """
    found = re.fullmatch(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)", text)
    if not found:
        raise Invalid(f"invalid time: {text!r}", hint="write 2026-01-31T12:00:00Z")
    moment = datetime.fromisoformat(found[1] + found[3].replace("Z", "+00:00"))
    return int(moment.timestamp()) * 1_000_000_000 + int((found[2] or "0").ljust(9, "0"))
