"""A response's body, written straight to the client's socket by the thread that makes it.

A client that does not read gets no thread: after a moment without room the rest goes back to the event loop, which waits for
the socket and then asks again. Never holds more than one piece.
"""

from __future__ import annotations

import asyncio
import select
import socket
from collections.abc import Iterator

PATIENCE = 20
"""Milliseconds a thread waits for room before it is given back."""
LEAST = 64 * 1024
"""Smaller pieces are put together to this many bytes."""


class Outgoing:
    """The body of one response on its way.

    :param connected: a duplicate of the client's socket; closed by its owner.
    :param pieces: what is sent.
    :param chunked: each piece behind its length (RFC 9112, section 7.1); else bare.
    """

    def __init__(self, connected: socket.socket, pieces: Iterator[bytes], *, chunked: bool) -> None:
        self._socket = connected
        self._pieces = pieces
        self._chunked = chunked
        self._waiting: list[memoryview] = []
        self._poll = select.poll()
        self._poll.register(connected, select.POLLOUT)

    def send(self) -> bool:
        """Send until there is no more, which is True, or until the client has not read for a moment. Called on a thread.

        :raises OSError: the client has gone; else whatever making the pieces raises.
        """
        while True:
            while self._waiting:
                if not self._write() and not self._poll.poll(PATIENCE):
                    return False
            piece = self._next()
            if not piece:
                return True
            self._waiting = [memoryview(part) for part in self._wrapped(piece)]

    async def room(self) -> None:
        """Return when the client has read."""
        loop, free = asyncio.get_running_loop(), asyncio.Event()
        loop.add_writer(self._socket.fileno(), free.set)
        try:
            await free.wait()
        finally:
            loop.remove_writer(self._socket.fileno())

    def _next(self) -> bytes:
        """Return what is to be sent next: one large piece, or small ones together; empty at the end."""
        parts, size = [], 0
        for piece in self._pieces:
            parts.append(piece)
            size += len(piece)
            if size >= LEAST:
                break
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def _wrapped(self, piece: bytes) -> tuple[bytes, ...]:
        return (b"%x\r\n" % len(piece), piece, b"\r\n") if self._chunked else (piece,)

    def _write(self) -> bool:
        """Write what is waiting; False: there is no room."""
        try:
            sent = self._socket.sendmsg(self._waiting, [], socket.MSG_DONTWAIT | socket.MSG_NOSIGNAL)
        except BlockingIOError:
            return False
        while self._waiting and sent >= len(self._waiting[0]):
            sent -= len(self._waiting.pop(0))
        if sent:
            self._waiting[0] = self._waiting[0][sent:]
        return True
