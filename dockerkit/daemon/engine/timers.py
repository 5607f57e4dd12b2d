"""Things to do later: one thread and a heap for the whole engine, so that a thousand waiting containers take no thread each.

Knows nothing of what it runs. An action must be short: whatever blocks goes to a pool. Tests hand in a clock of their own and
call :meth:`Timers.run_due` themselves.
"""

from __future__ import annotations

import heapq
import itertools
import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

log = logging.getLogger(__name__)
Action = Callable[[], object]


@dataclass(order=True, slots=True)
class Timer:
    """One thing to do at a moment of the timers' clock."""

    due: float
    number: int
    action: Action | None = field(compare=False)

    def cancel(self) -> None:
        """Do not do it; harmless when it was done, or is being done."""
        self.action = None


class Timers:
    """Runs actions when their time has come.

    :param clock: seconds that only grow.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.clock = clock
        self._heap: list[Timer] = []
        self._numbers = itertools.count()
        self._changed = threading.Condition()
        self._stopped = False
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Have a thread run what is due; without it :meth:`run_due` does."""
        self._thread = threading.Thread(target=self._run, name="timers", daemon=True)
        self._thread.start()

    def after(self, seconds: float, action: Action) -> Timer:
        """Run `action` when so many seconds have passed; returns what cancels it."""
        timer = Timer(self.clock() + seconds, next(self._numbers), action)
        with self._changed:
            heapq.heappush(self._heap, timer)
            if self._heap[0] is timer:
                self._changed.notify()
        return timer

    def run_due(self) -> float | None:
        """Run what is due now, earliest first; return the seconds until the next, None when there is none."""
        while True:
            with self._changed:
                while self._heap and self._heap[0].action is None:
                    heapq.heappop(self._heap)
                if not self._heap:
                    return None
                wait = self._heap[0].due - self.clock()
                if wait > 0:
                    return wait
                timer = heapq.heappop(self._heap)
            _do(timer)

    def stop(self) -> None:
        """Run nothing more; waits for an action that is being run."""
        with self._changed:
            self._stopped = True
            self._changed.notify()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join()

    def _run(self) -> None:
        while True:
            wait = self.run_due()
            with self._changed:
                if self._stopped:
                    return
                if not self._heap or wait is None or self._heap[0].due > self.clock():
                    self._changed.wait(wait)
                if self._stopped:
                    return


def _do(timer: Timer) -> None:
    action, timer.action = timer.action, None
    if action is None:
        return
    try:
        action()
    except Exception:  # one action's mistake must not keep all others from being done
        log.exception("what was to be done later failed")
