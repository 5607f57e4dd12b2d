"""A stream that owns what it reads from: it lets go at its end, when it is closed, or when it is forgotten."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from typing import cast


class Outgoing(Iterator[bytes]):
    """The bytes of an archive. Close it when they are no longer wanted; reading it to its end does so too.

    :param pieces: where they come from.
    :param release: called once, after the last.
    """

    def __init__(self, pieces: Iterator[bytes], release: Callable[[], None]) -> None:
        self._pieces = pieces
        self._release: Callable[[], None] | None = release

    def __next__(self) -> bytes:
        """Return the next piece."""
        try:
            return next(self._pieces)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Let go; harmless when it was done."""
        release, self._release = self._release, None
        if release is not None:
            cast("Generator[bytes]", self._pieces).close()
            release()

    def __del__(self) -> None:
        """Let go: somebody forgot to."""
        self.close()
