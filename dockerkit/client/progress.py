"""What a pull, push, load or bootstrap says while it works, to whoever is looking; and the line that stays.

In a terminal a bar a layer (:mod:`dockerkit.client.progressbars`); in a notebook that somebody sits at, one line that changes.
Where no person is looking (no terminal on standard error, a notebook that is run as a test or to a file), only an image that
was made here instead of pulled is told, as a warning of the logger ``dockerkit``.
"""

from __future__ import annotations

import logging
import shutil
import sys
import time
from typing import Any, Protocol

_log = logging.getLogger("dockerkit")
_ORIGIN = " bootstrapped from "
_ASKED = ": asked for"
_OFTEN = 0.1
"""Seconds between two changes of a line in a notebook: each is a message to a browser."""


class Reporter(Protocol):
    """Takes the engine's progress messages."""

    def say(self, message: dict[str, Any]) -> None:
        """Take one message of the engine."""

    def done(self) -> None:
        """End: leave the last words standing."""


class Quiet:
    """Nobody is looking: an image that is not the registry's is told all the same."""

    def say(self, message: dict[str, Any]) -> None:
        """Tell where the image came from."""
        status = str(message.get("status") or "")
        if _ORIGIN in status and not status.endswith(_ASKED):
            _log.warning("%s", status)

    def done(self) -> None:
        """Say nothing."""


class Words:
    """What there is to say at the end, of all that was said: the image's origin, else the last status.

    :param subject: the image's name.
    """

    def __init__(self, subject: str) -> None:
        self._subject = subject
        self._last = ""
        self._origin = ""

    def hear(self, message: dict[str, Any]) -> str:
        """Take one message; return it as a line, "" when it says nothing."""
        status = str(message.get("status") or message.get("stream") or "").strip()
        if not status:
            return ""
        if _ORIGIN in status:
            self._origin = status
        layer, amount = message.get("id"), message.get("progress")
        self._last = f"{self._subject}: " + " ".join(
            str(part) for part in (f"{layer}:" if layer else "", status, amount) if part
        )
        return self._last

    def last(self) -> str:
        """Return the line that stays; "" when nothing was said."""
        return self._origin or self._last


class Line:
    """One line on standard error, written over as things go on.

    :param changing: False: only the last one is shown.
    """

    def __init__(self, subject: str, *, changing: bool) -> None:
        self._words = Words(subject)
        self._changing = changing
        self._shown_at = 0.0
        self._wide = 0

    def say(self, message: dict[str, Any]) -> None:
        """Show a status; a layer's own steps replace each other."""
        line = self._words.hear(message)
        now = time.monotonic()
        if line and self._changing and now - self._shown_at >= _OFTEN:
            self._shown_at = now
            self._show(line)

    def done(self) -> None:
        """Leave the image's origin, else the last status, as a line of its own."""
        if self._words.last():
            self._show(self._words.last(), end="\n")

    def _show(self, line: str, end: str = "") -> None:
        shown = line if end else line[: shutil.get_terminal_size().columns - 1]
        sys.stderr.write(("\r" if self._changing else "") + shown.ljust(self._wide) + end)
        sys.stderr.flush()
        self._wide = len(shown)


def reporter(subject: str) -> Reporter:
    """Return what fits whoever is looking.

    :param subject: the image's name.
    """
    if sys.stderr is not None and sys.stderr.isatty():
        from dockerkit.client.progressbars import Bars  # noqa: PLC0415 (rich takes longer to load than most programs to run)

        return Bars(subject)
    return Line(subject, changing=True) if _watched_notebook() else Quiet()


def _watched_notebook() -> bool:
    """Tell whether this is a notebook with somebody at it: whoever runs one as a test or to a file takes no input."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None and "ipykernel" in sys.modules else None
    return bool(getattr(getattr(shell, "kernel", None), "_allow_stdin", False))
