"""What a pull or a bootstrap says while it works: one line that changes, and one that stays and says where the image came from.

Silent unless a person is looking: a terminal on standard error, or a notebook.
"""

from __future__ import annotations

import shutil
import sys
from typing import Any, Protocol


class Reporter(Protocol):
    """Takes the engine's progress messages."""

    def say(self, message: dict[str, Any]) -> None:
        """Take one message of the engine."""

    def done(self) -> None:
        """End: leave the last words standing."""


class Silent:
    """Nobody is looking."""

    def say(self, message: dict[str, Any]) -> None:
        """Say nothing."""

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

    def say(self, message: dict[str, Any]) -> None:
        """Show a status; a layer's own steps replace each other."""
        status = str(message.get("status") or message.get("stream") or "").strip()
        if not status:
            return
        layer, amount = message.get("id"), message.get("progress")
        self._last = f"{self._subject}: " + " ".join(
            str(part) for part in (f"{layer}:" if layer else "", status, amount) if part
        )
        if self._changing:
            width = shutil.get_terminal_size().columns - 1
            sys.stderr.write("\r\x1b[K" + self._last[:width])
            sys.stderr.flush()

    def done(self) -> None:
        """Leave the last status as a line of its own."""
        if self._last:
            sys.stderr.write(("\r\x1b[K" if self._changing else "") + self._last + "\n")
            sys.stderr.flush()


def reporter(subject: str) -> Reporter:
    """Return what fits whoever is looking.

    :param subject: the image's name.
    """
    if sys.stderr is not None and sys.stderr.isatty():
        return Line(subject, changing=True)
    if _in_notebook():
        return Line(subject, changing=False)
    return Silent()


def _in_notebook() -> bool:
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None and "ipykernel" in sys.modules else None
    return getattr(shell, "kernel", None) is not None
