"""One verb under way: who hears of it, and what ends it early. Every wait of a registry client goes through here.

When an errand ends early its connections are shut down, so a thread that waits for a byte wakes at once. Never catches what
its listener raises: that is how a listener ends it.
"""

from __future__ import annotations

import threading
from typing import Any, Protocol

from dockerkit.daemon.registry.contract import Progress
from dockerkit.errors import Cancelled


class Abortable(Protocol):
    """A connection that can be broken from another thread."""

    def abort(self) -> None:
        """Wake whoever waits on it, with an error."""


class Errand:
    """The thread-safe state of one verb.

    :param cancelled: set by somebody else when the work is no longer wanted.
    """

    def __init__(self, progress: Progress | None = None, cancelled: threading.Event | None = None) -> None:
        self._progress = progress
        self._cancelled = cancelled
        self._saying = threading.Lock()
        self._lock = threading.Lock()
        self._connections: set[Abortable] = set()
        self._ended = threading.Event()
        self._others: list[Errand] = []

    def say(self, message: dict[str, Any]) -> None:
        """Tell the listener, one message at a time."""
        if self._progress is not None:
            with self._saying:
                self.check()
                self._progress(message)

    def check(self) -> None:
        """Go on only if the work is still wanted.

        :raises Cancelled: it is not.
        """
        if self._ended.is_set() or self.unwanted:
            raise Cancelled("the registry work was cancelled")

    def again(self) -> Errand:
        """Return the same errand with nothing ended yet, for another try elsewhere."""
        other = Errand(self._progress, self._cancelled)
        with self._lock:
            self._others.append(other)
        if self.ended:
            other.end()
        return other

    @property
    def ended(self) -> bool:
        """Whether it is over, one way or the other."""
        return self._ended.is_set()

    @property
    def unwanted(self) -> bool:
        """Whether somebody asked for the end."""
        return self._cancelled is not None and self._cancelled.is_set()

    def pause(self, seconds: float) -> None:
        """Wait, unless the errand ends meanwhile.

        :raises Cancelled: it did.
        """
        self._ended.wait(seconds)
        self.check()

    def end(self) -> None:
        """End it now: every connection in use breaks, every wait is over."""
        self._ended.set()
        with self._lock:
            others = list(self._others)
            for connection in self._connections:
                connection.abort()
        for other in others:
            other.end()

    def hold(self, connection: Abortable) -> None:
        """From now on :meth:`end` breaks this connection.

        :raises Cancelled: the errand has ended already.
        """
        with self._lock:
            self._connections.add(connection)
        if self._ended.is_set():
            self.let_go(connection)
        self.check()

    def let_go(self, connection: Abortable) -> None:
        """The connection is no longer this errand's."""
        with self._lock:
            self._connections.discard(connection)
