"""An answer that goes on: an iterator that waits for the next thing, and closes its connection when it is closed or dropped."""

from __future__ import annotations

from collections.abc import Iterator
from types import TracebackType
from typing import Generic, Self, TypeVar

from dockerkit.client.transport.http import Response

T = TypeVar("T")


class Following(Iterator[T], Generic[T]):
    """Iterates over what an engine sends, as it comes; Ctrl-C interrupts. A context manager, closed at the end.

    :param items: reads from `answer`.
    """

    def __init__(self, answer: Response, items: Iterator[T]) -> None:
        self._answer = answer
        self._items = items

    def __next__(self) -> T:
        """Wait for the next one; the end comes when the engine says so, or after :meth:`close`."""
        return next(self._items)

    def close(self) -> None:
        """Hear no more; safe to repeat."""
        self._answer.close()
        self._items = iter(())

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Close it."""
        self.close()

    def __del__(self) -> None:
        """Close it: a loop that was left early keeps no connection."""
        self._answer.close()
