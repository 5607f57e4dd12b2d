"""The OCI's words: ``index.json`` and what it leads to become images and names.

Source: OCI image layout and image index specifications. Of an index of several platforms one is taken. Never
trusts a descriptor: what it points at has to have its digest.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass

from dockerkit.daemon.images.archives.cargo import Cargo
from dockerkit.daemon.images.documents import INDEXES, MANIFESTS, read_index, read_manifest
from dockerkit.daemon.images.index import NAME, TAG
from dockerkit.errors import Damaged
from dockerkit.schema.image import Descriptor, Manifest, Platform
from dockerkit.schema.names import Reference, parse_reference

PULLED = "dev.dockerkit.pulled"
"""Names with a digest that an image had where it was saved, parted by blanks."""
_DEPTH = 4
"""Indexes in indexes that are followed."""
_BARE_TAG = re.compile(r"latest|v?\d[\w.-]*", re.ASCII)


@dataclass(frozen=True, slots=True)
class Found:
    """An image of the archive.

    :param names: what it is to be called.
    :param documents: its manifest, and the indexes that led to it: blobs to be kept as they are.
    """

    descriptor: Descriptor
    manifest: Manifest
    names: tuple[Reference, ...]
    documents: tuple[bytes, ...]


def found(cargo: Cargo, platform: Platform) -> list[Found]:
    """Return the images that ``index.json`` speaks of and the archive holds, in its order.

    :param platform: which one is taken of those that are for several.
    :raises Damaged: a document is malformed, or is not what its descriptor says.
    """
    index = read_index(cargo.document("index.json"), "index.json")
    images: dict[str, Found] = {}
    for descriptor in index.manifests:
        one = _follow(cargo, descriptor, (), platform, _DEPTH)
        if one is not None:
            known = images.get(one.descriptor.digest)
            names = (*(known.names if known else ()), *_names(descriptor, one.documents))
            images[one.descriptor.digest] = Found(one.descriptor, one.manifest, tuple(dict.fromkeys(names)), one.documents)
    return list(images.values())


def _follow(cargo: Cargo, descriptor: Descriptor, above: tuple[bytes, ...], platform: Platform, depth: int) -> Found | None:
    if not depth:
        raise Damaged(f"archive is hostile: indexes within indexes, at {descriptor.digest}")
    content = _content(cargo, descriptor)
    if content is None:
        return None  # of another platform, left out when the archive was made
    if descriptor.media_type in MANIFESTS:
        manifest = read_manifest(content, descriptor.digest, descriptor.media_type)
        bare = Descriptor(media_type=descriptor.media_type, digest=descriptor.digest, size=len(content))
        return Found(bare, manifest, (), (*above, content))
    if descriptor.media_type not in INDEXES:
        return None  # a signature, a list of contents: nothing that runs
    children = read_index(content, descriptor.digest, descriptor.media_type).manifests
    every = (_follow(cargo, child, (*above, content), platform, depth - 1) for child in _fitting(children, platform))
    return next((one for one in every if one is not None), None)


def _fitting(children: list[Descriptor], wanted: Platform) -> Iterator[Descriptor]:
    """Yield those of a platform, the best first; a list of one is taken as it is."""
    if len(children) == 1:
        yield from children
        return
    fitting = [
        child
        for child in children
        if child.platform and (child.platform.os, child.platform.architecture) == (wanted.os, wanted.architecture)
    ]
    yield from sorted(fitting, key=lambda child: child.platform is not None and child.platform.variant != wanted.variant)


def _content(cargo: Cargo, descriptor: Descriptor) -> bytes | None:
    content = cargo.documents.get(cargo.resolve(f"blobs/sha256/{descriptor.digest.removeprefix('sha256:')}"))
    if content is None:
        return None
    digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
    if (digest, len(content)) != (descriptor.digest, descriptor.size):
        raise Damaged(f"archive is damaged: {descriptor.digest} ({descriptor.size} bytes) is {digest} ({len(content)} bytes)")
    return content


def _names(descriptor: Descriptor, documents: tuple[bytes, ...]) -> list[Reference]:
    """Return the names an entry of ``index.json`` gives; a bare tag, which other tools write too, names nothing."""
    names = []
    text = descriptor.annotations.get(NAME) or descriptor.annotations.get(TAG, "")
    if text and not (NAME not in descriptor.annotations and _BARE_TAG.fullmatch(text)):
        names.append(parse_reference(text))
    digests = {f"sha256:{hashlib.sha256(document).hexdigest()}" for document in documents}
    pulled = [parse_reference(one) for one in descriptor.annotations.get(PULLED, "").split()]
    return names + [name for name in pulled if name.digest in digests]
