"""What a container's log driver is told: which options there are, and how much is kept. Pure.

``json-file`` and ``local`` are one driver here; what differs are their words, and that ``local`` rotates unless told otherwise.
Source: the drivers' options as dockerd checks them, except that a value it would refuse at every start is refused at once.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from dockerkit.errors import Invalid
from dockerkit.schema.container import LogConfig
from dockerkit.schema.units import parse_size

_TAGS = frozenset({"labels", "labels-regex", "env", "env-regex", "tag"})
_SIZES = frozenset({"max-size", "max-file", "compress"})
_UNKNOWN = {
    "json-file": (_SIZES | _TAGS, "unknown log opt '{}' for json-file log driver"),
    "local": (_SIZES, "unknown log opt '{}' for log driver local"),
}
_SUBJECT = "failed to initialize logging driver"
_SIZE = re.compile(r"\d+(\.\d+)? ?[kmgtp]?i?b?", re.IGNORECASE)


class Rotation(NamedTuple):
    """How long a file may become in bytes (-1: as long as it likes), and how many are kept."""

    size: int = -1
    files: int = 1


_DEFAULTS = {"local": Rotation(20 << 20, 5)}


def rotation(log: LogConfig) -> Rotation:
    """Return how a container's log is rotated.

    :raises Invalid: an unknown option, or a value that makes no sense; in Docker's words.
    """
    known, words = _UNKNOWN.get(log.type or "json-file", (None, ""))
    if known is None:  # none keeps nothing, whatever it is told
        return Rotation()
    for option in log.config:
        if option not in known:
            raise Invalid(words.format(option), hint=f"known options: {', '.join(sorted(known))}")
    default = _DEFAULTS.get(log.type, Rotation())
    found = Rotation(_size(log.config.get("max-size"), default.size), _count(log.config.get("max-file"), default.files))
    if log.type != "local" and log.config.get("compress") == "true" and (found.files < 2 or found.size < 0):
        raise Invalid(f"{_SUBJECT}: compress cannot be true when max-file is less than 2 or max-size is not set")
    return found


def _size(text: str | None, default: int) -> int:
    if text is None:
        return default
    if not _SIZE.fullmatch(text.strip()):
        raise Invalid(f"{_SUBJECT}: invalid size: '{text}'", hint='write "512k", "10m"')
    return parse_size(text)


def _count(text: str | None, default: int) -> int:
    if text is None:
        return default
    if not re.fullmatch(r"[+-]?\d+", text):
        raise Invalid(f'{_SUBJECT}: strconv.Atoi: parsing "{text}": invalid syntax', hint="write a number")
    if int(text) < 1:
        raise Invalid(f"{_SUBJECT}: max-file cannot be less than 1")
    return int(text)
