"""Wakes handlers of the event loop from other threads. However many are woken at once, the loop is written to once.

Never runs anything on the thread that rings.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable


class Doorbell:
    """One bell for all handlers of one event loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._waiting: deque[Callable[[], object]] = deque()
        self._rung = False

    def ring(self, action: Callable[[], object]) -> None:
        """Have `action` called on the loop, soon; from any thread. Does nothing when the loop has ended."""
        self._waiting.append(action)
        if not self._rung:
            self._rung = True
            with contextlib.suppress(RuntimeError):  # the loop has been closed: nobody waits any more
                self._loop.call_soon_threadsafe(self._answer)

    def _answer(self) -> None:
        self._rung = False  # before looking: whoever comes from here on rings again
        while self._waiting:
            self._waiting.popleft()()
