"""``image inspect`` and ``history``: what an image is, and how it came to be. Only reads."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from dockerkit.daemon.engine.core import Core
from dockerkit.daemon.engine.images.manifests import descriptor, manifests
from dockerkit.daemon.images.image import Image
from dockerkit.schema.container import ContainerConfig
from dockerkit.schema.image import ImageInspect, ImageRootFS
from dockerkit.schema.units import from_rfc3339
from dockerkit.schema.wire import plain

_NOBODYS = {**plain(ContainerConfig()), "Env": None, "Labels": None}
"""The configuration Docker shows where there was no container."""


def inspect(core: Core, name: str, *, platforms: bool = False, origin: bool = False) -> ImageInspect:
    """Return everything known of an image.

    :param origin: also of what container it was made.
    :raises NotFound: in Docker's words.
    """
    image = core.images.get(name)
    document = image.document
    found = ImageInspect(
        id=image.id,
        repo_tags=list(image.references),
        repo_digests=list(image.digests),
        parent=image.parent,
        comment=document.history[-1].comment if document.history else "",
        created=image.created,
        docker_version=document.docker_version,
        author=document.author,
        config=document.config,
        architecture=document.architecture,
        os=document.os or "linux",
        size=image.size,
        root_fs=ImageRootFS(layers=list(document.rootfs.diff_ids)),
        descriptor=descriptor(image),
    )
    if document.variant:
        found.variant = document.variant
    if platforms:
        found.manifests = manifests(core, image)
    if origin:
        found.container, found.container_config = document.container, document.container_config or _NOBODYS
    return found


def history(core: Core, name: str) -> Sequence[dict[str, Any]]:
    """Return how an image came to be, newest step first, as ``GET /images/{name}/history``.

    A step at whose end there was an image that is still here has its id and tags.

    :raises NotFound: in Docker's words.
    """
    image = core.images.get(name)
    lines = image.document.history
    rows: list[dict[str, Any]] = [
        {
            "Id": "<missing>",
            "Created": _seconds(line.created),
            "CreatedBy": line.created_by,
            "Tags": None,
            "Size": 0,
            "Comment": line.comment,
        }
        for line in lines
    ]
    layered = [row for row, line in zip(rows, lines, strict=True) if not line.empty_layer]
    for row, size in zip(layered, core.images.layer_sizes(image), strict=False):
        row["Size"] = size
    for one in _ancestry(core, image):
        last = len(one.document.history)
        if 0 < last <= len(rows):
            rows[last - 1] |= {"Id": one.id, "Tags": list(one.references) or None}
    return rows[::-1]


def _ancestry(core: Core, image: Image) -> list[Image]:
    """Return an image and those it was made from here, the oldest first, so that the image's own line is written last."""
    by_id = {one.id: one for one in core.images.list()}
    found = [image]
    while (parent := by_id.get(found[-1].parent)) is not None and parent not in found:
        found.append(parent)
    return found[::-1]


def _seconds(created: str) -> int:
    return from_rfc3339(created) // 1_000_000_000 if created else 0
