"""Numbers and moments as Docker's command prints them. Pure; the rest is in ``dockerkit.schema.units``."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from datetime import datetime
from typing import Any

import click

from dockerkit.cli.refusals import Failure
from dockerkit.errors import Invalid
from dockerkit.schema.units import human_duration, human_size, parse_moment

_DECIMAL = ("B", "kB", "MB", "GB", "TB", "PB", "EB")
_BINARY = ("B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB")

__all__ = ["ago", "binary", "created_at", "human_size", "moment", "moment_flag", "precise", "quoted", "short_id"]


def _scaled(size: float, base: int, units: tuple[str, ...]) -> str:
    place = 0
    while size >= base and place < len(units) - 1:
        size /= base
        place += 1
    return f"{size:.4g}{units[place]}"


def precise(size: float) -> str:
    """Return a size with four digits, in powers of 1000: ``1.983MB``."""
    return _scaled(size, 1000, _DECIMAL)


def binary(size: float) -> str:
    """Return a size with four digits, in powers of 1024: ``23.54GiB``."""
    return _scaled(size, 1024, _BINARY)


def ago(seconds: float) -> str:
    """Return how long ago a moment (seconds since 1970) was: ``5 minutes ago``."""
    return f"{human_duration(max(0.0, time.time() - seconds))} ago"


def created_at(seconds: float) -> str:
    """Return a moment (seconds since 1970) as Go prints it: ``2026-11-24 23:41:32 +0000 UTC``."""
    return f"{datetime.fromtimestamp(int(seconds)).astimezone():%Y-%m-%d %H:%M:%S %z %Z}"


def short_id(id: str) -> str:
    """Return the twelve digits by which an id is shown."""
    return id.partition(":")[2][:12] if ":" in id else id[:12]


def quoted(text: str) -> str:
    """Return text in quotes, as Go's ``%q``."""
    return json.dumps(text, ensure_ascii=False)


def moment_flag(name: str, help: str) -> Callable[[Any], Any]:
    """Return an option that takes a moment and gives what :func:`moment` makes of it."""
    return click.option(name, metavar="TIME", help=help, callback=lambda ctx, parameter, said: moment(said))


def moment(text: str | None) -> str | None:
    """Return ``--since`` or ``--until`` as the engine takes it: ``10m``, ``2026-01-31``, RFC 3339, seconds since 1970.

    :raises Failure: none of these.
    """
    if not text:
        return None
    now = time.time_ns()
    try:
        nanoseconds = now if text in ("0s", "0", "now") else parse_moment(text, now)
    except Invalid as error:
        try:
            nanoseconds = int(datetime.fromisoformat(text).timestamp() * 1_000_000) * 1000
        except ValueError:
            raise Failure(error.message, hint=error.hint) from None
    return f"{nanoseconds // 1_000_000_000}.{nanoseconds % 1_000_000_000:09d}"
