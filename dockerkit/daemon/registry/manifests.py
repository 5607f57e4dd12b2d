"""Manifests and indexes as a registry sends them: hostile until read by these rules. Pure.

A document is what its media type says, in the answer's head and in its own text alike, and never an index and a manifest at
once (two readers of one digest must not see two images: CVE-2021-41190).
"""

from __future__ import annotations

import re
from typing import TypeVar

import msgspec

from dockerkit.daemon.registry.breaks import Garbled
from dockerkit.errors import Damaged, Unsupported
from dockerkit.schema.image import CONFIG, INDEX, MANIFEST, Descriptor, Index, Manifest

DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
DOCKER_CONFIG = "application/vnd.docker.container.image.v1+json"
SCHEMA1 = (
    "application/vnd.docker.distribution.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v1+prettyjws",
)
MANIFESTS, INDEXES = (DOCKER_MANIFEST, MANIFEST), (DOCKER_LIST, INDEX)
ACCEPT = ", ".join((*MANIFESTS, *INDEXES, *SCHEMA1))
LIMIT = 4 << 20
"""Largest manifest, in bytes (distribution's own limit)."""
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_CONFIGS = (CONFIG, DOCKER_CONFIG, "application/octet-stream", "")
_PLUGIN = "application/vnd.docker.plugin.v1+json"
_LARGEST_CONFIG = 4 << 20
T = TypeVar("T")


class _Marks(msgspec.Struct, rename="camel"):
    """What tells kinds of documents apart."""

    media_type: str = ""
    schema_version: int = 0
    manifests: msgspec.Raw = msgspec.Raw(b"")
    layers: msgspec.Raw = msgspec.Raw(b"")
    fs_layers: msgspec.Raw = msgspec.Raw(b"")


def kind(content: bytes, media_type: str) -> str:
    """Return a document's media type, checked against what it holds.

    :param media_type: what the answer's head, or a descriptor, calls it; may be empty.
    :raises Damaged: the two disagree, or it is an index and a manifest at once.
    :raises Unsupported: schema 1, or something that is neither.
    """
    marks = _decode(content, _Marks)
    claimed = media_type.partition(";")[0].strip().lower()
    if claimed in SCHEMA1 or marks.schema_version == 1 or marks.fs_layers:
        raise Unsupported(
            "manifest schema 1 images are not handled: that format was given up in 2017",
            hint="push the image again with a current tool",
        )
    if marks.manifests and marks.layers:
        raise Damaged("the manifest is an index and an image at once: two readers would see two images in it")
    known = (*MANIFESTS, *INDEXES)
    if claimed in known and marks.media_type and marks.media_type != claimed:
        raise Damaged(f"the manifest calls itself {marks.media_type!r}, but came as {claimed!r}")
    found = claimed if claimed in known else marks.media_type or (INDEX if marks.manifests else MANIFEST)
    if found not in known:
        raise Unsupported(f"unsupported manifest media type and no default available: {found}", hint="is this an image?")
    if (found in INDEXES) != bool(marks.manifests) and (marks.manifests or marks.layers):
        raise Damaged(f"the manifest came as {found!r}, and holds something else")
    return found


def read_index(content: bytes) -> Index:
    """Read an index.

    :raises Damaged: it is none, or a descriptor in it makes no sense.
    """
    index = _decode(content, Index)
    for one in index.manifests:
        _check(one, LIMIT)
    return index


def read_manifest(content: bytes) -> Manifest:
    """Read an image's manifest.

    :raises Damaged: it is none, or a descriptor in it makes no sense.
    :raises Unsupported: it is of something that is no image, or a layer of it is elsewhere ("foreign").
    """
    manifest = _decode(content, Manifest)
    if manifest.config.media_type not in _CONFIGS:
        what = "plugin" if manifest.config.media_type == _PLUGIN else "unknown"
        raise Unsupported(f'Encountered remote "{manifest.config.media_type}"({what}) when fetching', hint="this is no image")
    _check(manifest.config, _LARGEST_CONFIG)
    for layer in manifest.layers:
        _check(layer, 1 << 62)
        if foreign(layer):
            raise Unsupported(
                f"layer {layer.digest} is foreign ({layer.media_type}): it must be fetched from elsewhere, which is not done",
                hint="its owner may permit an image with the layer in it",
            )
    return manifest


def foreign(layer: Descriptor) -> bool:
    """Tell whether a layer is kept outside the registry, for its licence."""
    return "nondistributable" in layer.media_type or ".foreign." in layer.media_type


def check_digest(digest: str) -> str:
    """Return a digest.

    :raises Damaged: it is malformed, or of an algorithm nobody here computes.
    """
    if not _DIGEST.fullmatch(digest):
        raise Damaged(f"digest {digest[:150]!r} is malformed, or not of sha256")
    return digest


def _check(descriptor: Descriptor, largest: int) -> None:
    check_digest(descriptor.digest)
    if not 0 <= descriptor.size <= largest:
        raise Damaged(f"{descriptor.digest} is said to have {descriptor.size} bytes, more than {largest} or fewer than none")


def _decode(content: bytes, model: type[T]) -> T:
    try:
        return msgspec.json.decode(content, type=model)
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        raise Garbled(f"the manifest cannot be read: {error}") from None
