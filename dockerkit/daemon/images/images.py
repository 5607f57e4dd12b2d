"""The images of one data root: what the engine calls. Every verb is thread-safe and leaves a readable store if it is killed.

Order is what makes it so. Coming in: blobs, then the unpacked layers, then the name. Going out: the name, then layers, then
blobs. What a crash leaves between two of these is garbage nobody sees; :meth:`Images.sweep` removes it. Never knows
containers: who uses an image is asked of the caller.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Sequence

from dockerkit.daemon.images import initial
from dockerkit.daemon.images.bootstrap import makers
from dockerkit.daemon.images.bootstrap.request import Request, Supply
from dockerkit.daemon.images.catalog import Catalog, layers_of
from dockerkit.daemon.images.commit import Addition, extend
from dockerkit.daemon.images.flights import Flights, Progress
from dockerkit.daemon.images.image import Image
from dockerkit.daemon.images.index import NameIndex
from dockerkit.daemon.images.layers import Layers
from dockerkit.daemon.images.obtain import reason_to_make
from dockerkit.daemon.images.pack import assemble
from dockerkit.daemon.images.platform import check_platform
from dockerkit.daemon.images.reach import Endpoint, endpoint
from dockerkit.daemon.images.removal import plan_removal
from dockerkit.daemon.images.store import Store
from dockerkit.errors import Damaged, Exhausted, Invalid, NotFound
from dockerkit.schema.image import ImageDelete
from dockerkit.schema.names import Reference, parse_reference

_log = logging.getLogger(__name__)
Users = Callable[[str], list[str]]
"""An image's id → ids of containers."""
Deleted = list[ImageDelete]
_Images = list[Image]


def _nobody(_id: str) -> list[str]:
    return []


