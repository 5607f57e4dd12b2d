"""A scripted engine on a unix socket: the tests' other side. Each request is answered by a function of the test.

It speaks HTTP through h11's server half, keeps connections, closes them when told to, and hands over upgraded sockets.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import socket
import struct
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import h11

Handler = Callable[["Asked"], "Answer"]


@dataclass
class Asked:
    """One request as it arrived."""

    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: bytes
    socket: socket.socket = field(repr=False)
    match: re.Match[str] | None = None

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Answer:
    """What to say: JSON or bytes; `upgrade` takes over the socket; `close` ends the connection after the answer."""

    body: Any = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    upgrade: Callable[[socket.socket], None] | None = None
    stream: Callable[[Callable[[bytes], None]], None] | None = None
    """Sends a body in pieces, as long as it likes."""
    close: bool = False
    hang_up: bool = False


class PretendEngine:
    """Listens on a unix socket until closed; `requests` holds what was asked, as "METHOD /path"."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.url = f"unix://{path}"
        self.requests: list[str] = []
        self.asked: list[Asked] = []
        self.connections = 0
        self.routes: list[tuple[str, re.Pattern[str], Handler]] = []
        self._open: set[socket.socket] = set()
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(path)
        self._listener.listen(32)
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def on(self, method: str, pattern: str, answer: Handler | Answer | Any) -> None:
        """Answer such requests; later routes win. A path is seen without its version."""
        handler = answer if callable(answer) else lambda asked: answer if isinstance(answer, Answer) else Answer(answer)
        self.routes.insert(0, (method, re.compile(pattern), handler))

    def drop_connections(self) -> None:
        """Close every connection, as a daemon that is replaced does."""
        for sock in list(self._open):
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._listener.close()
        self.drop_connections()
        os.unlink(self.path)

    def _accept(self) -> None:
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            self._open.add(sock)
            threading.Thread(target=self._serve, args=(sock,), daemon=True).start()

    def _serve(self, sock: socket.socket) -> None:
        with contextlib.suppress(OSError, h11.RemoteProtocolError), sock:
            state = h11.Connection(h11.SERVER)
            while self._one(sock, state):
                state.start_next_cycle()
        self._open.discard(sock)

    def _one(self, sock: socket.socket, state: h11.Connection) -> bool:
        head, body = None, b""
        while not isinstance(event := state.next_event(), h11.EndOfMessage):
            if event is h11.NEED_DATA:
                state.receive_data(sock.recv(65536))
            elif isinstance(event, h11.Request):
                head = event
            elif isinstance(event, h11.Data):
                body += event.data
            else:
                return False
        assert head is not None
        answer = self._answer(head, body, sock)
        if answer.hang_up:
            return False
        if answer.upgrade is not None:
            headers = [("Upgrade", "tcp"), ("Connection", "Upgrade"), *answer.headers.items()]
            sock.sendall(state.send(h11.InformationalResponse(status_code=101, headers=headers)))
            answer.upgrade(sock)
            return False
        if answer.stream is not None:
            self._stream(sock, state, answer)
            return False
        data = answer.body if isinstance(answer.body, bytes) else json.dumps(answer.body).encode()
        headers = [
            *answer.headers.items(),
            ("Content-Length", str(len(data))),
            *([("Connection", "close")] if answer.close else []),
        ]
        parts = [h11.Response(status_code=answer.status, headers=headers)]
        parts += [h11.Data(data=data)] if data and answer.status not in (204, 304) else []
        sock.sendall(b"".join(state.send(part) or b"" for part in (*parts, h11.EndOfMessage())))
        return not answer.close

    def _stream(self, sock: socket.socket, state: h11.Connection, answer: Answer) -> None:
        headers = [*answer.headers.items(), ("Transfer-Encoding", "chunked")]
        sock.sendall(state.send(h11.Response(status_code=answer.status, headers=headers)) or b"")
        assert answer.stream is not None
        answer.stream(lambda data: sock.sendall(state.send(h11.Data(data=data)) or b""))
        sock.sendall(state.send(h11.EndOfMessage()) or b"")

    def _answer(self, head: h11.Request, body: bytes, sock: socket.socket) -> Answer:
        path, _, query = head.target.decode().partition("?")
        path = re.sub(r"^/v1\.\d+", "", path)
        headers = {name.decode(): value.decode() for name, value in head.headers}
        asked = Asked(head.method.decode(), path, query, headers, body, sock)
        self.requests.append(f"{asked.method} {path}")
        self.asked.append(asked)
        for method, pattern, handler in self.routes:
            if method == asked.method and (found := pattern.fullmatch(path)):
                asked.match = found
                return handler(asked)
        return Answer({"message": "page not found"}, 404)


def frame(stream: int, payload: bytes) -> bytes:
    """Return one frame of Docker's multiplexed stream."""
    return struct.pack(">BxxxL", stream, len(payload)) + payload


ID = "c0ffee" + "0" * 58
OURS = {
    "ApiVersion": "1.51",
    "MinAPIVersion": "1.24",
    "Version": "0.1.0",
    "Components": [{"Name": "dockerkit", "Version": "0.1.0", "Details": {"Extensions": "/dockerkit/v1"}}],
}
DOCKERS = {"ApiVersion": "1.41", "MinAPIVersion": "1.12", "Version": "20.10.24", "Components": [{"Name": "Engine"}]}


def ordinary(
    engine: PretendEngine, *, version: dict[str, Any] = OURS, output: bytes = b"", exit_code: int = 0
) -> PretendEngine:
    """Script the life of one container that writes `output` (frames) and ends."""

    def session(sock: socket.socket) -> None:
        sock.sendall(b'{"Id":"5e55"}\n')
        sock.recv(1)

    def attach(sock: socket.socket) -> None:
        sock.sendall(output)

    engine.on("GET", "/version", version)
    engine.on("POST", "/dockerkit/v1/sessions", Answer(upgrade=session))
    engine.on("POST", "/containers/create", Answer({"Id": ID, "Warnings": []}, 201))
    engine.on("POST", "/containers/[^/]+/attach", Answer(upgrade=attach))
    engine.on("POST", "/containers/[^/]+/start", Answer(status=204))
    engine.on("POST", "/containers/[^/]+/wait", {"StatusCode": exit_code})
    engine.on("POST", "/containers/[^/]+/kill", Answer(status=204))
    engine.on("DELETE", "/containers/[^/]+", Answer(status=204))
    engine.on("DELETE", "/dockerkit/v1/sessions/5e55/.*", Answer(status=204))
    return engine
