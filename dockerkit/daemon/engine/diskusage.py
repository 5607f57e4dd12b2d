"""``system df``: what images, containers and volumes take on the disk. Layers several images have count once in the total."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from dockerkit.daemon.engine.core import Core
from dockerkit.daemon.engine.images.listing import rows
from dockerkit.daemon.engine.listing import summary
from dockerkit.daemon.engine.volumes.showing import usage
from dockerkit.daemon.images.image import Image
from dockerkit.errors import Invalid, NotFound

TYPES = ("container", "image", "volume", "build-cache")


def disk_usage(core: Core, types: Collection[str] = ()) -> dict[str, Any]:
    """Return the answer of ``GET /system/df``; sizes in bytes.

    :param types: which of :data:`TYPES` to look at; all when empty. What is not looked at is null.
    :raises Invalid: another type.
    """
    for word in types:
        if word not in TYPES:
            raise Invalid(f"unknown object type: {word}", hint=f"one of {', '.join(TYPES)}")
    wanted = frozenset(types or TYPES)
    images = core.images.list() if "image" in wanted else []
    sizes = _layers(core, images)
    return {
        "LayersSize": sum(sizes.values()),
        "Images": rows(core, shared=True) if "image" in wanted else None,
        "Containers": _containers(core) if "container" in wanted else None,
        "Volumes": usage(core.volumes) if "volume" in wanted else None,
        "BuildCache": [] if "build-cache" in wanted else None,
        "BuilderSize": 0,
    }


def _layers(core: Core, images: list[Image]) -> dict[str, int]:
    return {layer: size for image in images for layer, size in zip(image.layers, core.images.layer_sizes(image), strict=True)}


def _containers(core: Core) -> list[Any]:
    rows = []
    for entry in core.entries.all():
        try:
            rows.append(summary(core, entry.record, size=True))
        except (NotFound, FileNotFoundError):  # it, or its image, was removed meanwhile
            rows.append(summary(core, entry.record))
    return rows
