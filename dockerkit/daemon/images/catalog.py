"""Index and blobs read as images: the list of :class:`Image` values, and the search by whatever a person may call one.

Documents are immutable (their name is their digest), so each is read and checked once. Never changes anything on disk.
"""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Iterable

import msgspec

from dockerkit.daemon.images.documents import check_layers, read_config, read_manifest
from dockerkit.daemon.images.image import Image
from dockerkit.daemon.images.index import KEPT, PARENT, NameIndex, name_of
from dockerkit.daemon.images.layers import Layer, Layers, chain_ids
from dockerkit.daemon.images.store import Store
from dockerkit.errors import DockerkitError, Invalid, NotFound
from dockerkit.schema.image import Descriptor, ImageDocument, Manifest
from dockerkit.schema.names import FULL_ID, Reference, parse_reference

_log = logging.getLogger(__name__)
_SHORT_ID = re.compile(r"(?:sha256:)?([0-9a-f]{1,64})")
_Documents = tuple[Manifest, ImageDocument, int]


def layers_of(image: Image) -> tuple[Layer, ...]:
    """Return an image's layers with chain id, diff id and blob, lowest first."""
    diff_ids = image.document.rootfs.diff_ids
    return tuple(Layer(c, d, b.digest) for c, d, b in zip(image.layers, diff_ids, image.blobs, strict=True))


