"""An image's manifest as Docker shows it since API 1.48. Only describes."""

from __future__ import annotations

from typing import Any

from dockerkit.daemon.engine.core import Core
from dockerkit.daemon.engine.images.using import used_by
from dockerkit.daemon.images.image import Image


def descriptor(image: Image) -> dict[str, Any]:
    """Return what ``Descriptor`` of an image is: where it is pulled by."""
    manifest = image.manifest
    return {"mediaType": manifest.media_type, "digest": manifest.digest, "size": manifest.size}


def manifests(core: Core, image: Image) -> list[dict[str, Any]]:
    """Return the manifests of an image that are here: one, of its platform."""
    document = image.document
    platform = {"architecture": document.architecture, "os": document.os or "linux"}
    if document.variant:
        platform["variant"] = document.variant
    content = image.manifest.size + sum(blob.size for blob in image.blobs)
    return [
        {
            "ID": image.manifest.digest,
            "Descriptor": {**descriptor(image), "platform": platform},
            "Available": True,
            "Size": {"Content": content, "Total": content + image.size},
            "Kind": "image",
            "ImageData": {"Platform": platform, "Size": {"Unpacked": image.size}, "Containers": used_by(core, image.id)},
        }
    ]
