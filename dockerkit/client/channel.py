"""The streams of one attached program: written, read and waited for from any thread, without a thread of its own.

Whoever waits, for output, for room to write or for the end, moves bytes for everybody: so huge input against huge output cannot
lock up, and nothing runs while nobody waits. Output that was not read yet is held in memory. Knows sockets and frames, not
containers.
"""

from __future__ import annotations

import contextlib
import select
import socket
import threading
import time
from collections.abc import Callable

from dockerkit.client.exchange import pending
from dockerkit.client.streams import STDERR, STDOUT, Demultiplexer
from dockerkit.client.transport.http import ZERO_RETURN, RawStream, not_yet

_READ = 256 * 1024
_WRITE = 64 * 1024
HELD = 64 * 1024 * 1024
"""Bytes of unread output that somebody who waits for the end takes in; the program waits for a reader beyond."""
_TURN = 0.1
"""Seconds after which a writer looks whether the thread that moved bytes for it has stopped."""


class Channel:
    """Both directions of an attached program.

    :param framed: False for a terminal, whose one stream is raw and counts as standard output.
    :param merged: standard error counts as standard output.
    """

    def __init__(self, stream: RawStream, *, framed: bool, merged: bool = False) -> None:
        self._socket = stream.socket
        self._socket.setblocking(False)
        self._split = Demultiplexer() if framed else None
        self._merged = merged
        self._held: dict[int, bytearray] = {STDOUT: bytearray(), STDERR: bytearray()}
        self._ended = False
        self._moving = False
        self._turn = threading.Condition()
        self._writing = threading.Lock()
        self._feed(stream.received())

    @property
    def ended(self) -> bool:
        """True when the peer has closed: what is held is the rest."""
        return self._ended

    def read(self, stream: int, size: int = -1, deadline: float | None = None) -> bytes | None:
        """Return output of a stream as soon as there is some: at most `size` bytes; b"" at its end.

        :returns: None when the deadline (of ``time.monotonic()``) came first.
        """
        held = self._held[stream]
        if not self._move_until(lambda: bool(held), deadline) and not self._ended:
            return None
        with self._turn:
            piece = bytes(held if size < 0 else held[:size])
            del held[: len(piece)]
        return piece

    def peek(self, stream: int) -> bytes:
        """Return what is held of a stream, and leave it there."""
        with self._turn:
            return bytes(self._held[stream])

    def until_end(self, deadline: float | None = None, *, limit: int | None = HELD) -> bool:
        """Take in everything until the peer closes, or until so much is held; tell whether it has closed."""
        full = (lambda: False) if limit is None else (lambda: sum(map(len, self._held.values())) >= limit)
        self._move_until(full, deadline)
        return self._ended

    def write(self, data: bytes | memoryview, deadline: float | None = None) -> int:
        """Write all of it, taking in output meanwhile; return how much was written before the deadline.

        :raises BrokenPipeError: the program reads no more, or this direction is closed.
        """
        rest = memoryview(data).cast("B")
        with self._writing:
            while rest:
                try:
                    rest = rest[self._socket.send(rest[:_WRITE]) :]
                except OSError as error:
                    if not not_yet(error):
                        raise BrokenPipeError(error.errno, "the program reads no more") from None
                    if self._left(deadline) == 0:
                        break
                    self._make_room(deadline)
        return len(data) - len(rest)

    def close_input(self) -> None:
        """Say that no more will be written; safe to repeat."""
        with contextlib.suppress(OSError):  # the peer has gone: it knows
            self._socket.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        """Close both directions; safe to repeat."""
        self._ended = True
        self._socket.close()

    # moving bytes

    def _move_until(self, enough: Callable[[], bool], deadline: float | None) -> bool:
        """Take in output until there is enough or no more, one thread for all; tell whether there is enough."""
        while True:
            with self._turn:
                while not enough() and not self._ended and self._moving:
                    if not self._turn.wait(self._left(deadline)):
                        return enough()
                if enough() or self._ended:
                    return enough()
                self._moving = True
            try:
                if not self._wait_for(select.POLLIN, deadline):
                    return enough()
            finally:
                self._stop_moving()

    def _make_room(self, deadline: float | None) -> None:
        """Wait until something can be written; take in output meanwhile, unless another thread does."""
        with self._turn:
            mine = not self._moving
            self._moving = True
        if not mine:
            soon = time.monotonic() + _TURN
            self._wait_for(select.POLLOUT, soon if deadline is None else min(soon, deadline))
            return
        try:
            self._wait_for(select.POLLIN | select.POLLOUT, deadline)
        finally:
            self._stop_moving()

    def _stop_moving(self) -> None:
        with self._turn:
            self._moving = False
            self._turn.notify_all()

    def _wait_for(self, events: int, deadline: float | None) -> bool:
        """Wait on the socket and take in what came; False when the deadline came first."""
        poll = select.poll()
        try:
            poll.register(self._socket, events)
        except ValueError:
            return False  # closed by another thread
        left = self._left(deadline)
        found = poll.poll(None if left is None else left * 1000)
        if found and found[0][1] & ~select.POLLOUT and events & select.POLLIN:
            self._take_in()
        return bool(found)

    def _take_in(self) -> None:
        try:
            piece = self._socket.recv(_READ)
            while piece and (left := pending(self._socket)):
                piece += self._socket.recv(left)
        except ConnectionResetError:
            piece = b""  # closed with input unread: all output has come before
        except OSError as error:
            if not_yet(error):
                return
            if error.errno != ZERO_RETURN and self._socket.fileno() >= 0:
                raise
            piece = b""
        with self._turn:
            self._feed(piece)
            self._ended = self._ended or not piece

    def _feed(self, data: bytes) -> None:
        pieces = [(STDOUT, data)] if self._split is None else self._split.feed(data)
        for stream, piece in pieces:
            self._held[STDERR if stream >= STDERR and not self._merged else STDOUT] += piece

    @staticmethod
    def _left(deadline: float | None) -> float | None:
        return None if deadline is None else max(0.0, deadline - time.monotonic())
