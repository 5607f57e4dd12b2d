"""A request's body as a file, read by the thread that wants it straight from the client's socket.

An archive of a gigabyte passes through no event loop and no buffer of ours: the kernel's socket buffer is what holds the client
back. Never reads a byte beyond the body that is not given back.
"""

from __future__ import annotations

import contextlib
import re
import socket

from dockerkit.errors import Invalid

PATIENCE = 24 * 3600.0
"""Seconds a client may be silent in the middle of a body. Finite, so that the socket stays non-blocking for the event loop."""
READ = 64 * 1024
"""Bytes received beyond a chunk's head at once."""
LONGEST_LINE = 4096
SKIP = 1 << 20
_CHUNK_SIZE = re.compile(rb"[0-9a-fA-F]{1,15}")


class Incoming:
    """The body of one request.

    :param connected: a duplicate of the client's socket, closed with this.
    :param received: what was read already.
    :param length: how many bytes the body has; None: it is chunked (RFC 9112, section 7.1).
    """

    def __init__(self, connected: socket.socket, received: bytes, length: int | None) -> None:
        self._socket = connected
        self._socket.settimeout(PATIENCE)
        self._received = received
        self._chunked = length is None
        self._left = length or 0
        self._begun = False
        self.whole = length == 0
        """Whether the body has been read to its end."""

    @property
    def rest(self) -> bytes:
        """What was received behind the body; only once it is whole."""
        return self._received

    def read(self, size: int) -> bytes:
        """Return at most `size` bytes, at least one; none at the end of the body.

        :raises Invalid: it is malformed, or ends early.
        """
        if self._chunked and not self._left and not self.whole:
            self._next_chunk()
        if self.whole:
            return b""
        piece = self._take(min(size, self._left))
        self._left -= len(piece)
        self.whole = not self._left and not self._chunked
        return piece

    def skip(self) -> None:
        """Read past what is left, if it is not much: the padding behind an archive's end."""
        left = SKIP
        while left > 0 and (piece := self.read(READ)):
            left -= len(piece)

    def interrupt(self) -> None:
        """End a read that is under way, from another thread: the client has gone, or we are going."""
        with contextlib.suppress(OSError):  # ENOTCONN: there is none
            self._socket.shutdown(socket.SHUT_RD)

    def close(self) -> None:
        """Close the duplicate of the socket."""
        self._socket.close()

    def _take(self, size: int) -> bytes:
        if self._received:
            piece, self._received = self._received[:size], self._received[size:]
            return piece
        try:
            piece = self._socket.recv(size)
        except TimeoutError:
            raise Invalid("the request body stopped coming") from None
        except OSError as error:
            raise Invalid(f"the request body ends early: {error}") from None
        if not piece:
            raise Invalid("the request body ends early")
        return piece

    def _next_chunk(self) -> None:
        if self._begun and self._line():
            raise Invalid("malformed request body: a chunk is longer than it says")
        self._begun = True
        size = self._line().partition(b";")[0].strip()
        if not _CHUNK_SIZE.fullmatch(size):
            raise Invalid(f"malformed request body: {size[:40]!r} is no chunk size")
        self._left = int(size, 16)
        if not self._left:
            while self._line():
                pass  # trailers
            self.whole = True

    def _line(self) -> bytes:
        line = b""
        while not line.endswith(b"\n"):
            if len(line) > LONGEST_LINE:
                raise Invalid("malformed request body: a chunk's head is too long")
            if not self._received:
                self._received = self._take(READ)
            end = self._received.find(b"\n", 0, LONGEST_LINE) + 1 or LONGEST_LINE
            line += self._take(end)
        return line.rstrip(b"\r\n")
