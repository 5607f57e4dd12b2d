"""One client's connection: requests by h11, one after the other, bodies streamed both ways with bounded memory.

Blocking, on a thread of its own. Every wait has an end: for a request, for the rest of its head, for the next byte of a body,
and for a client that takes an answer. Files go out by sendfile(2) where no TLS is in between. Never knows what a path means.
"""

from __future__ import annotations

import logging
import os
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from email.utils import formatdate
from http import HTTPStatus
from typing import Protocol, cast

import h11

from dockerkit.daemon.registry.server.exchange import Part, Reply, refused
from dockerkit.daemon.registry.server.refusals import Refusal
from dockerkit.schema.version import VERSION

log = logging.getLogger(__name__)
HEAD_LIMIT = 64 * 1024
"""Longest request line and headers, in bytes."""
IDLE, HEAD_WITHIN, SILENCE = 120.0, 20.0, 60.0
"""Seconds: for the next request to begin; for its head to be whole; for the next byte of a body, either way."""
WINDOW, LEAST_RATE = 60.0, 256
"""A body that trickles at less than so many bytes a second for so long is given up."""
PIECE = 256 * 1024
SKIP_LIMIT = 256 * 1024
"""Bytes of an unread body that are skipped to keep the connection; beyond, it is closed."""
LINGER_BYTES, LINGER_SECONDS = 64 << 20, 2.0
"""How much of what a refused client still sends is swallowed, so that it gets to read the refusal."""
_CONTINUE = h11.InformationalResponse(status_code=100, headers=[], reason=b"Continue")
_FIXED = [("Docker-Distribution-Api-Version", "registry/2.0"), ("X-Content-Type-Options", "nosniff")]
_BODILESS = (204, 304)
_REASONS = {status.value: status.phrase.encode() for status in HTTPStatus}


class Handler(Protocol):
    """What a request becomes: :class:`.registry.Registry`."""

    def answer(self, head: h11.Request, body: Streamed) -> Reply:
        """Return the answer to a request; never raises but for the connection's own failures."""


class Streamed:
    """The body of a request, read from the connection as it is wanted."""

    def __init__(self, connection: Connection, head: h11.Request) -> None:
        self._connection = connection
        self.length = _length(head)

    def pieces(self) -> Iterator[bytes]:
        """Iterate over it as it arrives, asking for it when the client waits to be asked.

        :raises ConnectionError: it ended early, or makes no sense.
        :raises TimeoutError: nothing came in time, or too little.
        """
        return self._connection.body()


