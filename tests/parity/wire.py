"""Engine API over a unix socket with nothing in between: requests as bytes, answers as they came.

Never imports dockerkit: what judges our client and server must not share their code.
"""

from __future__ import annotations

import http.client
import json
import socket
import struct
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode


@dataclass(frozen=True)
class Answer:
    """One HTTP answer: status, headers (names as sent, looked up without case) and body."""

    status: int
    headers: http.client.HTTPMessage = field(repr=False)
    body: bytes

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)

    @property
    def message(self) -> str:
        """Docker's error message."""
        return str(self.json["message"])


class _Connection(http.client.HTTPConnection):
    def __init__(self, path: str, timeout: float) -> None:
        super().__init__("localhost", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        self.sock = dial(self._path, self.timeout)


def dial(path: str, timeout: float | None = 30) -> socket.socket:
    """Return a connected unix socket."""
    sock = socket.socket(socket.AF_UNIX)
    sock.settimeout(timeout)
    sock.connect(path)
    return sock


class Api:
    """Requests to one engine; every request has a connection of its own.

    :param version: prefix of the paths, ``"v1.41"``; empty for none.
    """

    def __init__(self, path: str, version: str = "v1.41", timeout: float = 30) -> None:
        self.path = path
        self.version = version
        self.timeout = timeout

    def url(self, target: str, query: dict[str, Any] | None = None) -> str:
        """Return the request target; dicts and lists in the query are sent as JSON."""
        prefix = f"/{self.version}" if self.version else ""
        pairs = {k: json.dumps(v) if isinstance(v, dict | list) else v for k, v in (query or {}).items()}
        return prefix + target + (f"?{urlencode(pairs)}" if pairs else "")

    def request(
        self,
        method: str,
        target: str,
        body: Any = None,
        *,
        headers: dict[str, str] | None = None,
        **query: Any,
    ) -> Answer:
        """Send one request and read the whole answer; a `body` that is not bytes travels as JSON."""
        sent = dict(headers or {})
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
            sent.setdefault("Content-Type", "application/json")
        connection = _Connection(self.path, self.timeout)
        try:
            connection.request(method, self.url(target, query), body, sent)
            response = connection.getresponse()
            return Answer(response.status, response.headers, response.read())
        finally:
            connection.close()

    def get(self, target: str, **query: Any) -> Answer:
        """GET."""
        return self.request("GET", target, **query)

    def post(self, target: str, body: Any = None, **query: Any) -> Answer:
        """POST; without a body an empty one."""
        return self.request("POST", target, body, **query)

    def delete(self, target: str, **query: Any) -> Answer:
        """DELETE."""
        return self.request("DELETE", target, **query)

    def hijack(self, target: str, body: Any = None, **query: Any) -> Stream:
        """POST with ``Upgrade: tcp``; return the connection after the answer's head."""
        return Stream.post(self, target, "Connection: Upgrade\r\nUpgrade: tcp\r\n", body, **query)

    def follow(self, target: str, **query: Any) -> Following:
        """GET; return as soon as the head of the answer is there, with the body to be read as it comes."""
        connection = _Connection(self.path, self.timeout)
        connection.request("GET", self.url(target, query))
        return Following(connection)


class Stream:
    """A hijacked connection: its status and headers, then bytes both ways."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self._file = sock.makefile("rb")
        status_line = self._file.readline()
        self.status = int(status_line.split()[1])
        self.headers = http.client.parse_headers(self._file)

    @classmethod
    def post(cls, api: Api, target: str, headers: str = "", body: Any = None, **query: Any) -> Stream:
        """Send a POST, with `body` as JSON unless it is None, and read the head of its answer."""
        sent = b"" if body is None else json.dumps(body).encode()
        kind = "" if body is None else "Content-Type: application/json\r\n"
        head = f"POST {api.url(target, query)} HTTP/1.1\r\nHost: docker\r\n{headers}{kind}Content-Length: {len(sent)}\r\n\r\n"
        sock = dial(api.path, api.timeout)
        sock.sendall(head.encode() + sent)
        return cls(sock)

    def __enter__(self) -> Stream:
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close."""
        self.close()

    def send(self, data: bytes) -> None:
        """Send to the container's standard input."""
        self.sock.sendall(data)

    def half_close(self) -> None:
        """Say that no more input comes."""
        self.sock.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        """Hang up."""
        self._file.close()
        self.sock.close()

    def read(self) -> bytes:
        """Return everything until the other side closes."""
        return self._file.read()

    def some(self) -> bytes:
        """Return what has come so far, at least a byte unless it was closed."""
        return self._file.read1(65536)

    def frame(self) -> tuple[int, bytes]:
        """Return the next frame of a multiplexed stream."""
        head = self._file.read(8)
        stream, length = struct.unpack(">BxxxL", head)
        return stream, self._file.read(length)

    def read_until(self, wanted: bytes) -> bytes:
        """Return the raw bytes up to and including `wanted`, which must be the end of what was sent so far."""
        got = b""
        while wanted not in got:
            chunk = self._file.read1(65536)
            if not chunk:
                raise EOFError(f"closed after {got!r}, without {wanted!r}")
            got += chunk
        return got


class Following:
    """An answer whose body comes bit by bit."""

    def __init__(self, connection: http.client.HTTPConnection) -> None:
        self._connection = connection
        self._response = connection.getresponse()
        self.status = self._response.status
        self.headers = self._response.headers

    def __enter__(self) -> Following:
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close."""
        self.close()

    def close(self) -> None:
        """Hang up."""
        self._response.close()
        self._connection.close()

    def line(self) -> bytes:
        """Return the next line; empty at the end."""
        return self._response.readline()

    def frame(self) -> tuple[int, bytes]:
        """Return the next frame of a multiplexed stream.

        :raises EOFError: the answer ended.
        """
        head = self._response.read(8)
        if not head:
            raise EOFError("the answer ended")
        stream, length = struct.unpack(">BxxxL", head)
        return stream, self._response.read(length)

    def read(self, size: int | None = None) -> bytes:
        """Return `size` bytes, or everything until the end."""
        return self._response.read(size)


def frames(data: bytes) -> list[tuple[int, bytes]]:
    """Split Docker's multiplexed stream: eight bytes of head (stream, 0, 0, 0, length big-endian), then the payload."""
    found = []
    while data:
        stream, length = struct.unpack(">BxxxL", data[:8])
        found.append((stream, data[8 : 8 + length]))
        data = data[8 + length :]
    return found


def joined(data: bytes, stream: int) -> bytes:
    """Return all bytes of one stream (1 out, 2 err) of a multiplexed stream."""
    return b"".join(payload for kind, payload in frames(data) if kind == stream)


def ref(name: str) -> str:
    """Return a name for use in a path."""
    return quote(name, safe="")
