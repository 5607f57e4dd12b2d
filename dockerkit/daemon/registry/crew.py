"""Several pieces of one errand at a time, and one end for all: the first that fails ends the others, at once.

The calling thread hears the results; when it returns, no thread of the crew is at work any more. Never starts more threads than
there is work.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import Generic, TypeVar

from dockerkit.daemon.registry.errand import Errand
from dockerkit.errors import Cancelled

_LOOK = 0.1
"""Seconds between two looks at whether the work is still wanted."""
Result = TypeVar("Result")


class Crew(Generic[Result]):
    """Threads for one errand; a context manager.

    :param size: most pieces at a time.
    """

    def __init__(self, errand: Errand, size: int) -> None:
        self._errand = errand
        self._threads = ThreadPoolExecutor(max(1, size), thread_name_prefix="registry")

    def __enter__(self) -> Crew[Result]:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None:
            self._errand.end()
        self._threads.shutdown(wait=True, cancel_futures=True)

    def results(self, pieces: Iterable[Callable[[], Result]]) -> Iterator[Result]:
        """Begin all pieces, and iterate over their results as they come.

        :raises BaseException: what the first that failed raised.
        :raises Cancelled: the errand is not wanted any more.
        """
        return self._ended({self._threads.submit(piece) for piece in pieces})

    def _ended(self, pending: set[Future[Result]]) -> Iterator[Result]:
        while pending:
            done, pending = wait(pending, timeout=_LOOK, return_when=FIRST_COMPLETED)
            if self._errand.unwanted:
                raise Cancelled("the registry work was cancelled")
            yield from _results(done)

    def only(self, piece: Callable[[], Result]) -> Result:
        """Do one piece and return its result, waiting as :meth:`results` does."""
        return next(iter(self.results([piece])))


def _results(done: set[Future[Result]]) -> Iterator[Result]:
    """A failure goes first: what succeeded beside it is of no use to the caller."""
    for future in sorted(done, key=lambda future: future.exception() is None):
        yield future.result()
