"""Several pieces of one errand at a time, and one end for all: the first that fails ends the others, at once.

The calling thread hears the results; when it returns, no thread of the crew is at work any more. Never starts more threads than
there is work, and never keeps a process from ending.
"""

from __future__ import annotations

import contextlib
import queue
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Generic, TypeVar

from dockerkit.daemon.registry.errand import Errand
from dockerkit.errors import Cancelled

_LOOK = 0.1
"""Seconds between two looks at whether the work is still wanted."""
Result = TypeVar("Result")
Piece = Callable[[], Result]


class Crew(Generic[Result]):
    """Threads for one errand; a context manager.

    :param size: most pieces at a time.
    """

    def __init__(self, errand: Errand, size: int) -> None:
        self._errand = errand
        self._size = max(1, size)
        self._pieces: queue.SimpleQueue[Piece[Result]] = queue.SimpleQueue()
        self._outcomes: queue.SimpleQueue[Piece[Result]] = queue.SimpleQueue()
        self._threads: list[threading.Thread] = []

    def __enter__(self) -> Crew[Result]:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None:
            self._errand.end()
        for thread in self._threads:
            thread.join()

    def results(self, pieces: Iterable[Piece[Result]]) -> Iterator[Result]:
        """Begin all pieces, and iterate over their results as they come.

        :raises BaseException: what the first that failed raised.
        :raises Cancelled: the errand is not wanted any more.
        """
        waiting = list(pieces)
        for piece in waiting:
            self._pieces.put(piece)
        for _ in waiting[: self._size]:
            thread = threading.Thread(target=self._work, name="registry", daemon=True)
            self._threads.append(thread)
            thread.start()
        return self._coming(len(waiting))

    def only(self, piece: Piece[Result]) -> Result:
        """Do one piece and return its result, waiting as :meth:`results` does."""
        return next(self.results([piece]))

    def _coming(self, count: int) -> Iterator[Result]:
        while count:
            if self._errand.unwanted:
                raise Cancelled("the registry work was cancelled")
            with contextlib.suppress(queue.Empty):  # nothing yet: look again whether it is still wanted
                outcome = self._outcomes.get(timeout=_LOOK)
                count -= 1
                yield outcome()

    def _work(self) -> None:
        while not self._errand.ended:
            try:
                piece = self._pieces.get_nowait()
            except queue.Empty:
                return
            self._outcomes.put(_outcome(piece))


def _outcome(piece: Piece[Result]) -> Piece[Result]:
    """Do a piece; return what gives its result, or raises what it raised."""
    try:
        result = piece()
    except BaseException as error:
        failure = error

        def fail() -> Result:
            raise failure

        return fail
    return lambda: result
