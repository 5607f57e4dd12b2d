"""``load``: an archive's images come in, all of them with all their names, or none.

What is said is what dockerd says. Never knows containers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from dockerkit.daemon.images.archives import dockers, layouts, legacy
from dockerkit.daemon.images.archives.cargo import Cargo, unload
from dockerkit.daemon.images.archives.layouts import Found
from dockerkit.daemon.images.arriving import Intake
from dockerkit.daemon.images.catalog import Catalog
from dockerkit.daemon.images.image import Image, shorten
from dockerkit.daemon.images.incoming import Incoming
from dockerkit.daemon.images.platform import check_image_platform, host_platform, parse_platform
from dockerkit.errors import Damaged, NotFound
from dockerkit.schema.image import CONFIG, Descriptor
from dockerkit.schema.names import Reference

Say = Callable[[dict[str, Any]], None]


def load(incoming: Incoming, catalog: Catalog, chunks: Iterable[bytes], say: Say, platform: str = "") -> list[Image]:
    """Take in an archive and return its images, in its order.

    :param platform: ``os/architecture[/variant]``, which all must be for; without, this host's where there is a choice.
    :raises NotFound: one is not for `platform`; the store is as it was.
    :raises Damaged: it is malformed or hostile, or holds no image; the store is as it was.
    """
    with incoming.work() as intake:
        cargo = unload(chunks, intake, lambda blob: say(_layer_came(blob)))
        images = _images(cargo, intake, platform)
        for one in images:
            _store(cargo, intake, one)
            check_image_platform(incoming.unpack(intake, one.descriptor), platform)
        told = [line for one in images for line in _told(catalog, one)]
        incoming.name([(name, one.descriptor) for one in images for name in one.names or (None,)])
    for line in told:
        say({"stream": line})
    return [catalog.get(one.manifest.config.digest) for one in images]


def _images(cargo: Cargo, intake: Intake, asked: str) -> list[Found]:
    platform = parse_platform(asked) if asked else host_platform()
    layout = "index.json" in cargo.documents
    if dockers.WORDS in cargo.documents and not (asked and layout):  # its words know no choice of platforms
        return dockers.found(cargo, intake, platform)
    if layout:
        images = layouts.found(cargo, platform)
        if not images and asked:
            raise NotFound(f"archive holds no image for platform {asked}")
        if not images:
            raise Damaged("archive holds no image for this host's platform")
        return images
    return legacy.found(cargo, intake)


def _store(cargo: Cargo, intake: Intake, image: Found) -> None:
    """Store an image's documents as they are, and see that its layers came."""
    for document in image.documents:
        intake.write(document, image.descriptor.media_type)
    config = image.manifest.config.digest
    if not intake.has(config):
        intake.write(cargo.document(_path(config)), CONFIG)
    for layer in image.manifest.layers:
        if _path(layer.digest) not in cargo.blobs and not intake.has(layer.digest):
            cargo.blob(_path(layer.digest), intake)


def _path(digest: str) -> str:
    return f"blobs/sha256/{digest.removeprefix('sha256:')}"


def _layer_came(blob: Descriptor) -> dict[str, Any]:
    return {
        "status": "Loading layer",
        "progressDetail": {"current": blob.size, "total": blob.size},
        "id": shorten(blob.digest),
    }


def _told(catalog: Catalog, image: Found) -> Sequence[str]:
    id = image.manifest.config.digest
    tags = [name for name in image.names if name.tag]
    if not tags:
        return [f"Loaded image ID: {id}\n"]
    return [line for tag in tags for line in (*_renamed(catalog, tag, id), f"Loaded image: {tag}\n")]


def _renamed(catalog: Catalog, tag: Reference, id: str) -> Sequence[str]:
    try:
        before = catalog.get(str(tag)).id
    except (NotFound, Damaged):
        return ()
    if before == id:
        return ()
    return (f"The image {tag} already exists, renaming the old one with ID {before} to empty string\n",)
