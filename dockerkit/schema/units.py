"""Sizes, times and ids in the forms Docker reads and prints."""

from __future__ import annotations

import re
from contextlib import suppress
from datetime import UTC, datetime
from math import isfinite

from dockerkit.errors import Invalid

_SIZE = re.compile(r"(\d+(?:\.\d+)?) ?([kmgtp]?)i?b?", re.IGNORECASE)
_RATE = re.compile(r"(\d+(?:\.\d+)?) ?([kmg]?)(bit|bps)?", re.IGNORECASE)
_THOUSANDS = {"": 1, "k": 1_000, "m": 1_000_000, "g": 1_000_000_000}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ns|us|µs|ms|s|m|h)")
_UNIX_TIME = re.compile(r"\d{1,12}(?:\.\d*)?")
_POWERS = {"": 0, "k": 1, "m": 2, "g": 3, "t": 4, "p": 5}
_SECONDS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}


def parse_size(size: str | int | float) -> int:
    """Return bytes: ``"256m"`` → 268435456 (powers of 1024, as docker's ``--memory``); numbers pass through.

    :raises Invalid: not a size.
    """
    found = None if isinstance(size, (int, float)) else _SIZE.fullmatch(size.strip())
    if (isinstance(size, float) and not isfinite(size)) or (isinstance(size, str) and not found):
        raise Invalid(f"invalid size: {size!r}", hint='write a number of bytes, or "512k", "256m", "2g"')
    if not found:
        return int(size)
    number = float(found[1]) if "." in found[1] else int(found[1])
    return int(number * 1024 ** _POWERS[found[2].lower()])


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


def parse_rate(rate: str | int) -> int:
    """Return bits a second: ``"1mbit"`` → 1000000 (powers of 1000, as tc(8)); ``bps`` is bytes; numbers are bits already.

    :raises Invalid: not a rate.
    """
    found = _RATE.fullmatch(str(rate).strip())
    if not found:
        raise Invalid(f"invalid rate: {rate!r}", hint='write bits a second, or "500kbit", "1mbit"')
    return round(float(found[1]) * _THOUSANDS[found[2].lower()] * (8 if (found[3] or "").lower() == "bps" else 1))


def parse_moment(text: str, now: int) -> int:
    """Return nanoseconds since 1970 of a moment as Docker's filters write it.

    :param text: a span before `now` (``"10m"``, ``"24h"``), seconds since 1970 with or without a fraction, or RFC 3339.
    :raises Invalid: neither; in Docker's words.
    """
    if _UNIX_TIME.fullmatch(text):
        seconds, _, fraction = text.partition(".")
        return int(seconds) * 1_000_000_000 + int((fraction or "0")[:9].ljust(9, "0"))
    with suppress(Invalid):
        return now - int(parse_duration(text) * 1e9)
    with suppress(Invalid):
        return from_rfc3339(text)
    hint = "write 10m, 1700000000, or 2026-01-31T12:00:00Z"
    raise Invalid(f'failed to parse value as time or duration: "{text}"', hint=hint)


def human_size(size: int) -> str:
    """Return a size as ``docker images`` prints it: powers of 1000, three significant digits at most."""
    value, units = float(size), ["B", "kB", "MB", "GB", "TB", "PB", "EB"]
    while value >= 999.5 and len(units) > 1:
        value /= 1000
        units.pop(0)
    return f"{value:.3g}{units[0]}"


_SPANS = (
    (1, 1, "Less than a second"),
    (2, 1, "1 second"),
    (60, 1, "{} seconds"),
    (120, 60, "About a minute"),
    (3600, 60, "{} minutes"),
)
"""(below so many seconds, seconds in a unit, words)"""

_LONG_SPANS = (
    (2, 1, "About an hour"),
    (48, 1, "{} hours"),
    (14 * 24, 24, "{} days"),
    (60 * 24, 7 * 24, "{} weeks"),
    (730 * 24, 30 * 24, "{} months"),
)
"""(below so many hours, hours in a unit, words)"""


def human_duration(seconds: float) -> str:
    """Return a span as ``docker ps`` prints it: ``Less than a second``, ``5 seconds``, ``About a minute``."""
    hours = int(seconds / 3600 + 0.5)  # Docker rounds hours, and cuts everything else
    amount, spans = (seconds, _SPANS) if seconds < 3600 else (hours, _LONG_SPANS)
    for limit, unit, words in spans:
        if amount < limit:
            return words.format(int(amount // unit))
    return f"{int(seconds // (365 * 86400))} years"


def rfc3339(nanoseconds: int) -> str:
    """Return a moment (nanoseconds since 1970) as Docker writes it, in UTC with nine digits."""
    seconds, rest = divmod(nanoseconds, 1_000_000_000)
    moment = datetime.fromtimestamp(seconds, UTC).replace(tzinfo=None)
    return f"{moment.isoformat(timespec='seconds')}.{rest:09d}Z"


def from_rfc3339(text: str) -> int:
    """Return nanoseconds since 1970 of a moment written by :func:`rfc3339` (any offset, any fraction).

    :raises Invalid: not such a moment.
    """
    found = re.fullmatch(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)", text)
    try:
        moment = datetime.fromisoformat(found[1] + found[3].replace("Z", "+00:00")) if found else None
    except ValueError:  # the thirtieth of February
        moment = None
    if not found or not moment:
        raise Invalid(f"invalid time: {text!r}", hint="write 2026-01-31T12:00:00Z")
    return int(moment.timestamp()) * 1_000_000_000 + int((found[2] or "0").ljust(9, "0"))