class Connection:
    """The server's side of one connection.

    :param connected: ownership passes.
    """

    def __init__(self, connected: socket.socket, handler: Handler, secure: Callable[[socket.socket], socket.socket]) -> None:
        self._socket = connected
        self._handler = handler
        self._secure = secure
        self._http = h11.Connection(h11.SERVER, max_incomplete_event_size=HEAD_LIMIT)
        self._closing = threading.Lock()
        self._closed = self._finishing = False
        self._head_only = False  # the request under way is HEAD
        self.idle_since: float | None = time.monotonic()
        """When the last answer was over; None while a request is under way."""

    def run(self) -> None:
        """Serve until the client goes, or is too slow, or the server ends."""
        try:
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._socket.settimeout(HEAD_WITHIN)
            self._become(self._secure(self._socket))
            while self._exchange():
                self._http.start_next_cycle()
        except (OSError, ssl.SSLError) as error:
            log.debug("connection ended: %s", error)
        finally:
            self._close()

    def finish(self) -> None:
        """Close when nothing is under way, else after the answer."""
        self._finishing = True
        if self.idle_since is not None:
            self.abort()

    def abort(self) -> None:
        """Break the connection; its thread wakes at once."""
        with self._closing:
            if not self._closed:
                _shut(self._socket, socket.SHUT_RDWR)

    def body(self) -> Iterator[bytes]:
        """Iterate over the body of the request under way; see :meth:`Streamed.pieces`."""
        since, taken = time.monotonic(), 0
        self._socket.settimeout(SILENCE)
        while self._http.their_state is h11.SEND_BODY:
            event = self._event()
            if isinstance(event, h11.Data):
                taken += len(event.data)
                yield bytes(event.data)
            elif event is h11.NEED_DATA:
                if self._http.they_are_waiting_for_100_continue:
                    self._socket.sendall(self._http.send(_CONTINUE) or b"")
                self._receive()
            if time.monotonic() - since > WINDOW:
                if taken < WINDOW * LEAST_RATE:
                    raise TimeoutError(f"too slow: {taken} bytes in {WINDOW:g} s")
                since, taken = time.monotonic(), 0

    def _become(self, secured: socket.socket) -> None:
        with self._closing:
            self._socket = secured

    def _exchange(self) -> bool:
        """Answer one request; tell whether another may follow."""
        try:
            head = self._head()
        except h11.RemoteProtocolError as error:
            status = error.error_status_hint if error.error_status_hint in (400, 431, 501) else 400
            self._send(refused(Refusal("UNSUPPORTED", f"malformed request: {error}", status=status)), last=True)
            self._linger()
            return False
        if head is None:
            return False
        self.idle_since, self._head_only = None, head.method == b"HEAD"
        reply = self._handler.answer(head, Streamed(self, head))
        waits = self._http.they_are_waiting_for_100_continue
        last = reply.close or self._finishing or waits or self._much_is_unread(head)
        self._send(reply, last=last)
        if last or not self._skip():
            self._linger()
            return False
        self.idle_since = time.monotonic()
        return self._http.our_state is h11.DONE and self._http.their_state is h11.DONE and not self._finishing

    def _head(self) -> h11.Request | None:
        """Return the next request's head; None when there is none any more."""
        deadline: float | None = None
        while True:
            event = self._http.next_event()
            if isinstance(event, h11.Request):
                return event
            if event is not h11.NEED_DATA:
                return None
            if deadline is None and self._http.trailing_data[0]:
                deadline = time.monotonic() + HEAD_WITHIN
            left = IDLE if deadline is None else deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError("the head of the request did not come")
            self._socket.settimeout(left)
            self._receive()

    def _receive(self) -> None:
        self._http.receive_data(self._socket.recv(PIECE))

    def _event(self) -> object:
        try:
            return self._http.next_event()
        except h11.RemoteProtocolError as error:
            raise ConnectionAbortedError(f"malformed body: {error}") from None

    def _send(self, reply: Reply, *, last: bool) -> None:
        body = reply.body
        try:
            length = body.length if isinstance(body, Part) else len(body)
            headers = [*_FIXED, ("Date", formatdate(usegmt=True)), ("Server", f"dockerkit/{VERSION}"), *reply.headers]
            headers += [] if reply.status in _BODILESS else [("Content-Length", str(length))]
            headers += [("Connection", "close")] if last else []
            self._socket.settimeout(SILENCE)
            out = (
                self._http.send(h11.Response(status_code=reply.status, headers=headers, reason=_REASONS.get(reply.status, b"")))
                or b""
            )
            if self._head_only or reply.status in _BODILESS:
                self._socket.sendall(out + (self._http.send(h11.EndOfMessage()) or b""))
            else:
                self._send_body(out, body, length)
        finally:
            if isinstance(body, Part):
                body.close()

    def _send_body(self, head: bytes, body: bytes | Part, length: int) -> None:
        if isinstance(body, bytes):
            data = self._http.send(h11.Data(data=body)) or b"" if body else b""
            self._socket.sendall(head + data + (self._http.send(h11.EndOfMessage()) or b""))
            return
        self._socket.sendall(head)
        if length:
            self._http.send_with_data_passthrough(h11.Data(data=cast(bytes, _Counted(length))))
            self._send_file(body)
        self._http.send(h11.EndOfMessage())

    def _send_file(self, part: Part) -> None:
        """Send a part of a file: by the kernel alone, or through TLS."""
        if not isinstance(self._socket, ssl.SSLSocket):
            with open(part.descriptor, "rb", buffering=0, closefd=False) as file:
                sent = self._socket.sendfile(file, part.offset, part.length)
            if sent != part.length:
                raise ConnectionAbortedError("the file is shorter than it was")
            return
        offset, end = part.offset, part.offset + part.length
        while offset < end:
            piece = os.pread(part.descriptor, min(PIECE, end - offset), offset)
            if not piece:
                raise ConnectionAbortedError("the file is shorter than it was")
            self._socket.sendall(piece)
            offset += len(piece)

    def _much_is_unread(self, head: h11.Request) -> bool:
        """Tell whether more of the body is to come than is worth reading."""
        if self._http.their_state is not h11.SEND_BODY:
            return self._http.their_state is not h11.DONE
        length = _length(head)
        return length is None or length > SKIP_LIMIT

    def _skip(self) -> bool:
        """Read what little is left of an unwanted body; tell whether that was all."""
        if self._http.their_state is h11.SEND_BODY:
            for _ in self.body():
                continue
        return self._http.their_state is h11.DONE

    def _linger(self) -> None:
        """Let the client read the answer: closing with bytes unread would reset the connection under it."""
        if self._http.their_state is h11.DONE:
            return
        _shut(self._socket, socket.SHUT_WR)
        swallowed, deadline = 0, time.monotonic() + LINGER_SECONDS
        while swallowed < LINGER_BYTES and (left := deadline - time.monotonic()) > 0:
            self._socket.settimeout(left)
            piece = self._socket.recv(PIECE)
            if not piece:
                return
            swallowed += len(piece)

    def _close(self) -> None:
        with self._closing:
            self._closed = True
            self._socket.close()


class _Counted:
    """Stands for bytes that h11 shall count and never see."""

    def __init__(self, length: int) -> None:
        self._length = length

    def __len__(self) -> int:
        return self._length


def _length(head: h11.Request) -> int | None:
    headers = dict(head.headers)
    if b"transfer-encoding" in headers:
        return None
    return int(headers.get(b"content-length", b"0"))


def _shut(connected: socket.socket, how: int) -> None:
    try:
        socket.socket.shutdown(connected, how)
    except OSError as error:
        log.debug("it was quicker: %s", error)
