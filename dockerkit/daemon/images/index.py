"""``index.json``: which names mean which manifest. One file, replaced whole, guarded by a lock.

A name is a descriptor with two annotations, as containerd and skopeo read them: ``org.opencontainers.image.ref.name`` holds the
tag and ``io.containerd.image.name`` the full name. A descriptor without them is an image that has lost its last name. What was
pulled has a second name, with the digest that the registry gave (the index's, where there is one) in the place of the tag.
Since many images have the tag ``latest``, each name is written once more as people write it, for others to find: ``skopeo
inspect oci:DIRECTORY:busybox:latest``. A third annotation is ours and stays with a manifest whatever it is called: the image it
was made from. Never reads manifests, never deletes blobs.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence
from functools import lru_cache

import msgspec

from dockerkit.daemon.images.store import write_file
from dockerkit.errors import Damaged
from dockerkit.schema.image import Descriptor, Index
from dockerkit.schema.names import Reference, parse_reference

NAME = "io.containerd.image.name"
TAG = "org.opencontainers.image.ref.name"
ALIAS = "dev.dockerkit.alias"
"""Marks a descriptor that says once more, for others, what another one says."""
PARENT = "dev.dockerkit.parent"
"""Id of the image that this one was committed or built on here."""
KEPT = "dev.dockerkit.kept"
"""Marks an image that was deleted, and is there for the containers that were made of it: nobody else finds it."""
_Signature = tuple[int, int, int]


def full_name(reference: Reference) -> str:
    """Return a reference with registry and everything, ``docker.io/library/busybox:latest``."""
    text = f"{reference.registry}/{reference.repository}"
    text += f":{reference.tag}" if reference.tag else ""
    return text + (f"@{reference.digest}" if reference.digest else "")


def name_of(descriptor: Descriptor) -> Reference | None:
    """Return the name a descriptor of the index gives its manifest, or None."""
    name = descriptor.annotations.get(NAME)
    return _parsed(name) if name else None


_parsed = lru_cache(maxsize=8192)(parse_reference)


class NameIndex:
    """The names in one OCI layout. Thread-safe; notices when the file was replaced under it."""

    def __init__(self, directory: str) -> None:
        self._path = os.path.join(directory, "index.json")
        self._lock = threading.RLock()
        self._known: tuple[_Signature, tuple[Descriptor, ...]] | None = None
        if not os.path.exists(self._path):
            self._write([])

    def descriptors(self) -> tuple[Descriptor, ...]:
        """Return all descriptors, in the order in which they came.

        :raises Damaged: ``index.json`` is not an OCI index.
        """
        with self._lock:
            status = os.stat(self._path)
            signature = (status.st_ino, status.st_mtime_ns, status.st_size)
            if self._known is None or self._known[0] != signature:
                self._known = (signature, self._read())
            return self._known[1]

    def assign(self, reference: Reference, manifest: Descriptor) -> None:
        """Let a name mean a manifest; the manifest that bore it before stays, without it.

        Annotations of `manifest` other than names are noted with it, beside those it has.

        :raises Exhausted: no room; nothing has changed.
        """
        self.put([(reference, manifest)])

    def put(self, entries: Sequence[tuple[Reference | None, Descriptor]]) -> None:
        """Assign several names at once, or none to a manifest that is to be kept without: all of it or, if it fails, nothing.

        :raises Exhausted: no room; nothing has changed.
        """

        def change(descriptors: list[Descriptor]) -> list[Descriptor]:
            for reference, manifest in entries:
                descriptors = _kept(descriptors, manifest) if reference is None else _named(descriptors, reference, manifest)
            return descriptors

        self._change(change)

    def keep(self, manifest: Descriptor) -> None:
        """Note a manifest that has no name; one that is noted already stays as it is.

        :raises Exhausted: no room; nothing has changed.
        """
        self.put([(None, manifest)])

    def release(self, references: Sequence[Reference]) -> None:
        """Take names away; a manifest that loses its last one stays, nameless."""
        self._change(lambda descriptors: _without(descriptors, references))

    def forget(self, reference: Reference) -> None:
        """Take a name away with what it means: a manifest without another name is not kept."""
        name = full_name(reference)
        self._change(lambda descriptors: [d for d in descriptors if d.annotations.get(NAME) != name])

    def drop(self, manifests: set[str]) -> None:
        """Forget manifests, by digest, with all their names: the moment an image is deleted."""
        self._change(lambda descriptors: [d for d in descriptors if d.digest not in manifests])

    def hide(self, manifests: set[str]) -> None:
        """Take all names of manifests away, by digest, and keep them for containers alone."""

        def change(descriptors: list[Descriptor]) -> list[Descriptor]:
            hidden = {d.digest: d for d in descriptors if d.digest in manifests}.values()
            marked = [msgspec.structs.replace(d, annotations={**facts_of(d), KEPT: "1"}) for d in hidden]
            return [d for d in descriptors if d.digest not in manifests] + marked

        self._change(change)

    def _change(self, change: Callable[[list[Descriptor]], list[Descriptor]]) -> None:
        with self._lock:
            before = list(self.descriptors())
            after = change(before)
            if after != before:
                self._write(after)

    def _read(self) -> tuple[Descriptor, ...]:
        with open(self._path, "rb") as file:
            content = file.read()
        try:
            return tuple(d for d in msgspec.json.decode(content, type=Index).manifests if ALIAS not in d.annotations)
        except (msgspec.DecodeError, msgspec.ValidationError) as error:
            raise Damaged(f"{self._path} is no OCI index: {error}", hint="move the directory away and start again") from None

    def _write(self, descriptors: list[Descriptor]) -> None:
        aliases = [_alias(descriptor) for descriptor in descriptors if TAG in descriptor.annotations]
        write_file(self._path, msgspec.json.encode(Index(manifests=descriptors + aliases)))
        self._known = None


def _alias(descriptor: Descriptor) -> Descriptor:
    name = str(name_of(descriptor) or descriptor.annotations[TAG])
    return msgspec.structs.replace(descriptor, annotations={TAG: name, ALIAS: "1"})


def facts_of(descriptor: Descriptor) -> dict[str, str]:
    """Return what is noted of a manifest whatever it is called."""
    return {key: value for key, value in descriptor.annotations.items() if key == PARENT}


def _named(descriptors: list[Descriptor], reference: Reference, manifest: Descriptor) -> list[Descriptor]:
    facts = _facts(descriptors, manifest)
    names = {**({TAG: reference.tag} if reference.tag else {}), NAME: full_name(reference)}
    left = _without(descriptors, [reference])
    others = [
        msgspec.structs.replace(d, annotations={**d.annotations, **facts}) if d.digest == manifest.digest else d
        for d in left
        if d.digest != manifest.digest or NAME in d.annotations
    ]
    return [*others, msgspec.structs.replace(manifest, annotations={**names, **facts})]


def _kept(descriptors: list[Descriptor], manifest: Descriptor) -> list[Descriptor]:
    if any(descriptor.digest == manifest.digest and KEPT not in descriptor.annotations for descriptor in descriptors):
        return descriptors
    others = [descriptor for descriptor in descriptors if descriptor.digest != manifest.digest]
    return [*others, msgspec.structs.replace(manifest, annotations=facts_of(manifest))]


def _facts(descriptors: list[Descriptor], manifest: Descriptor) -> dict[str, str]:
    """Return what was noted of a manifest before, and what is noted now."""
    found = (facts_of(descriptor) for descriptor in descriptors if descriptor.digest == manifest.digest)
    return {**next(found, {}), **facts_of(manifest)}


def _without(descriptors: list[Descriptor], references: Sequence[Reference]) -> list[Descriptor]:
    """Take the names away; keep a nameless descriptor of a manifest only when no named one is left, and once."""
    gone = {full_name(reference) for reference in references}
    kept = [d for d in descriptors if d.annotations.get(NAME) not in gone]
    present = {d.digest for d in kept}
    for descriptor in descriptors:
        if descriptor.digest not in present:
            kept.append(msgspec.structs.replace(descriptor, annotations=facts_of(descriptor)))
            present.add(descriptor.digest)
    return kept
