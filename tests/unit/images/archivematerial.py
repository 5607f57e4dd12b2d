"""Image archives made by hand, in the words of Docker and of the OCI, right and wrong; and what a store holds, to compare."""

from __future__ import annotations

import hashlib
import json
import os
import stat
from collections.abc import Sequence
from typing import Any

from tests.unit.images.imagematerial import Member, file, tar

OCI = "application/vnd.oci.image"
LAYER = tar(file("hello", b"world"))


def digest(data: bytes) -> str:
    """Its sha256, as the OCI writes it."""
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def config(layers: Sequence[bytes], **more: Any) -> bytes:
    """A configuration of plain layers."""
    document = {
        "architecture": "amd64",
        "os": "linux",
        "rootfs": {"type": "layers", "diff_ids": [digest(one) for one in layers]},
    }
    return json.dumps({**document, **more}).encode()


def docker(*layers: bytes, tags: Sequence[str] | None = ("x:1",), document: bytes | None = None, **item: Any) -> bytes:
    """Docker's archive as before version 25: ``<name>/layer.tar``."""
    names = [f"{number}/layer.tar" for number in range(len(layers))]
    words = [{"Config": "config.json", "RepoTags": tags, "Layers": names, **item}]
    members = [file(name, data) for name, data in zip(names, layers, strict=True)]
    return tar(*members, file("config.json", document or config(layers)), file("manifest.json", json.dumps(words).encode()))


class Layout:
    """An OCI layout being put together."""

    def __init__(self) -> None:
        self.members: list[Member] = [file("oci-layout", b'{"imageLayoutVersion":"1.0.0"}')]
        self.entries: list[dict[str, Any]] = []

    def blob(self, data: bytes, media_type: str = f"{OCI}.layer.v1.tar", name: str = "") -> dict[str, Any]:
        """Add a blob; return its descriptor."""
        self.members.append(file(f"blobs/sha256/{name or digest(data)[7:]}", data))
        return {"mediaType": media_type, "digest": digest(data), "size": len(data)}

    def image(
        self, *layers: bytes, plain: Sequence[bytes] | None = None, architecture: str = "amd64", **more: Any
    ) -> dict[str, Any]:
        """Add an image; return its manifest's descriptor."""
        written = self.blob(config(plain or layers, architecture=architecture), f"{OCI}.config.v1+json")
        manifest = {
            "schemaVersion": 2,
            "mediaType": f"{OCI}.manifest.v1+json",
            "config": written,
            "layers": [self.blob(one) for one in layers],
            **more,
        }
        return self.blob(json.dumps(manifest).encode(), f"{OCI}.manifest.v1+json")

    def index(self, *children: dict[str, Any], **more: Any) -> dict[str, Any]:
        """Add an index; return its descriptor."""
        document = {"schemaVersion": 2, "mediaType": f"{OCI}.index.v1+json", "manifests": list(children), **more}
        return self.blob(json.dumps(document).encode(), f"{OCI}.index.v1+json")

    def name(self, descriptor: dict[str, Any], name: str) -> None:
        """Put a descriptor into ``index.json``."""
        self.entries.append({**descriptor, "annotations": {"org.opencontainers.image.ref.name": name}})

    def archive(self) -> bytes:
        """All of it as a tar."""
        index = json.dumps({"schemaVersion": 2, "manifests": self.entries}).encode()
        return tar(*self.members, file("index.json", index))


def holdings(root: str) -> dict[str, tuple[int, int, bytes]]:
    """Every file of a data root: path → mode, links, content; whatever changes, it shows."""
    found = {}
    for top, directories, files in os.walk(root):
        for name in (*directories, *files):
            path = os.path.join(top, name)
            status = os.lstat(path)
            content = b""
            if stat.S_ISREG(status.st_mode):
                with open(path, "rb") as opened:
                    content = hashlib.sha256(opened.read()).digest()
            elif stat.S_ISLNK(status.st_mode):
                content = os.fsencode(os.readlink(path))
            found[os.path.relpath(path, root)] = (status.st_mode, status.st_nlink if content else 0, content)
    return found