class Catalog:
    """What there is. Thread-safe."""

    def __init__(self, store: Store, index: NameIndex, layers: Layers) -> None:
        self._store, self._index, self._layers = store, index, layers
        self._lock = threading.Lock()
        self._read: dict[str, _Documents] = {}
        self._listed: tuple[dict[str, list[Descriptor]], tuple[Image, ...]] | None = None
        self._grouped: tuple[tuple[Descriptor, ...], dict[str, list[Descriptor]]] | None = None

    def images(self, *, strict: bool = False, kept: bool = False) -> list[Image]:
        """Return all images, newest name last; one whose documents are damaged is left out and logged, unless `strict`.

        :param kept: those too that were deleted and are kept for containers.
        :raises Damaged: only if `strict`.
        """
        groups, known = self._by_id(), self._listed
        if known is not None and known[0] is groups:
            return [image for image in known[1] if kept or not image.kept]
        images, whole = [], True
        for descriptors in groups.values():
            try:
                images.append(self._image(descriptors))
            except DockerkitError as error:
                if strict:
                    raise
                whole = False
                _log.warning("image %s is left out of the list: %s", descriptors[0].digest, error)
        if whole:
            self._listed = (groups, tuple(images))
        return [image for image in images if kept or not image.kept]

    def of_container(self, id: str) -> Image:
        """Return the image of a container, by its full id, though it may have been deleted.

        :raises NotFound: in Docker's words.
        """
        by_id = self._by_id()
        return self._image(self._only([id] if id in by_id else [], id, by_id, id))

    def is_kept(self, id: str) -> bool:
        """Tell whether an image, by its full id, is there for containers only."""
        found = self._by_id().get(id, ())
        return bool(found) and all(KEPT in descriptor.annotations for descriptor in found)

    def get(self, name: str) -> Image:
        """Return the image of a reference, full id, short id or digest; names come before ids, as in Docker.

        :raises NotFound: in Docker's words.
        :raises Invalid: no reference, or a short id of several images.
        :raises Damaged: its documents are not what their digests say.
        """
        bare = name.removeprefix("sha256:")
        by_id = self._by_id()
        if FULL_ID.fullmatch(bare):
            id = f"sha256:{bare}"
            return self._image(self._only([id] if id in by_id and not self.is_kept(id) else [], name, by_id, id))
        reference = parse_reference(name)
        for descriptors in by_id.values():
            if any(_means(descriptor, reference) for descriptor in descriptors):
                return self._image(descriptors)
        short = _SHORT_ID.fullmatch(name)
        matching = [i for i in by_id if short and i.startswith(f"sha256:{short[1]}") and not self.is_kept(i)]
        return self._image(self._only(matching, name, by_id, str(reference)))

    def read(self, manifest: Descriptor) -> Image:
        """Return the image of a manifest that has no name yet.

        :raises Damaged: its documents are not what their digests say.
        """
        return self._image([manifest])

    def named(self, name: str) -> Reference | None:
        """Return the reference `name` is in the index, whether its image can be read or not; None when it is none."""
        reference = parse_reference(name)
        return reference if any(_means(descriptor, reference) for descriptor in self._index.descriptors()) else None

    def manifests(self, id: str) -> set[str]:
        """Return the digests of the manifests that bear an image's id (one, unless it was compressed in two ways)."""
        return {descriptor.digest for descriptor in self._by_id().get(id, [])}

    def forget(self, manifests: Iterable[str]) -> None:
        """Drop documents from memory."""
        with self._lock:
            for digest in manifests:
                self._read.pop(digest, None)

    def _only(self, ids: list[str], name: str, by_id: dict[str, list[Descriptor]], shown: str) -> list[Descriptor]:
        if not ids:
            raise NotFound(f"No such image: {shown}")
        if len(ids) > 1:
            raise Invalid(f"Multiple IDs found with provided prefix: {name}", hint="write more digits of the id")
        return by_id[ids[0]]

    def _by_id(self) -> dict[str, list[Descriptor]]:
        """Group the index by image id; a manifest that cannot be read stands for itself."""
        descriptors, known = self._index.descriptors(), self._grouped
        if known is not None and known[0] is descriptors:
            return known[1]
        groups: dict[str, list[Descriptor]] = {}
        for descriptor in descriptors:
            try:
                id = self._documents(descriptor)[0].config.digest
            except DockerkitError:
                id = descriptor.digest  # so that it can be found by its name and removed; reading it raises again
            groups.setdefault(id, []).append(descriptor)
        self._grouped = (descriptors, groups)
        return groups

    def _image(self, descriptors: list[Descriptor]) -> Image:
        manifest, document, size = self._documents(descriptors[0])
        names = [name for name in map(name_of, descriptors) if name is not None]
        return Image(
            id=manifest.config.digest,
            document=document,
            references=tuple(str(name) for name in names if name.tag),
            digests=tuple(str(name) for name in names if name.digest),
            size=size,
            created=document.created,
            layers=chain_ids(document.rootfs.diff_ids),
            manifest=msgspec.structs.replace(descriptors[0], annotations={}),
            blobs=tuple(manifest.layers),
            parent=descriptors[0].annotations.get(PARENT, ""),
            kept=all(KEPT in descriptor.annotations for descriptor in descriptors),
        )

    def _documents(self, descriptor: Descriptor) -> _Documents:
        with self._lock:
            found = self._read.get(descriptor.digest)
        if found is None:
            found = self._load(descriptor)
            with self._lock:
                self._read[descriptor.digest] = found
        return found

    def plan(self, manifest: Descriptor) -> tuple[Manifest, ImageDocument, tuple[Layer, ...]]:
        """Read and check the documents of an image, unpacked or not, and return them with its layers, lowest first.

        :raises Damaged: they are not what their digests say, malformed, or disagree.
        """
        what = f"image {manifest.digest}"
        found = read_manifest(self._store.read(manifest.digest), what, manifest.media_type)
        document = read_config(self._store.read(found.config.digest), f"{what}: its configuration")
        check_layers(document, found.layers, what)
        diff_ids = document.rootfs.diff_ids
        layers = zip(chain_ids(diff_ids), diff_ids, found.layers, strict=True)
        return found, document, tuple(Layer(chain, diff_id, blob.digest) for chain, diff_id, blob in layers)

    def _load(self, descriptor: Descriptor) -> _Documents:
        manifest, document, layers = self.plan(descriptor)
        return manifest, document, sum(self._layers.size(layer) for layer in layers)


def _means(descriptor: Descriptor, reference: Reference) -> bool:
    name = name_of(descriptor)
    if name is None or (name.registry, name.repository) != (reference.registry, reference.repository):
        return False
    if reference.digest:
        return reference.digest in (descriptor.digest, name.digest)
    return name.tag == reference.tag
