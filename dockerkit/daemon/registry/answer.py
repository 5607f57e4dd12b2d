"""One answer of a registry: its head, and its body read within limits. Never reads more than it is asked for.

A body is whole only when it is as long as its head said; one that ends early is :class:`~.breaks.Broken`, whatever arrived.
"""

from __future__ import annotations

import http.client
import ssl
import time
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Self

from dockerkit.daemon.registry.breaks import Broken, Garbled, Silent, Untrusted
from dockerkit.daemon.registry.channel import Channel

PIECE = 1 << 20
_WINDOW, _LEAST_RATE = 60.0, 1024
"""A body that trickles at less than so many bytes a second for so long is given up."""
_DRAINED = 1 << 16
"""Most bytes of an unwanted body that are read to keep a connection."""


def cause(error: Exception) -> Broken:
    """Return what a failed read or write means, in Go's words."""
    if isinstance(error, TimeoutError):
        return Silent("net/http: timeout awaiting response (no byte in time)")
    if isinstance(error, http.client.RemoteDisconnected | http.client.IncompleteRead | ssl.SSLEOFError):
        return Broken("unexpected EOF")
    if isinstance(error, ssl.SSLError) and "ALERT" in (error.reason or ""):
        return Untrusted(f"remote error: tls: {(error.reason or '').replace('_', ' ').lower()}")
    if isinstance(error, http.client.HTTPException):
        return Garbled(f"malformed HTTP response: {type(error).__name__}: {str(error)[:200]}")
    words = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return Broken(words.lower() or "unexpected EOF")


class Answer:
    """A context manager that gives the connection back when the body was read to its end, and closes it otherwise.

    :param finished: called once, with whether the connection can be used again.
    """

    def __init__(
        self, response: http.client.HTTPResponse, channel: Channel, url: str, finished: Callable[[bool], None]
    ) -> None:
        self._response = response
        self._channel = channel
        self._finished = finished
        self._taken = 0
        self.url = url
        self.status = response.status
        self.length = response.length
        """Bytes still to come; None when the head does not say."""

    def header(self, name: str) -> str:
        """Return a header's value, several of one name joined as the standard has it."""
        return ", ".join(self._response.headers.get_all(name, []))

    def headers(self, name: str) -> list[str]:
        """Return all values of a header."""
        return self._response.headers.get_all(name, [])

    def pieces(self) -> Iterator[bytes]:
        """Iterate over the body as it arrives, up to a megabyte at once.

        :raises Broken: it ended early, or nothing came in time.
        """
        self._channel.deadline = None
        since, taken = time.monotonic(), 0
        while piece := self._read(PIECE):
            yield piece
            taken += len(piece)
            if time.monotonic() - since > _WINDOW:
                if taken < _WINDOW * _LEAST_RATE:
                    raise Broken(f"too slow: {taken} bytes in {_WINDOW:g} s")
                since, taken = time.monotonic(), 0

    def document(self, limit: int, within: float) -> bytes:
        """Return the whole body.

        :param limit: most bytes it may have.
        :param within: seconds it may take in all.
        :raises Garbled: it is longer.
        :raises Broken: it ended early, or did not end in time.
        """
        if self.length is not None and self.length > limit:
            raise Garbled(f"the answer has {self.length} bytes, more than {limit}")
        content = self.beginning(limit + 1, within)
        if len(content) > limit:
            raise Garbled(f"the answer has more than {limit} bytes")
        return content

    def beginning(self, limit: int, within: float) -> bytes:
        """Return the body's first `limit` bytes, or all of it when it is shorter."""
        self._channel.deadline = time.monotonic() + within
        found = bytearray()
        while len(found) < limit and (piece := self._read(min(PIECE, limit - len(found)))):
            found += piece
        return bytes(found)

    def _read(self, most: int) -> bytes:
        try:
            piece = self._response.read1(most)
        except (OSError, ValueError, http.client.HTTPException) as error:
            raise cause(error) from None
        self._taken += len(piece)
        if not piece and self.length is not None and self._taken != self.length:
            raise Broken(f"unexpected EOF: {self._taken} of {self.length} bytes came")
        return piece

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None) -> None:
        reusable = kind is None and self._drained() and not self._response.will_close
        self._response.close()
        self._finished(reusable)

    def _drained(self) -> bool:
        """Read what little may be left, without waiting long."""
        if self._response.isclosed():
            return True
        if self.length is None or self.length - self._taken > _DRAINED:
            return False
        try:
            self.beginning(_DRAINED, 1.0)
        except Broken:
            return False
        return self._response.isclosed() or self._taken == self.length
