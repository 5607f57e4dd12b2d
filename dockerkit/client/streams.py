"""Docker's multiplexed stream: frames of an eight-byte header (stream, three zeros, big-endian length) and a payload.

Pure: bytes in, pieces out, whatever the chunking; holds a header's worth of bytes at most, never a payload.
Source: Engine API, "Attach to a container", Stream format.
"""

from __future__ import annotations

from collections.abc import Callable

from dockerkit.errors import Damaged

Tell = Callable[[int, bytes], None]
"""Is told each piece of output as it comes: of which stream, and what."""

STDIN, STDOUT, STDERR, SYSTEM, EXIT = range(5)
"""Docker's streams; and the one on which our own engine tells how an exec ended, to those who asked for it."""
_HEADER = 8


class Demultiplexer:
    """Splits one direction of an attached or logged container into its streams."""

    def __init__(self) -> None:
        self._head = b""
        self._stream = STDOUT
        self._left = 0

    def feed(self, data: bytes) -> list[tuple[int, bytes]]:
        """Return what `data` completes, as (stream, piece) in order; a frame may come in several pieces.

        :raises Damaged: not Docker's framing.
        """
        pieces: list[tuple[int, bytes]] = []
        at = 0
        while at < len(data):
            if not self._left:
                at = self._header(data, at)
                continue
            piece = data[at : at + self._left]
            pieces.append((self._stream, piece))
            self._left -= len(piece)
            at += len(piece)
        return pieces

    @property
    def whole(self) -> bool:
        """True when no frame is half read: the stream may end here."""
        return not self._left and not self._head

    def _header(self, data: bytes, at: int) -> int:
        """Take header bytes from `at`; return where the payload, or the end of the data, is."""
        wanted = _HEADER - len(self._head)
        self._head += data[at : at + wanted]
        if len(self._head) == _HEADER:
            if self._head[0] > EXIT or any(self._head[1:4]):
                raise Damaged(f"not Docker's stream format: a header of {self._head.hex(' ')}")
            self._stream, self._left = self._head[0], int.from_bytes(self._head[4:], "big")
            self._head = b""
        return min(at + wanted, len(data))


class Output:
    """What a container wrote, collected by stream.

    :param framed: False for a terminal, whose one stream is raw.
    :param merged: both streams together, in order, as standard output.
    :param tell: somebody who wants to know at once, too.
    """

    def __init__(self, *, framed: bool, merged: bool = False, tell: Tell | None = None) -> None:
        self._tell = tell
        self._split = Demultiplexer() if framed else None
        self._merged = merged
        self._pieces: tuple[list[bytes], list[bytes]] = ([], [])
        self._exit = b""

    def feed(self, data: bytes) -> None:
        """Add what arrived."""
        pieces = [(STDOUT, data)] if self._split is None else self._split.feed(data)
        for stream, piece in pieces:
            if stream == EXIT:
                self._exit += piece
                continue
            self._pieces[stream >= STDERR and not self._merged].append(piece)
            if self._tell is not None:
                self._tell(stream, piece)

    @property
    def exit_code(self) -> int | None:
        """How the program ended, where the engine tells it here; else None."""
        return int.from_bytes(self._exit, "big") if self._exit else None

    @property
    def stdout(self) -> bytes:
        """Everything on standard output so far."""
        return b"".join(self._pieces[0])

    @property
    def stderr(self) -> bytes:
        """Everything on standard error so far."""
        return b"".join(self._pieces[1])
