"""A registry that does what a test tells it, byte by byte: answers, hangs, lies, breaks off. One thread a connection."""

from __future__ import annotations

import contextlib
import hashlib
import json
import socket
import ssl
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from dockerkit.schema.image import CONFIG, INDEX, LAYER, MANIFEST, Descriptor, Index, Manifest, Platform
from dockerkit.schema.wire import encode


def digest_of(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


@dataclass
class Asked:
    """One request, and the ways to answer it."""

    registry: BadRegistry
    connection: socket.socket
    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: bytes = b""
    closing: bool = False

    def answer(self, status: int, body: bytes = b"", **headers: str) -> None:
        """A well-formed answer; header names are written with underscores."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        named.setdefault("Content-Length", str(len(body)))
        self.raw(_head(status, named) + (b"" if self.method == "HEAD" else body))

    def error(self, status: int, code: str, message: str, **headers: str) -> None:
        self.answer(status, json.dumps({"errors": [{"code": code, "message": message}]}).encode(), **headers)

    def raw(self, data: bytes) -> None:
        self.connection.sendall(data)

    def close(self) -> None:
        self.closing = True

    def hang(self) -> None:
        """Say nothing until the test is over."""
        self.registry.over.wait(30)
        self.closing = True


def _head(status: int, headers: dict[str, str]) -> bytes:
    lines = [f"HTTP/1.1 {status} Whatever", *(f"{name}: {value}" for name, value in headers.items())]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


Act = Callable[[Asked], None]


@dataclass
class BadRegistry:
    """Routes by ``"GET /v2/…"``; what has none is 404. A route may be a list: an act a request, the last for the rest."""

    tls: ssl.SSLContext | None = None
    routes: dict[str, Act | list[Act]] = field(default_factory=dict)
    seen: list[str] = field(default_factory=list)
    requests: list[Asked] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self.routes["GET /v2/"] = lambda asked: asked.answer(200, b"{}")
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._port = self._listening.getsockname()[1]
        self._threads: list[threading.Thread] = []
        self._connections: list[socket.socket] = []
        self._start(self._accept)

    @property
    def name(self) -> str:
        return f"127.0.0.1:{self._port}"

    @property
    def url(self) -> str:
        return f"{'https' if self.tls else 'http'}://{self.name}"

    def close(self) -> None:
        self.over.set()
        with contextlib.suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        for connection in self._connections:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(10)

    def blob(self, repository: str, content: bytes) -> str:
        """Serve a blob properly, ranges too; return its digest."""
        digest = digest_of(content)
        self.routes[f"GET /v2/{repository}/blobs/{digest}"] = lambda asked: serve_range(asked, content)
        return digest

    def manifest(self, repository: str, content: bytes, media_type: str, *tags: str) -> Descriptor:
        """Serve a manifest or index by digest and tags."""
        digest = digest_of(content)
        headers = {"Content_Type": media_type, "Docker_Content_Digest": digest}
        for name in (digest, *tags):
            for method in ("GET", "HEAD"):
                self.routes[f"{method} /v2/{repository}/manifests/{name}"] = lambda asked: asked.answer(200, content, **headers)
        return Descriptor(media_type=media_type, digest=digest, size=len(content))

    def image(self, repository: str, *layers: bytes, tag: str = "1", architecture: str = "amd64") -> Descriptor:
        """Serve an image; return its manifest's descriptor with its platform."""
        config = encode(
            {"architecture": architecture, "os": "linux", "rootfs": {"diff_ids": [digest_of(one) for one in layers]}}
        )
        self.blob(repository, config)
        listed = [Descriptor(media_type=LAYER, digest=self.blob(repository, one), size=len(one)) for one in layers]
        top = Descriptor(media_type=CONFIG, digest=digest_of(config), size=len(config))
        found = self.manifest(repository, encode(Manifest(config=top, layers=listed)), MANIFEST, *filter(None, [tag]))
        found.platform = Platform(architecture=architecture, os="linux")
        return found

    def index(self, repository: str, *manifests: Descriptor, tag: str = "1") -> Descriptor:
        return self.manifest(repository, encode(Index(manifests=list(manifests))), INDEX, tag)

    def _start(self, target: Callable[..., None], *arguments: object) -> None:
        thread = threading.Thread(target=target, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection = self._listening.accept()[0]
                self._connections.append(connection)
                self._start(self._serve, connection)

    def _serve(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError, ValueError), connection:
            if self.tls:
                connection = self.tls.wrap_socket(connection, server_side=True)
                self._connections.append(connection)
            with connection, connection.makefile("rb") as reader:
                while (asked := self._read(connection, reader)) is not None:
                    self._act(asked)
                    if asked.closing:
                        return

    def _read(self, connection: socket.socket, reader: object) -> Asked | None:
        line = reader.readline().decode()  # type: ignore[attr-defined]
        if line.count(" ") != 2:
            return None
        headers: dict[str, str] = {}
        while (header := reader.readline().decode().strip()) != "":  # type: ignore[attr-defined]
            name, _, value = header.partition(":")
            headers[name.lower()] = value.strip()
        method, target, _ = line.split(" ")
        path, _, query = target.partition("?")
        asked = Asked(self, connection, method, path, query, headers)
        asked.body = reader.read(int(headers.get("content-length", 0)))  # type: ignore[attr-defined]
        self.seen.append(f"{method} {target}")
        self.requests.append(asked)
        return asked

    def _act(self, asked: Asked) -> None:
        act = self.routes.get(f"{asked.method} {asked.path}")
        if isinstance(act, list):
            act = act.pop(0) if len(act) > 1 else act[0]
        if act is None:
            kind = "MANIFEST_UNKNOWN" if "/manifests/" in asked.path else "NAME_UNKNOWN"
            words = {"MANIFEST_UNKNOWN": "manifest unknown", "NAME_UNKNOWN": "repository name not known to registry"}[kind]
            return asked.error(404, kind, words)
        return act(asked)


def serve_range(asked: Asked, content: bytes) -> None:
    """A blob as a good registry serves it."""
    wanted = asked.headers.get("range", "")
    if not wanted:
        return asked.answer(200, content)
    start = int(wanted.removeprefix("bytes=").partition("-")[0])
    return asked.answer(206, content[start:], Content_Range=f"bytes {start}-{len(content) - 1}/{len(content)}")
