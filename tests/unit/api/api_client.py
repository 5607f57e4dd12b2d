"""A client for tests that can do what good clients never do: half requests, early bytes, half closes. Knows only sockets."""

from __future__ import annotations

import http.client
import json
import socket
import struct
from typing import Any


class UnixConnection(http.client.HTTPConnection):
    """``http.client`` over a unix socket."""

    def __init__(self, path: str) -> None:
        super().__init__("docker", timeout=20)
        self.path = path

    def connect(self) -> None:
        self.sock = raw(self.path)


def raw(path: str) -> socket.socket:
    """Return a connected socket."""
    sock = socket.socket(socket.AF_UNIX)
    sock.settimeout(20)
    sock.connect(path)
    return sock


class Api:
    """Requests to one daemon, each on a connection of its own."""

    def __init__(self, path: str) -> None:
        self.path = path

    def request(self, method: str, target: str, body: Any = None, headers: dict[str, str] | None = None):
        """Return (status, headers, body bytes)."""
        connection = UnixConnection(self.path)
        sent = dict(headers or {})
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
            sent.setdefault("Content-Type", "application/json")
        try:
            connection.request(method, target, body, sent)
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read()
        finally:
            connection.close()

    def json(self, method: str, target: str, body: Any = None, *, status: int = 200, headers=None) -> Any:
        """Return the decoded answer, whose status has to be `status`."""
        got, _, answer = self.request(method, target, body, headers)
        assert got == status, answer
        return json.loads(answer) if answer else None

    def refused(self, method: str, target: str, body: Any = None, *, status: int, headers=None) -> str:
        """Return the message of a refusal with `status`."""
        return self.json(method, target, body, status=status, headers=headers)["message"]

    def create(self, *command: str, name: str = "", headers=None, **config: Any) -> str:
        """Create a container; return its id."""
        body = {"Image": "busybox", "Cmd": list(command), **config}
        target = f"/containers/create?name={name}" if name else "/containers/create"
        return self.json("POST", target, body, status=201, headers=headers)["Id"]

    def hijack(
        self, target: str, *, early: bytes = b"", upgrade: bool = True, method: str = "POST"
    ) -> tuple[socket.socket, bytes, bytes]:
        """Send a request without body, with `early` bytes right behind the request; return socket, head and the rest."""
        sock = raw(self.path)
        extra = b"Connection: Upgrade\r\nUpgrade: tcp\r\n" if upgrade else b""
        sock.sendall(b"%s %s HTTP/1.1\r\nHost: d\r\n%s\r\n%s" % (method.encode(), target.encode(), extra, early))
        head, rest = read_head(sock)
        return sock, head, rest


def read_head(sock: socket.socket) -> tuple[bytes, bytes]:
    """Return a response's head and what came in the same gulp."""
    data = b""
    while b"\r\n\r\n" not in data:
        chunk = sock.recv(65536)
        if not chunk:
            return data, b""
        data += chunk
    head, _, rest = data.partition(b"\r\n\r\n")
    return head, rest


def read_all(sock: socket.socket, begun: bytes = b"") -> bytes:
    """Return everything up to the end."""
    data = begun
    while chunk := sock.recv(65536):
        data += chunk
    return data


def unframe(data: bytes) -> dict[int, bytes]:
    """Return Docker's multiplexed stream as the bytes of each stream."""
    streams: dict[int, bytes] = {1: b"", 2: b""}
    while data:
        number, length = struct.unpack(">BxxxL", data[:8])
        streams[number] += data[8 : 8 + length]
        data = data[8 + length :]
    return streams
