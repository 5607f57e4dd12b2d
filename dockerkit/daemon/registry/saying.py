"""dockerd's progress messages, word for word. Source: moby ``pkg/streamformatter``, ``pkg/jsonmessage``; docker itself."""

from __future__ import annotations

import threading
import time
from typing import Any

from dockerkit.daemon.registry.contract import Pulled
from dockerkit.schema.names import Reference

Message = dict[str, Any]
_BETWEEN = 0.1
"""Seconds between two figures of one layer."""
_WIDTH = 50


def short(digest: str) -> str:
    """Return the twelve digits that name a layer in messages."""
    return digest.partition(":")[2][:12]


def status(text: str, id: str = "") -> Message:
    """Return a message about one layer, or about the whole."""
    return {"status": text, "progressDetail": {}, "id": id} if id else {"status": text}


def pulling_from(reference: Reference) -> Message:
    """Return the first message of a pull."""
    name = reference.repository
    return {"status": f"Pulling from {name}", "id": reference.digest or reference.tag}


def pull_ended(reference: Reference, pulled: Pulled, *, newer: bool) -> list[Message]:
    """Return the last messages of a pull, which its caller says.

    :param newer: whether anything came that was not here before.
    """
    verdict = "Downloaded newer image for" if newer else "Image is up to date for"
    return [{"status": f"Digest: {pulled.digest}"}, {"status": f"Status: {verdict} {reference}"}]


def pushed(label: str, digest: str, size: int) -> list[Message]:
    """Return the last messages of a push.

    :param label: the tag, or the digest when there is none.
    """
    aux = {"Tag": label, "Digest": digest, "Size": size}
    return [{"status": f"{label}: digest: {digest} size: {size}"}, {"progressDetail": {}, "aux": aux}]


class Figures:
    """How far one blob is: a message ten times a second at most. Thread-safe.

    :param total: bytes.
    """

    def __init__(self, text: str, id: str, total: int) -> None:
        self._text, self._id, self._total = text, id, total
        self._lock = threading.Lock()
        self._next = 0.0

    def at(self, current: int) -> Message | None:
        """Return the message for `current` bytes, or None when the last one is too recent."""
        now = time.monotonic()
        with self._lock:
            if now < self._next:
                return None
            self._next = now + _BETWEEN
        detail = {"current": current, "total": self._total}
        return {"status": self._text, "progressDetail": detail, "progress": bar(current, self._total), "id": self._id}


def bar(current: int, total: int) -> str:
    """Return the bar old clients print as it is: ``[=====>     ]  37.38kB/1.982MB``."""
    if total <= 0:
        return f"{_size(current):>8}"
    done = min(current * _WIDTH // total, _WIDTH)
    of = "" if current > total else f"/{_size(total)}"
    return f"[{'=' * done}>{' ' * (_WIDTH - done)}] {_size(current):>8}{of}"


def _size(count: int) -> str:
    """Four significant digits, powers of 1000 (Go's ``%.4g``)."""
    value, units = float(count), ["B", "kB", "MB", "GB", "TB", "PB"]
    while value >= 1000 and len(units) > 1:
        value /= 1000
        units.pop(0)
    return f"{value:.4g}{units[0]}"