class Images:
    """Content store, names and layers beneath one data root.

    :param root: the data root; ``images/`` and ``layers/`` in it are made when missing.
    :param endpoint: where a registry listens, by its name; for tests.
    :param supply: where bootstrapped images get their material; this host and its mirror, unless a test says otherwise.
    """

    def __init__(self, root: str, *, endpoint: Endpoint = endpoint, supply: Supply | None = None) -> None:
        directory = os.path.join(root, "images")
        self._store = Store(directory)
        self._index = NameIndex(directory)
        self._layers = Layers(os.path.join(root, "layers"), self._store)
        self._catalog = Catalog(self._store, self._index, self._layers)
        self._endpoint = endpoint
        self._supply = supply or makers.host_supply()
        self._flights: Flights[Image] = Flights()
        self._coming_and_going = threading.RLock()
        """Held while blobs are written and named, and while the nameless are deleted: neither may see the other half done."""
        self._store.remove_unfinished()
        self._layers.remove_unfinished()

    def get(self, name: str) -> Image:
        """Return the image of a reference, full or short id, or digest.

        :raises NotFound: ``No such image: nosuch:latest``.
        :raises Invalid: not a reference, or a short id of several images.
        :raises Damaged: its documents do not match their digests.
        """
        return self._catalog.get(name)

    def list(self) -> _Images:
        """Return all images, those without a name too; damaged ones are left out and logged."""
        return self._catalog.images()

    def tag(self, image: Image, reference: str) -> None:
        """Let `reference` mean `image`; the image that bore it before keeps its other names, or stays without.

        :raises Invalid: not a reference, or one with a digest.
        """
        name = parse_reference(reference)
        if name.digest:
            raise Invalid("refusing to create a tag with a digest reference")
        self._index.assign(name, image.manifest)

    def lower(self, image: Image) -> tuple[str, ...]:
        """Return the lower directories of a container's overlay, topmost first: the init layer, then the image's layers.

        Directories that are not there yet are made.

        :raises Damaged: a layer's blob is not what the image says it is.
        :raises Exhausted: no room.
        """
        unpacked = [self._layers.ensure(layer) for layer in layers_of(image)][::-1]
        name = initial.init_name(image.layers[-1] if image.layers else "")
        return (self._layers.make(name, lambda root: initial.fill(root, unpacked)), *unpacked)

    def layer_sizes(self, image: Image) -> tuple[int, ...]:
        """Return the bytes of the regular files of each layer, lowest first."""
        return tuple(self._layers.size(layer) for layer in layers_of(image))

    def remove(self, name: str, *, force: bool, used_by: Users, running: Users = _nobody) -> Deleted:
        """Take a name away, and delete the image with its last one, by Docker's rules; return what was done, in order.

        Layers and blobs that another image needs stay.

        :param used_by: image id → ids of all containers made from it.
        :param running: image id → ids of those that run, which no force removes.
        :raises NotFound: no such image.
        :raises Conflict: in Docker's words.
        """
        with self._coming_and_going:
            try:
                image = self.get(name)
            except Damaged as error:
                return self._remove_damaged(name, error)
            users, live = used_by(image.id), running(image.id)
            plan = plan_removal(name, image, force=force, users=users, running=live)
            done = [ImageDelete(untagged=str(reference)) for reference in plan.untag]
            if not plan.delete:
                self._index.release(plan.untag)
                return done
            return done + self._delete(image)

    def obtain(self, reference: str, *, platform: str = "", progress: Progress) -> Image:
        """Get an image from its registry, or make it here when the registry cannot be reached; the local store is not asked.

        Several calls for one name at a time do the work once; each hears all of it, in its own thread.

        :param progress: gets messages of Docker's JSON stream.
        :raises Unavailable: neither registry nor bootstrap can give it; names the registry and the cause.
        :raises Unsupported: the registry can be reached (pulling is not offered yet), or the platform is not this host's.
        :raises Damaged: what the package mirror sent does not match its signed index.
        """
        wanted = parse_reference(reference)
        check_platform(platform)

        def work(say: Progress) -> Image:
            reason = reason_to_make(wanted, endpoint=self._endpoint)
            say({"status": f"Pulling from {wanted.repository}", "id": wanted.tag or wanted.digest})
            image = self._make(wanted, reason, programs=(), packages=(), say=say)
            say({"status": f"Digest: {image.manifest.digest}"})
            say({"status": f"Status: Bootstrapped image for {wanted}"})
            return image

        return self._flights.join(f"{wanted}", work, progress)

    def bootstrap(
        self, name: str, *, programs: Sequence[str] = (), packages: Sequence[str] = (), progress: Progress = lambda _: None
    ) -> Image:
        """Make an image from what this host or its distribution's mirror has, and give it that name.

        :param name: ``busybox`` or ``host``, with a tag if you like.
        :param programs: for ``host``: names or paths of the programs it is to have.
        :raises Unsupported: nothing of this name can be made; the hint says what can.
        :raises NotFound: a program is not on this host.
        """
        wanted = parse_reference(name)
        key = f"bootstrap {wanted} {sorted(programs)} {sorted(packages)}"

        def work(say: Progress) -> Image:
            return self._make(wanted, "asked for", programs=programs, packages=packages, say=say)

        return self._flights.join(key, work, progress)

    def commit(self, parent: Image, addition: Addition, name: Reference | None) -> Image:
        """Make an image of `parent` and what an addition adds, and give it a name, or none; return it.

        :raises Exhausted: no room; nothing was made.
        :raises Damaged: a layer of the parent is not what it says it is.
        """
        with self._coming_and_going:
            manifest = extend(self._store, parent, addition)
            nameless = self._catalog.read(manifest)
            self.lower(nameless)  # before it has its name: what can be found can be used
            self._index.keep(manifest)
            if name is not None:
                self._index.assign(name, manifest)
        return self._catalog.get(nameless.id)

    def _make(
        self, wanted: Reference, reason: str, *, programs: Sequence[str], packages: Sequence[str], say: Progress
    ) -> Image:
        contents = makers.make(wanted, Request(self._supply, programs, packages, say))
        with self._coming_and_going:
            manifest = assemble(self._store, contents)
            nameless = self._catalog.read(manifest)
            self.lower(nameless)  # before it has its name: what can be found can be used
            self._index.assign(wanted, manifest)
        say({"status": f"{wanted} bootstrapped from {contents.told}: {reason}"})
        for layer in nameless.layers:
            say({"status": "Pull complete", "progressDetail": {}, "id": layer[:12]})
        return self._catalog.get(str(wanted))

    def sweep(self) -> None:
        """Remove layers and blobs that no image needs: what a crash left. Nothing goes while an image cannot be read."""
        with self._coming_and_going:
            try:
                images = self._catalog.images(strict=True)
            except (Damaged, NotFound) as error:
                _log.warning("nothing is swept, for what this image needs is not known: %s", error)
                return
            layers = {layer for image in images for layer in image.layers}
            inits = {initial.init_name(image.layers[-1] if image.layers else "") for image in images}
            self._layers.remove([name for name in self._layers.names() if name not in layers | inits])
            blobs = {digest for image in images for digest in _blobs_of(image)}
            for digest in self._store.digests():
                if digest not in blobs:
                    self._store.delete(digest)

    def _remove_damaged(self, name: str, error: Damaged) -> Deleted:
        """Take the name of an unreadable image away; what it consists of goes with the next sweep."""
        reference = self._catalog.named(name)
        if reference is None:
            raise error
        self._index.forget(reference)
        self.sweep()
        return [ImageDelete(untagged=str(reference))]

    def _delete(self, image: Image) -> Deleted:
        """Delete an image: its names first, then what no other image needs."""
        manifests = self._catalog.manifests(image.id)
        others = [other for other in self._catalog.images() if other.id != image.id]
        kept = {layer for other in others for layer in other.layers}
        gone = [layer for layer in image.layers[::-1] if layer not in kept]
        try:
            self._index.drop(manifests)
        except Exhausted:
            # a full disk must not forbid what makes room: layers can be made again from their blobs, so they may go first
            self._layers.remove([*map(initial.init_name, gone), *gone])
            self._index.drop(manifests)
        self._catalog.forget(manifests)
        self.sweep()
        return [ImageDelete(deleted=image.id), *(ImageDelete(deleted=f"sha256:{layer}") for layer in gone)]


def _blobs_of(image: Image) -> set[str]:
    return {image.manifest.digest, image.id, *(blob.digest for blob in image.blobs)}
