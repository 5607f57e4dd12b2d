"""``explore``: what each layer of an image adds, changes and removes, and what nobody can see any more, as JSON. Only reads."""

from __future__ import annotations

from typing import Any

from dockerkit.daemon.engine.core import Core


def explore(core: Core, name: str) -> dict[str, Any]:
    """Return an image layer by layer, lowest first; sizes in bytes.

    :raises NotFound: no such image.
    """
    image = core.images.get(name)
    found = core.images.explore(image)
    steps = [line for line in image.document.history if not line.empty_layer]
    sizes = core.images.layer_sizes(image)
    commands = [line.created_by for line in steps] if len(steps) == len(image.layers) else [""] * len(image.layers)
    return {
        "Id": image.id,
        "Size": image.size,
        "WastedBytes": found.wasted_bytes,
        "Efficiency": found.efficiency,
        "Wasted": [{"Path": waste.path, "Count": waste.count, "Size": waste.size} for waste in found.wasted],
        "Layers": [
            {
                "Digest": blob.digest,
                "DiffID": diff_id,
                "CreatedBy": command,
                "Size": size,
                "Entries": [
                    {"Path": entry.path, "Kind": entry.kind, "Size": entry.size, "Type": entry.type} for entry in entries
                ],
            }
            for blob, diff_id, command, size, entries in zip(
                image.blobs, image.document.rootfs.diff_ids, commands, sizes, found.layers, strict=True
            )
        ],
    }
