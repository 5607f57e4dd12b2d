"""One piece of work for everybody who asks for the same thing at the same time, each hearing its whole progress.

The work runs in a thread of its own; each caller waits in its own thread and gets the messages there, from the first on. So a
caller that goes away or whose progress fails loses nothing for the others; when the last one has gone, the work is told at its
next word. Never remembers finished work.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable
from typing import Any, Generic, TypeVar

from dockerkit.errors import Cancelled

Progress = Callable[[dict[str, Any]], None]
Result = TypeVar("Result")


class Flights(Generic[Result]):
    """The work under way, by key. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._under_way: dict[Hashable, _Flight[Result]] = {}

    def join(self, key: Hashable, work: Callable[[Progress], Result], progress: Progress) -> Result:
        """Start `work` unless it is under way for this key, and return its result.

        :raises BaseException: what the work raised, to each caller; or what the caller's own `progress` raised, to it alone.
        """
        with self._lock:
            flight = self._under_way.setdefault(key, _Flight())
            flight.waiting += 1
            if not flight.begun:
                flight.begun = True
                threading.Thread(target=self._run, args=(key, flight, work), name="obtain", daemon=True).start()
        try:
            return flight.follow(progress)
        finally:
            self._leave(key, flight)

    def _leave(self, key: Hashable, flight: _Flight[Result]) -> None:
        with self._lock:
            flight.waiting -= 1
            if not flight.waiting and self._under_way.get(key) is flight:
                del self._under_way[key]  # given up: whoever asks now begins anew

    def _run(self, key: Hashable, flight: _Flight[Result], work: Callable[[Progress], Result]) -> None:
        try:
            result = work(flight.say)
        except BaseException as error:
            outcome: Callable[[], Result] = _raiser(error)
        else:
            outcome = lambda: result  # noqa: E731
        with self._lock:
            if self._under_way.get(key) is flight:
                del self._under_way[key]
        flight.land(outcome)


class _Flight(Generic[Result]):
    """Messages so far, and the outcome when there is one."""

    def __init__(self) -> None:
        self.waiting, self.begun = 0, False
        self._changed = threading.Condition()
        self._messages: list[dict[str, Any]] = []
        self._outcome: Callable[[], Result] | None = None

    def say(self, message: dict[str, Any]) -> None:
        if not self.waiting:
            raise Cancelled("everybody who asked for this has gone")
        with self._changed:
            self._messages.append(message)
            self._changed.notify_all()

    def land(self, outcome: Callable[[], Result]) -> None:
        with self._changed:
            self._outcome = outcome
            self._changed.notify_all()

    def follow(self, progress: Progress) -> Result:
        heard = 0
        while True:
            with self._changed:
                while len(self._messages) == heard and self._outcome is None:
                    self._changed.wait()
                news, outcome = self._messages[heard:], self._outcome
            for message in news:
                progress(message)
            heard += len(news)
            if outcome is not None and not news:
                return outcome()


def _raiser(error: BaseException) -> Callable[[], Any]:
    def outcome() -> Any:
        raise error

    return outcome
