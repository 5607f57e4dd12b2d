"""What a pull or a bootstrap says while it works: one line that changes, and one that stays and says where the image came from.

Where no person is looking (no terminal on standard error, no notebook), only an image that was made here instead of pulled is
told, as a warning of the logger ``dockerkit``.
"""

from __future__ import annotations

import logging
import shutil
import sys
from typing import Any, Protocol

_log = logging.getLogger("dockerkit")
_ORIGIN = " bootstrapped from "
_ASKED = ": asked for"


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


class Line:
    """One line on standard error.

    :param changing: a terminal, where the line can be written over; a notebook gets the last one only.
    """

    def __init__(self, subject: str, *, changing: bool) -> None:
        self._subject = subject
        self._changing = changing
        self._last = ""
        self._origin = ""

    def say(self, message: dict[str, Any]) -> None:
        """Show a status; a layer's own steps replace each other."""
        status = str(message.get("status") or message.get("stream") or "").strip()
        if not status:
            return
        if _ORIGIN in status:
            self._origin = status
        layer, amount = message.get("id"), message.get("progress")
        self._last = f"{self._subject}: " + " ".join(
            str(part) for part in (f"{layer}:" if layer else "", status, amount) if part
        )
        if self._changing:
            width = shutil.get_terminal_size().columns - 1
            sys.stderr.write("\r\x1b[K" + self._last[:width])
            sys.stderr.flush()

    def done(self) -> None:
        """Leave the image's origin, else the last status, as a line of its own."""
        if self._last:
            sys.stderr.write(("\r\x1b[K" if self._changing else "") + (self._origin or self._last) + "\n")
            sys.stderr.flush()


def reporter(subject: str) -> Reporter:
    """Return what fits whoever is looking.

    :param subject: the image's name.
    """
    if sys.stderr is not None and sys.stderr.isatty():
        return Line(subject, changing=True)
    if _in_notebook():
        return Line(subject, changing=False)
    return Quiet()


def _in_notebook() -> bool:
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None and "ipykernel" in sys.modules else None
    return getattr(shell, "kernel", None) is not None
