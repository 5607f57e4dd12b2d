"""Collection: blobs and layers that neither a name, nor an image that is kept without one, nor a lease needs, are removed.

Reachability is read from the documents themselves: index → manifest → configuration and layers. Nothing goes while an image
cannot be read, for what it needs is then not known. Never takes a name away.
"""

from __future__ import annotations

import logging

from dockerkit.daemon.images import initial
from dockerkit.daemon.images.catalog import Catalog
from dockerkit.daemon.images.image import Image
from dockerkit.daemon.images.layers import Layers
from dockerkit.daemon.images.leases import Leases
from dockerkit.daemon.images.store import Store
from dockerkit.errors import Damaged, NotFound

_log = logging.getLogger(__name__)


def collect(store: Store, layers: Layers, catalog: Catalog, leases: Leases) -> None:
    """Remove everything that is not reachable and not held."""
    with leases.collecting() as held:
        try:
            images = catalog.images(strict=True, kept=True)
        except (Damaged, NotFound) as error:
            _log.warning("nothing is collected, for what this image needs is not known: %s", error)
            return
        needed = held | {name for image in images for name in (*image.layers, initial.init_name(_top(image)))}
        layers.remove([name for name in layers.names() if name not in needed])
        needed = held | {digest for image in images for digest in blobs_of(image)}
        for digest in store.digests():
            if digest not in needed:
                store.delete(digest)


def blobs_of(image: Image) -> set[str]:
    """Return the digests of all blobs an image consists of."""
    own = {image.manifest.digest, image.id, *(blob.digest for blob in image.blobs)}
    return own | {name.partition("@")[2] for name in image.digests}  # an index that it was pulled by


def _top(image: Image) -> str:
    return image.layers[-1] if image.layers else ""
