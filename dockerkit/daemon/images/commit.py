"""An image on top of an image: one more layer, another configuration, one more line of history.

The layer is stored as it comes, not compressed: a container may be standing still while it is read. What a crash leaves is a
blob nobody names. Never knows where the layer comes from.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import msgspec
from msgspec.structs import replace

from dockerkit.daemon.images.image import Image
from dockerkit.daemon.images.store import Store
from dockerkit.schema.image import (
    CONFIG,
    LAYER,
    MANIFEST,
    Descriptor,
    History,
    ImageConfig,
    ImageDocument,
    Manifest,
    RootFS,
)

EMPTY = "sha256:5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef"
"""Digest of a tar without members."""


@dataclass(frozen=True, slots=True)
class Addition:
    """What a new image has that its parent has not.

    :param layer: the bytes of a tar; one without members adds no layer.
    :param created: RFC 3339.
    :param container: its id, and `container_config` its configuration in Docker's words, where the layer is a container's.
    """

    config: ImageConfig
    layer: Iterable[bytes]
    created: str
    created_by: str = ""
    author: str = ""
    comment: str = ""
    container: str = ""
    container_config: dict[str, Any] | None = None


def extend(store: Store, parent: Image, addition: Addition) -> Descriptor:
    """Store an image made of `parent` and an addition, and return its manifest's descriptor; it has no name yet.

    :raises Exhausted: no room; nothing is named.
    """
    layers, diff_ids = list(parent.blobs), list(parent.document.rootfs.diff_ids)
    blob = _store_layer(store, addition.layer)
    if blob.digest != EMPTY:
        # not compressed: the blob's digest is the diff id
        layers, diff_ids = [*layers, blob], [*diff_ids, blob.digest]
    document = _document(parent.document, addition, diff_ids, empty=blob.digest == EMPTY)
    # "os" is required (OCI config schema); the struct leaves out what equals its default
    config = store.write(msgspec.json.encode({**msgspec.to_builtins(document), "os": document.os or "linux"}), CONFIG)
    return store.write(msgspec.json.encode(Manifest(config=config, layers=layers)), MANIFEST)


def _document(parent: ImageDocument, addition: Addition, diff_ids: list[str], *, empty: bool) -> ImageDocument:
    line = History(
        created=addition.created,
        created_by=addition.created_by,
        author=addition.author,
        comment=addition.comment,
        empty_layer=empty,
    )
    return replace(
        parent,
        created=addition.created,
        author=addition.author,
        config=addition.config,
        rootfs=RootFS(diff_ids=diff_ids),
        history=[*parent.history, line],
        container=addition.container,
        container_config=addition.container_config,
        docker_version="",
    )


def _store_layer(store: Store, chunks: Iterable[bytes]) -> Descriptor:
    with store.writer() as blob:
        for chunk in chunks:
            blob.write(chunk)
        return blob.commit(LAYER)
