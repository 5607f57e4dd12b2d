"""Tars, layers and images made by hand, for the tests of images."""

from __future__ import annotations

import gzip
import hashlib
import io
import tarfile
from collections.abc import Iterable, Sequence

import msgspec

from dockerkit.daemon.images.index import NameIndex
from dockerkit.daemon.images.store import Store
from dockerkit.schema.image import (
    CONFIG,
    LAYER_GZIP,
    MANIFEST,
    Descriptor,
    ImageConfig,
    ImageDocument,
    Manifest,
    RootFS,
)
from dockerkit.schema.names import parse_reference

Member = tuple[tarfile.TarInfo, bytes]


def file(name: str, data: bytes = b"", **attributes: object) -> Member:
    """A regular file."""
    return _member(name, tarfile.REGTYPE, data, **{"mode": 0o644, **attributes})


def directory(name: str, **attributes: object) -> Member:
    """A directory."""
    return _member(name, tarfile.DIRTYPE, **{"mode": 0o755, **attributes})


def symlink(name: str, target: str, **attributes: object) -> Member:
    """A symbolic link."""
    return _member(name, tarfile.SYMTYPE, linkname=target, **attributes)


def hardlink(name: str, target: str) -> Member:
    """Another name of an earlier file."""
    return _member(name, tarfile.LNKTYPE, linkname=target)


def device(name: str, major: int, minor: int, kind: bytes = tarfile.CHRTYPE) -> Member:
    """A device node."""
    return _member(name, kind, devmajor=major, devminor=minor, mode=0o600)


def _member(name: str, kind: bytes, data: bytes = b"", **attributes: object) -> Member:
    info = tarfile.TarInfo(name)
    info.type, info.size = kind, len(data)
    for key, value in attributes.items():
        setattr(info, key, value)
    return info, data


def tar(*members: Member, format: int = tarfile.PAX_FORMAT) -> bytes:
    """A plain tar of these members, in this order, names as they are given."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=format) as archive:
        for info, data in members:
            archive.addfile(info, io.BytesIO(data))
    return out.getvalue()


def put_image(
    store: Store, index: NameIndex, layers: Sequence[bytes], names: Iterable[str], *, label: str = "", compress: int = 6
) -> tuple[str, Descriptor]:
    """Store an image of these plain tars under these names; return its id and its manifest."""
    blobs = [store.write(gzip.compress(layer, compress, mtime=0), LAYER_GZIP) for layer in layers]
    document = ImageDocument(
        architecture="amd64",
        created="2026-01-02T03:04:05Z",
        config=ImageConfig(cmd=["sh"], labels={"label": label}),
        rootfs=RootFS(diff_ids=[f"sha256:{hashlib.sha256(layer).hexdigest()}" for layer in layers]),
    )
    config = store.write(msgspec.json.encode(document), CONFIG)
    manifest = store.write(msgspec.json.encode(Manifest(config=config, layers=blobs)), MANIFEST)
    for name in names:
        index.assign(parse_reference(name), manifest)
    return config.digest, manifest
