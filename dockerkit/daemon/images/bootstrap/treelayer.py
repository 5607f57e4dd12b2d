"""A finished tree becomes a layer: its bytes go into the store once, and the tree itself goes to where layers lie unpacked.

So nothing is unpacked that was a tree a moment ago. The blob is not compressed: it is made in seconds for this machine, and
whoever sends it elsewhere compresses it then. Never changes the tree.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from dockerkit.daemon.images.layers import Layers, chain_ids
from dockerkit.daemon.images.platform import host_platform
from dockerkit.daemon.images.store import Store
from dockerkit.daemon.images.treestream import Manner, stream_contents
from dockerkit.schema.image import CONFIG, LAYER, MANIFEST, Descriptor, History, ImageConfig, ImageDocument, Manifest, RootFS
from dockerkit.schema.units import rfc3339

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


@dataclass(frozen=True, slots=True)
class Stored:
    """A layer that is in the store: its blob, the digest of its plain tar, and how it came to be."""

    blob: Descriptor
    diff_id: str
    created_by: str


@dataclass(frozen=True, slots=True)
class Tree:
    """A finished tree: where it is, how it came to be, and the bytes of its regular files."""

    path: str
    created_by: str
    size: int


def store_tree(store: Store, layers: Layers, tree: Tree, below: Sequence[Stored]) -> Stored:
    """Store a tree as the layer above others, and move its files to where that layer is looked for; the tree is empty then.

    :raises Exhausted: no room.
    """
    root = os.open(tree.path, _DIRECTORY)
    try:
        with store.writer() as blob:
            for chunk in stream_contents(root, Manner(layer=True)):
                blob.write(chunk)
            descriptor = blob.commit(LAYER)
        stored = Stored(descriptor, descriptor.digest, tree.created_by)  # not compressed: the blob's digest is the diff id
        chain = chain_ids([*(layer.diff_id for layer in below), stored.diff_id])[-1]

        def fill(target: int) -> dict[str, object]:
            for name in os.listdir(root):
                os.rename(name, name, src_dir_fd=root, dst_dir_fd=target)
            return {"diffId": stored.diff_id, "size": tree.size}

        layers.make(chain, fill)
    finally:
        os.close(root)
    return stored


def store_image(store: Store, layers: Sequence[Stored], config: ImageConfig, moment: int) -> Descriptor:
    """Store configuration and manifest over layers, and return the manifest's descriptor.

    :param moment: seconds since 1970: when it was made, as far as anybody is told.
    :raises Exhausted: no room.
    """
    created, host = rfc3339(moment * 1_000_000_000), host_platform()
    document = ImageDocument(
        created=created,
        architecture=host.architecture,
        variant=host.variant,
        config=config,
        rootfs=RootFS(diff_ids=[layer.diff_id for layer in layers]),
        history=[History(created=created, created_by=layer.created_by, comment="dockerkit bootstrap") for layer in layers],
    )
    # "os" is required (OCI config schema); the struct leaves out what equals its default
    written = store.write(msgspec.json.encode({**msgspec.to_builtins(document), "os": host.os}), CONFIG)
    return store.write(msgspec.json.encode(Manifest(config=written, layers=[layer.blob for layer in layers])), MANIFEST)
