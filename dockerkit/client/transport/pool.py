"""The transport: requests over kept connections, from any thread, in any process.

A connection serves one request at a time and is kept afterwards. One that went stale while idle is noticed before use; should
it break under a request, the request is repeated once, and only when it was not sent in full or may be repeated without harm.
"""

from __future__ import annotations

from collections import deque
from typing import Protocol

import h11

from dockerkit.client.transport.dial import Dial
from dockerkit.client.transport.failures import connection_failure
from dockerkit.client.transport.http import Body, Connection, Headers, RawStream, Response

IDEMPOTENT = frozenset({"GET", "HEAD", "PUT", "DELETE"})
_KEPT = 16


class Transport(Protocol):
    """What the engine needs of the wire; tests hand in scripted ones."""

    url: str

    def request(
        self, method: str, target: str, *, headers: Headers = (), body: Body = b"", timeout: float | None = None
    ) -> Response:
        """Send a request and return its answer, body unread.

        :param body: in pieces: sent once, over a connection of its own.
        :param timeout: seconds for each wait on the peer; None waits for ever.
        :raises Unavailable: nobody answers, or the connection broke.
        :raises NotAllowed: the socket is not for this user.
        :raises TimedOut: the peer needed longer.
        """

    def upgrade(
        self, target: str, *, headers: Headers = (), body: bytes = b"", timeout: float | None = None
    ) -> RawStream | Response:
        """POST and leave HTTP: the raw stream, or the answer of an engine that refused."""

    def open(self, timeout: float | None = None) -> None:
        """Make sure somebody answers; the connection is kept for the first request."""

    def close(self) -> None:
        """Close the kept connections."""


class Pool:
    """The :class:`Transport` over sockets."""

    def __init__(self, url: str, dial: Dial, *, host: str = "docker") -> None:
        self.url = url
        self._dial = dial
        self._host = host
        self._idle: deque[Connection] = deque()  # append and pop are atomic: no lock that a fork could inherit locked

    def request(
        self, method: str, target: str, *, headers: Headers = (), body: Body = b"", timeout: float | None = None
    ) -> Response:
        """See :meth:`Transport.request`."""
        connection, head = self._exchange(method, target, headers, body, timeout)
        if not isinstance(head, h11.Response):
            connection.close()
            raise connection_failure(OSError("it changed the protocol without being asked"), self.url)
        return Response(head, connection, done=self._release, named=self._named)

    def upgrade(
        self, target: str, *, headers: Headers = (), body: bytes = b"", timeout: float | None = None
    ) -> RawStream | Response:
        """See :meth:`Transport.upgrade`."""
        asking = [*headers, ("Connection", "Upgrade"), ("Upgrade", "tcp")]
        connection, head = self._exchange("POST", target, asking, body, timeout)
        if isinstance(head, h11.Response) and head.status_code != 200:
            return Response(head, connection, done=self._release, named=self._named)
        return connection.raw(head)

    def open(self, timeout: float | None = None) -> None:
        """See :meth:`Transport.open`."""
        connection = self._take() or self._connect(timeout)
        self._release(connection, fresh=True)

    def close(self) -> None:
        """See :meth:`Transport.close`."""
        while self._idle:
            self._idle.pop().close()

    def _exchange(
        self, method: str, target: str, headers: Headers, body: Body, timeout: float | None
    ) -> tuple[Connection, h11.Response | h11.InformationalResponse]:
        kept = self._take() if isinstance(body, bytes) else None
        if kept is not None:
            sent = False
            try:
                kept.socket.settimeout(timeout)
                kept.send(method, target, headers, body)
                sent = True
                return kept, kept.head()
            except BaseException as error:
                kept.close()
                broken = isinstance(error, ConnectionError) and not kept.answered
                if not broken or (sent and method not in IDEMPOTENT):
                    raise self._named(error) from None
        fresh = self._connect(timeout)
        try:
            fresh.socket.settimeout(timeout)
            fresh.send(method, target, headers, body)
            return fresh, fresh.head()
        except BaseException as error:
            fresh.close()
            raise self._named(error) from None

    def _named(self, error: BaseException) -> BaseException:
        return connection_failure(error, self.url) if isinstance(error, OSError) else error

    def _connect(self, timeout: float | None) -> Connection:
        try:
            return Connection(self._dial(timeout), self._host)
        except OSError as error:
            raise self._named(error) from None

    def _take(self) -> Connection | None:
        while True:
            try:
                connection = self._idle.pop()
            except IndexError:
                return None
            if not connection.stale():
                return connection
            connection.close()

    def _release(self, connection: Connection, *, fresh: bool = False) -> None:
        if (fresh or connection.reusable()) and len(self._idle) < _KEPT:
            self._idle.append(connection)
        else:
            connection.close()
