"""A container's output onto this program's own: each stream where it belongs, at once."""

from __future__ import annotations

import os
import select
import sys

from dockerkit.client.streams import STDOUT, Demultiplexer


class Output:
    """Takes what arrives apart.

    :param framed: False for a terminal, whose one stream is raw.
    :param streams: which streams are shown; others are dropped.
    """

    def __init__(self, *, framed: bool, streams: frozenset[int] = frozenset({1, 2})) -> None:
        self._split = Demultiplexer() if framed else None
        self._streams = streams
        sys.stdout.flush()
        sys.stderr.flush()

    def write(self, data: bytes) -> None:
        """Write what arrived.

        :raises BrokenPipeError: nobody reads any more.
        """
        for stream, piece in [(STDOUT, data)] if self._split is None else self._split.feed(data):
            if (STDOUT if stream <= STDOUT else 2) in self._streams:
                _write_all(1 if stream <= STDOUT else 2, piece)


def _write_all(descriptor: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        try:
            rest = rest[os.write(descriptor, rest) :]
        except BlockingIOError:  # somebody who shares the terminal with us does not wait on it
            select.select([], [descriptor], [])
