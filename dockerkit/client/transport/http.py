"""One HTTP/1.1 connection: send a request, read its response, or leave HTTP for raw bytes.

Raises OSError and nothing else for whatever goes wrong on the wire; ``pool`` gives such failures their names.
"""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from types import TracebackType

import h11

Headers = Sequence[tuple[str, str]]
Body = bytes | Iterable[bytes]
"""A request's body: whole, or in pieces as they come."""
_READ = 256 * 1024
_HEAD_LIMIT = 1024 * 1024
WANT_READ, WANT_WRITE, ZERO_RETURN = 2, 3, 6
"""``errno`` of ``ssl``'s errors of these names: a TLS socket's way to say EAGAIN, and end of file, without importing ssl."""


class NotHttp(OSError):
    """The peer did not speak HTTP as it should."""


class RawStream:
    """A connection that has left HTTP: both ends write bytes as they like."""

    def __init__(self, sock: socket.socket, received: bytes, headers: Mapping[str, str]) -> None:
        self.socket = sock
        self.headers = headers
        self.content_type = headers.get("content-type", "")
        self._received = received

    def received(self) -> bytes:
        """Return, once, what arrived together with the response head."""
        early, self._received = self._received, b""
        return early

    def close(self) -> None:
        """Close the connection; safe to repeat."""
        self.socket.close()


class Response:
    """Status, headers and body of one answer; read it to its end or close it."""

    def __init__(
        self,
        head: h11.Response,
        connection: Connection,
        *,
        done: Callable[[Connection], None],
        named: Callable[[BaseException], BaseException],
    ) -> None:
        self.status = head.status_code
        self.headers = {name.decode(): value.decode("latin-1") for name, value in head.headers}
        self._connection: Connection | None = connection
        self._done = done
        self._named = named

    def __iter__(self) -> Iterator[bytes]:
        """Yield the body in pieces as they arrive; at its end the connection is free for the next request.

        :raises Unavailable: the connection broke.
        :raises TimedOut: the peer needed longer.
        """
        while self._connection is not None:
            try:
                piece = self._connection.body()
            except BaseException as error:
                self.close()
                raise self._named(error) from None
            if piece is None:
                connection, self._connection = self._connection, None
                self._done(connection)
                return
            yield piece

    def read(self) -> bytes:
        """Return the whole body."""
        return b"".join(self)

    def fileno(self) -> int:
        """Return the descriptor to wait on for more of the body; -1 when it has ended."""
        return self._connection.socket.fileno() if self._connection is not None else -1

    def patience(self, seconds: float | None) -> None:
        """Wait so long for each further piece; None is for ever."""
        if self._connection is not None:
            self._connection.socket.settimeout(seconds)

    def now(self) -> bytes | None:
        """Return what has arrived since, without waiting; None when the body has ended and nothing is left.

        :raises Unavailable: the connection broke.
        """
        self.patience(0)
        pieces = []
        try:
            while self._connection is not None:
                if (piece := self._connection.body()) is None:
                    connection, self._connection = self._connection, None
                    self._done(connection)
                else:
                    pieces.append(piece)
        except OSError as error:
            if not not_yet(error):
                self.close()
                raise self._named(error) from None
        return b"".join(pieces) if pieces or self._connection is not None else None

    def close(self) -> None:
        """Give up what was not read yet; the connection goes with it."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def __enter__(self) -> Response:
        """Return itself."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Close it."""
        self.close()


