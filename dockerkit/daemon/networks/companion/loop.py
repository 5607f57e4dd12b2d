"""One epoll, some clocks, and who is told by them. Knows no protocol."""

from __future__ import annotations

import heapq
import select
import time
from collections.abc import Callable

IN, OUT, ERROR, HUNG_UP = select.EPOLLIN, select.EPOLLOUT, select.EPOLLERR, select.EPOLLHUP
_MANY = 1024
"""Alarms from which on those that were called off are swept out."""
_TICK = 5.0
"""Seconds between looks at the clock, while anybody cares about it."""

Handler = Callable[[int], None]


class Alarm:
    """Something to be done at a time, unless it is called off."""

    __slots__ = ("at", "ring")

    def __init__(self, at: float, ring: Callable[[], None] | None) -> None:
        self.at, self.ring = at, ring

    def __lt__(self, other: Alarm) -> bool:
        return self.at < other.at

    def cancel(self) -> None:
        """Call it off; harmless afterwards."""
        self.ring = None


class Loop:
    """Tells handlers what their descriptors are ready for, until it is stopped."""

    def __init__(self) -> None:
        self._epoll = select.epoll()
        self._handlers: dict[int, Handler] = {}
        self._masks: dict[int, int] = {}
        self._first: set[int] = set()
        self._clocks: dict[object, Callable[[float], bool]] = {}
        self._alarms: list[Alarm] = []
        self._sweep_at = _MANY
        self._running = True
        self._looked = time.monotonic()

    def watch(self, fd: int, mask: int, handler: Handler, *, first: bool = False) -> None:
        """Have `handler` told when `fd` is ready for `mask`; with 0, not even of a hang-up (which would be told for ever).

        :param first: before all others that are ready at the same time.
        """
        if first:
            self._first.add(fd)
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
        self._first.discard(fd)
        if self._masks.pop(fd, 0):
            del self._handlers[fd]
            self._epoll.unregister(fd)

    def every_tick(self, owner: object, look: Callable[[float], bool]) -> None:
        """Call `look` with the time (monotonic seconds) now and then, until it returns False."""
        self._clocks[owner] = look

    def after(self, seconds: float, ring: Callable[[], None]) -> Alarm:
        """Call `ring` once, in so many seconds, unless the alarm is cancelled."""
        alarm = Alarm(time.monotonic() + seconds, ring)
        if len(self._alarms) >= self._sweep_at:
            self._alarms = [one for one in self._alarms if one.ring]
            heapq.heapify(self._alarms)
            self._sweep_at = max(_MANY, 2 * len(self._alarms))
        heapq.heappush(self._alarms, alarm)
        return alarm

    def stop(self) -> None:
        """Return from :meth:`run` soon."""
        self._running = False

    def run(self) -> None:
        """Tell handlers until stopped."""
        poll, handlers, first = self._epoll.poll, self._handlers, self._first
        while self._running:
            ready = poll(self._patience())
            if first and len(ready) > 1:
                ready.sort(key=lambda one: one[0] not in first)
            for fd, events in ready:
                handler = handlers.get(fd)
                if handler:  # its owner may have gone by an event before this one
                    handler(events)
            if self._alarms:
                self._ring()
            if self._clocks:
                self._look()

    def _patience(self) -> float:
        patience = _TICK if self._clocks else -1.0
        if self._alarms:
            left = max(0.0, self._alarms[0].at - time.monotonic())
            return min(left, patience) if self._clocks else left
        return patience

    def _ring(self) -> None:
        now = time.monotonic()
        while self._alarms and (self._alarms[0].at <= now or self._alarms[0].ring is None):
            ring = heapq.heappop(self._alarms).ring
            if ring:
                ring()

    def _look(self) -> None:
        now = time.monotonic()
        if now - self._looked >= _TICK:
            self._looked = now
            self._clocks = {owner: look for owner, look in self._clocks.items() if look(now)}
