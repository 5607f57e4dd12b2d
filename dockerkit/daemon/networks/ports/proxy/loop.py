"""One epoll and who is told by it. Knows no protocol."""

from __future__ import annotations

import select
import time
from collections.abc import Callable

IN, OUT, ERROR, HUNG_UP = select.EPOLLIN, select.EPOLLOUT, select.EPOLLERR, select.EPOLLHUP
_TICK = 5.0
"""Seconds between looks at the clock, while anybody cares about it."""

Handler = Callable[[int], None]


class Loop:
    """Tells handlers what their descriptors are ready for, until it is stopped."""

    def __init__(self) -> None:
        self._epoll = select.epoll()
        self._handlers: dict[int, Handler] = {}
        self._masks: dict[int, int] = {}
        self._clocks: dict[object, Callable[[float], bool]] = {}
        self._running = True
        self._looked = time.monotonic()

    def watch(self, fd: int, mask: int, handler: Handler) -> None:
        """Have `handler` told when `fd` is ready for `mask`; with 0, not even of a hang-up (which would be told for ever)."""
        before = self._masks.get(fd, 0)
        if mask == before:
            self._handlers[fd] = handler
            return
        if not mask:
            self.forget(fd)
            return
        if before:
            self._epoll.modify(fd, mask)
        else:
            self._epoll.register(fd, mask)
        self._masks[fd], self._handlers[fd] = mask, handler

    def forget(self, fd: int) -> None:
        """Tell nobody of `fd` any more; before it is closed."""
        if self._masks.pop(fd, 0):
            del self._handlers[fd]
            self._epoll.unregister(fd)

    def every_tick(self, owner: object, look: Callable[[float], bool]) -> None:
        """Call `look` with the time (monotonic seconds) now and then, until it returns False."""
        self._clocks[owner] = look

    def stop(self) -> None:
        """Return from :meth:`run` soon."""
        self._running = False

    def run(self) -> None:
        """Tell handlers until stopped."""
        while self._running:
            for fd, events in self._epoll.poll(_TICK if self._clocks else -1):
                handler = self._handlers.get(fd)
                if handler:  # its owner may have gone by an event before this one
                    handler(events)
            if self._clocks:
                self._look()

    def _look(self) -> None:
        now = time.monotonic()
        if now - self._looked >= _TICK:
            self._looked = now
            self._clocks = {owner: look for owner, look in self._clocks.items() if look(now)}