class Connection:
    """A socket and where the HTTP conversation on it stands."""

    def __init__(self, sock: socket.socket, host: str) -> None:
        self.socket = sock
        self.answered = False
        self._host = host
        self._state = h11.Connection(h11.CLIENT, max_incomplete_event_size=_HEAD_LIMIT)

    def send(self, method: str, target: str, headers: Headers, body: Body) -> None:
        """Write one request: whole in one piece, or with its body piece by piece."""
        if not isinstance(body, bytes):
            self._send_pieces(method, target, headers, body)
            return
        length = [("Content-Length", str(len(body)))] if body or method in ("POST", "PUT") else []
        request = h11.Request(method=method, target=target, headers=[("Host", self._host), *headers, *length])
        events: list[h11.Event] = [request, *([h11.Data(data=body)] if body else []), h11.EndOfMessage()]
        self.answered = False
        self.socket.sendall(b"".join(self._state.send(event) or b"" for event in events))

    def _send_pieces(self, method: str, target: str, headers: Headers, body: Iterable[bytes]) -> None:
        """Write the body as it comes. A peer that has heard enough answers and closes: its answer is then read as usual."""
        known = any(name.lower() == "content-length" for name, _ in headers)
        length = [] if known else [("Transfer-Encoding", "chunked")]
        request = h11.Request(method=method, target=target, headers=[("Host", self._host), *headers, *length])
        self.answered = False
        self.socket.sendall(self._state.send(request) or b"")
        with contextlib.suppress(BrokenPipeError):
            for piece in body:
                for part in self._state.send_with_data_passthrough(h11.Data(data=piece)) or ():
                    self.socket.sendall(part)
            self.socket.sendall(self._state.send(h11.EndOfMessage()) or b"")

    def head(self) -> h11.Response | h11.InformationalResponse:
        """Read the response head; a 101 is a head, other informational ones are passed over."""
        while True:
            event = self._next()
            if isinstance(event, h11.Response):
                return event
            if isinstance(event, h11.InformationalResponse) and event.status_code == 101:
                return event
            if not isinstance(event, h11.InformationalResponse):
                raise ConnectionResetError("the connection was closed before the answer")

    def body(self) -> bytes | None:
        """Return the next piece of the body, None at its end."""
        event = self._next()
        if isinstance(event, h11.Data):
            return bytes(event.data)
        if isinstance(event, h11.EndOfMessage):
            return None
        raise ConnectionResetError("the connection was closed in the middle of the answer")

    def _next(self) -> h11.Event:
        try:
            while (event := self._state.next_event()) is h11.NEED_DATA:
                data = self.socket.recv(_READ)
                self.answered = self.answered or bool(data)
                self._state.receive_data(data)
        except h11.RemoteProtocolError as error:
            if not self.answered:
                raise ConnectionResetError("the connection was closed before the answer") from None
            raise NotHttp(f"the answer is not HTTP: {error}") from None
        if not isinstance(event, h11.Event):
            raise NotHttp("the peer changed the protocol without being asked")
        return event

    def raw(self, head: h11.Response | h11.InformationalResponse) -> RawStream:
        """Leave HTTP after `head`: the socket, with the bytes that came along (older engines answer 200, newer 101)."""
        early = b""
        if isinstance(head, h11.InformationalResponse):
            early = self._state.trailing_data[0]
        else:
            while isinstance(event := self._state.next_event(), h11.Data):
                early += bytes(event.data)
        return RawStream(self.socket, early, {name.decode(): value.decode("latin-1") for name, value in head.headers})

    def reusable(self) -> bool:
        """Make ready for the next request; False when the peer wants the connection closed."""
        with contextlib.suppress(h11.LocalProtocolError):  # the peer said "Connection: close"
            self._state.start_next_cycle()
            return True
        return False

    def stale(self) -> bool:
        """Tell whether the peer has closed this idle connection (or spoke without being asked), without waiting."""
        try:
            self.socket.setblocking(False)
            self.socket.recv(1)
        except OSError as error:
            return not (isinstance(error, BlockingIOError) or error.errno == WANT_READ)
        return True

    def close(self) -> None:
        """Close the socket; safe to repeat."""
        self.socket.close()


def not_yet(error: OSError) -> bool:
    """Tell whether a socket that does not wait only said: not yet."""
    return isinstance(error, BlockingIOError) or error.errno in (WANT_READ, WANT_WRITE)
