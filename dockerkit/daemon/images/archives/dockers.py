"""Docker's words: ``manifest.json`` becomes images and names.

Where the archive also holds the OCI's manifest of an image, that is taken as it is, so that its digest survives; else one is
written. Never believes that a layer is what the configuration says: that is seen when it is unpacked.
"""

from __future__ import annotations

import hashlib
from typing import Any

import msgspec

from dockerkit.daemon.images.archives import layouts
from dockerkit.daemon.images.archives.cargo import Cargo, media_type
from dockerkit.daemon.images.archives.layouts import Found
from dockerkit.daemon.images.arriving import Intake
from dockerkit.daemon.images.documents import check_layers, parse, read_config
from dockerkit.errors import Damaged, Invalid
from dockerkit.schema import wire
from dockerkit.schema.image import CONFIG, MANIFEST, Descriptor, Manifest, Platform
from dockerkit.schema.names import Reference, parse_reference
from dockerkit.schema.wire import Model

WORDS = "manifest.json"


class Item(Model):
    """One image of ``manifest.json``."""

    config: str
    repo_tags: list[str] | None = None
    layers: list[str] | None = None


def found(cargo: Cargo, intake: Intake, platform: Platform) -> list[Found]:
    """Return the images that ``manifest.json`` speaks of, in its order.

    :raises Damaged: it is malformed, or names what is not in the archive.
    """
    items = parse(cargo.document(WORDS), WORDS)
    if not isinstance(items, list):
        if items is None:
            return []
        raise Damaged(f"{WORDS} is malformed: it is no list")
    known = (
        {one.manifest.config.digest: one for one in layouts.found(cargo, platform)} if "index.json" in cargo.documents else {}
    )
    return [_image(cargo, intake, _item(item), known) for item in items]


def _item(plain: Any) -> Item:
    try:
        return wire.convert(plain, Item)
    except Invalid as error:
        raise Damaged(f"{WORDS} is malformed: {error.message}") from None


def _image(cargo: Cargo, intake: Intake, item: Item, known: dict[str, Found]) -> Found:
    config = cargo.document(item.config)
    document = read_config(config, f"archive: {item.config[:100]}")
    layers = item.layers or []
    check_layers(document, layers, "archive")
    names = tuple(_name(text) for text in item.repo_tags or ())
    digest = f"sha256:{hashlib.sha256(config).hexdigest()}"
    same = known.get(digest)
    if same is not None and _holds_all(cargo, same.manifest):
        return Found(same.descriptor, same.manifest, (*names, *(n for n in same.names if n.digest)), same.documents)
    blobs = [cargo.blob(layer, intake) for layer in layers]
    manifest = Manifest(config=intake.write(config, CONFIG), layers=[_typed(intake, blob) for blob in blobs])
    content = msgspec.json.encode(manifest)
    written = Descriptor(media_type=MANIFEST, digest=f"sha256:{hashlib.sha256(content).hexdigest()}", size=len(content))
    return Found(written, manifest, names, (content,))


def _holds_all(cargo: Cargo, manifest: Manifest) -> bool:
    return all(f"blobs/sha256/{layer.digest.removeprefix('sha256:')}" in cargo.blobs for layer in manifest.layers)


def _typed(intake: Intake, blob: Descriptor) -> Descriptor:
    """Return a descriptor with its media type: one that was here before is looked at."""
    if blob.media_type:
        return blob
    with intake.open(blob.digest) as file:
        return Descriptor(media_type=media_type(file.read(8)), digest=blob.digest, size=blob.size)


def _name(text: str) -> Reference:
    name = parse_reference(text)
    if name.digest:
        raise Invalid("invalid tag: a digest is no tag")
    return name
