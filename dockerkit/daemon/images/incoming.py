"""How an image comes in, whoever brings it: blobs under a lease, layers in their places, then the name, and the lease goes.

What fails leaves the store as it was: when the lease has gone, what it held is nobody's and is collected. Never knows where the
bytes come from.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence

from msgspec.structs import replace

from dockerkit.daemon.images import initial
from dockerkit.daemon.images.arriving import Intake
from dockerkit.daemon.images.catalog import Catalog, layers_of
from dockerkit.daemon.images.collecting import collect
from dockerkit.daemon.images.image import Image
from dockerkit.daemon.images.index import PARENT, NameIndex
from dockerkit.daemon.images.layers import Layers
from dockerkit.daemon.images.leases import Leases
from dockerkit.daemon.images.store import Store
from dockerkit.schema.image import Descriptor
from dockerkit.schema.names import Reference


class Incoming:
    """The one door by which images enter a store."""

    def __init__(self, store: Store, index: NameIndex, layers: Layers, catalog: Catalog, leases: Leases) -> None:
        self._store, self._index, self._layers, self._catalog, self._leases = store, index, layers, catalog, leases

    @contextlib.contextmanager
    def work(self) -> Iterator[Intake]:
        """Lend the store for the length of the block; if it fails, nothing of what it wrote is left."""
        try:
            with self._leases.take() as lease, Intake(self._store, lease, self._layers) as intake:
                yield intake
        except BaseException:
            collect(self._store, self._layers, self._catalog, self._leases)
            raise

    def unpack(self, intake: Intake, manifest: Descriptor) -> Image:
        """Have an image's layers in their places, its init layer too, and return it; it has no name yet.

        :raises Damaged: its documents or layers are malformed, hostile, or do not fit each other.
        """
        _, _, layers = self._catalog.plan(manifest)
        intake.settle(layers)
        image = self._catalog.read(manifest)
        name = initial.init_name(image.layers[-1] if image.layers else "")
        intake.hold(name)
        self.lower(image)
        return image

    def name(self, entries: Sequence[tuple[Reference | None, Descriptor]], *, parent: str = "") -> None:
        """Let names mean manifests whose images are unpacked; all of them, or none when there is no room.

        :param parent: id of the image they were made from here.
        """
        facts = {PARENT: parent} if parent else {}
        self._store.flush()
        self._index.put([(name, replace(manifest, annotations=facts)) for name, manifest in entries])

    def lower(self, image: Image) -> tuple[str, ...]:
        """Return the lower directories of a container's overlay, topmost first: the init layer, then the image's layers."""
        unpacked = [self._layers.ensure(layer) for layer in layers_of(image)][::-1]
        name = initial.init_name(image.layers[-1] if image.layers else "")
        return (self._layers.make(name, lambda root: initial.fill(root, unpacked)), *unpacked)
