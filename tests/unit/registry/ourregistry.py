"""Our registry within the test's own process, and raw requests to it. Nothing of the client is between a test and the wire."""

from __future__ import annotations

import hashlib
import http.client
import json
import os
import pathlib
import socket
import ssl
import threading
from dataclasses import dataclass
from typing import Any, Self

from dockerkit.daemon.registry.server.beneath import Tree
from dockerkit.daemon.registry.server.listener import MOST, Listener, address_of, bind
from dockerkit.daemon.registry.server.pulls import Upstream
from dockerkit.daemon.registry.server.registry import Registry, Rules
from dockerkit.daemon.registry.server.shelves import Shelves

OCI = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar"


def digest_of(content: bytes, algorithm: str = "sha256") -> str:
    return f"{algorithm}:{hashlib.new(algorithm, content).hexdigest()}"


def descriptor(content: bytes, media_type: str = LAYER) -> dict[str, Any]:
    return {"mediaType": media_type, "digest": digest_of(content), "size": len(content)}


def manifest_of(config: bytes, *layers: bytes, **more: Any) -> bytes:
    listed = [descriptor(layer) for layer in layers]
    return json.dumps(
        {"schemaVersion": 2, "mediaType": OCI, "config": descriptor(config, CONFIG), "layers": listed, **more}
    ).encode()


@dataclass
class Answered:
    """One answer."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def code(self) -> str:
        """The first error's code; its document has the shape of the specification."""
        errors = json.loads(self.body)["errors"]
        assert all(set(error) <= {"code", "message", "detail"} for error in errors)
        return str(errors[0]["code"])

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class OurRegistry:
    """A registry that serves on a thread; a context manager."""

    def __init__(
        self,
        directory: pathlib.Path,
        *,
        upstream: Upstream | None = None,
        context: ssl.SSLContext | None = None,
        most: int = MOST,
        **rules: Any,
    ) -> None:
        self.directory = directory
        self.shelves = Shelves(Tree(str(directory), durable=False))
        self.registry = Registry(self.shelves, Rules(**rules), upstream)
        listening = bind("127.0.0.1:0")
        self.address = address_of(listening)
        self.host, self.port = listening.getsockname()
        self._listener = Listener(listening, self.registry, context, most)
        self._end, self._ring = os.pipe()
        self._thread = threading.Thread(target=self._listener.run, args=([self._end],))

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        os.write(self._ring, b".")
        self._thread.join()
        self._listener.close(2.0)
        os.close(self._end)
        os.close(self._ring)
        self.shelves.tree.close()
        assert not self._listener._threads(), "a connection outlived it"

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> Answered:
        """Send one request on a connection of its own."""
        connection = http.client.HTTPConnection(self.host, self.port, timeout=20)
        try:
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            connection.request(method, path, body, named, encode_chunked=not isinstance(body, bytes | None))
            answer = connection.getresponse()
            assert answer.headers["Docker-Distribution-Api-Version"] == "registry/2.0"
            return Answered(answer.status, answer.headers, answer.read())
        finally:
            connection.close()

    def raw(self) -> socket.socket:
        """Return a connection, for bytes of one's own."""
        connected = socket.create_connection((self.host, self.port), timeout=20)
        connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connected

    def push_blob(self, name: str, content: bytes) -> str:
        digest = digest_of(content)
        assert self.ask("POST", f"/v2/{name}/blobs/uploads/?digest={digest}", content).status == 201
        return digest

    def push(self, name: str, reference: str, content: bytes, media_type: str = OCI) -> str:
        answered = self.ask("PUT", f"/v2/{name}/manifests/{reference}", content, Content_Type=media_type)
        assert answered.status == 201, answered.body
        return digest_of(content)

    def push_image(self, name: str, tag: str, *layers: bytes, config: bytes = b"{}", **more: Any) -> str:
        for blob in (config, *layers):
            self.push_blob(name, blob)
        content = manifest_of(config, *layers, **more)
        return self.push(name, tag or digest_of(content), content)

    def begin(self, name: str) -> str:
        """Begin an upload and return its location."""
        answered = self.ask("POST", f"/v2/{name}/blobs/uploads/")
        assert answered.status == 202
        return answered.headers["Location"]

    def files(self) -> list[str]:
        """Every file of the store, from its root."""
        return sorted(str(path.relative_to(self.directory)) for path in self.directory.rglob("*") if path.is_file())
