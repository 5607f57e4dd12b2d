"""Waiting for many descriptors and moments at once, one callback each. Knows nothing of containers."""

from __future__ import annotations

import heapq
import itertools
import select
import time
from collections.abc import Callable

READ, WRITE, HANGUP = select.EPOLLIN, select.EPOLLOUT, select.EPOLLHUP | select.EPOLLERR

Callback = Callable[[int], None]


class Timer:
    """A call that is due at some moment."""

    def __init__(self, callback: Callable[[], None]) -> None:
        self._callback: Callable[[], None] | None = callback

    def cancel(self) -> None:
        """Forget the call, and all that it holds."""
        self._callback = None

    def ring(self) -> None:
        """Make the call, unless it was cancelled."""
        if self._callback is not None:
            self._callback()


class Loop:
    """An epoll loop for one thread; callbacks get the events and must not block."""

    def __init__(self) -> None:
        self._epoll = select.epoll()
        self._callbacks: dict[int, Callback] = {}
        self._timers: list[tuple[float, int, Timer]] = []
        self._order = itertools.count()
        self._fresh: set[int] = set()

    def watch(self, descriptor: int, events: int, callback: Callback) -> None:
        """Call `callback` when `descriptor` has one of `events`; hang-ups are always told.

        :raises OSError: EPERM for what cannot be waited for (a regular file).
        """
        self._epoll.register(descriptor, events)
        self._callbacks[descriptor] = callback
        self._fresh.add(descriptor)

    def change(self, descriptor: int, events: int) -> None:
        """Wait for other events of a watched descriptor."""
        self._epoll.modify(descriptor, events)

    def forget(self, descriptor: int) -> None:
        """Stop watching; call it before the descriptor is closed. Repeating it changes nothing."""
        if self._callbacks.pop(descriptor, None):
            self._epoll.unregister(descriptor)

    def close(self) -> None:
        """Forget everything."""
        self._epoll.close()
        self._callbacks.clear()

    def after(self, seconds: float, callback: Callable[[], None]) -> Timer:
        """Call `callback` once, when so many seconds have passed."""
        timer = Timer(callback)
        heapq.heappush(self._timers, (time.monotonic() + seconds, next(self._order), timer))
        return timer

    def turn(self) -> None:
        """Wait for something to happen and make its calls."""
        happened = self._epoll.poll(self._patience())
        self._fresh.clear()
        for descriptor, events in happened:
            callback = self._callbacks.get(descriptor)
            # a number that was closed and taken by another since we asked: the event is not about that
            if callback and descriptor not in self._fresh:
                callback(events)
        while self._timers and self._timers[0][0] <= time.monotonic():
            heapq.heappop(self._timers)[2].ring()

    def _patience(self) -> float | None:
        return max(0.0, self._timers[0][0] - time.monotonic()) if self._timers else None
