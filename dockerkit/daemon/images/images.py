"""The images of one data root: what the engine calls. Every verb is thread-safe and leaves a readable store if it is killed.

Order is what makes it so. Coming in (:mod:`.incoming`): blobs under a lease, then the unpacked layers, then the name. Going
out: the name, then what nothing needs any more. What a crash leaves between two of these is garbage nobody sees;
:meth:`Images.sweep` removes it. Never knows containers: who uses an image is asked of the caller.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Hashable, Iterator, Sequence

from dockerkit.daemon.images import initial, obtain
from dockerkit.daemon.images.archives.importing import Wish, import_image
from dockerkit.daemon.images.archives.loading import load
from dockerkit.daemon.images.archives.saving import Item, items, save
from dockerkit.daemon.images.bootstrap import makers
from dockerkit.daemon.images.bootstrap.bench import Bench, Configure
from dockerkit.daemon.images.bootstrap.request import Request, Supply
from dockerkit.daemon.images.catalog import Catalog, layers_of
from dockerkit.daemon.images.collecting import collect
from dockerkit.daemon.images.commit import Addition, extend
from dockerkit.daemon.images.exploring import Explored, explore
from dockerkit.daemon.images.flights import Flights, Progress
from dockerkit.daemon.images.image import Image
from dockerkit.daemon.images.incoming import Incoming
from dockerkit.daemon.images.index import NameIndex
from dockerkit.daemon.images.layers import Layers
from dockerkit.daemon.images.leases import Leases
from dockerkit.daemon.images.platform import check_platform
from dockerkit.daemon.images.pulling import Pulling
from dockerkit.daemon.images.removal import Standing, plan_removal
from dockerkit.daemon.images.store import Store
from dockerkit.errors import Damaged, Exhausted, Invalid
from dockerkit.schema.image import ImageDelete
from dockerkit.schema.names import Reference, parse_reference

Users = Callable[[str], list[str]]
"""An image's id → ids of containers."""
Deleted = list[ImageDelete]
_Images = list[Image]
_Items = list[Item]


def _nobody(_id: str) -> list[str]:
    return []


class Images:
    """Content store, names and layers beneath one data root.

    :param root: the data root; ``images/`` and ``layers/`` in it are made when missing.
    :param supply: where bootstrapped images get their material; this host and its mirror, unless a test says otherwise.

    ``configure`` runs a program in a half-made system; whoever has containers sets it.
    """

    def __init__(self, root: str, *, supply: Supply | None = None) -> None:
        self._root = root
        self.configure: Configure | None = None
        directory = os.path.join(root, "images")
        self._store = Store(directory)
        self._index = NameIndex(directory)
        self._layers = Layers(os.path.join(root, "layers"), self._store)
        self._catalog = Catalog(self._store, self._index, self._layers)
        self._leases = Leases(directory)
        self._supply = supply or makers.host_supply()
        self._flights: Flights[Image] = Flights()
        self._incoming = Incoming(self._store, self._index, self._layers, self._catalog, self._leases)
        self._store.remove_unfinished()
        self._layers.remove_unfinished()

    @property
    def blobs(self) -> Store:
        """The content store, for whoever sends images elsewhere."""
        return self._store

    def get(self, name: str) -> Image:
        """Return the image of a reference, full or short id, or digest.

        :raises NotFound: ``No such image: nosuch:latest``.
        :raises Invalid: not a reference, or a short id of several images.
        :raises Damaged: its documents do not match their digests.
        """
        return self._catalog.get(name)

    def of_container(self, id: str) -> Image:
        """Return the image of a container, by its full id, though it may have been deleted since.

        :raises NotFound: it is not here.
        """
        return self._catalog.of_container(id)

    def let_go(self, id: str, used_by: Users) -> None:
        """Remove what was kept of a deleted image, unless a container needs it still."""
        if self._catalog.is_kept(id) and not used_by(id):
            self._delete(self._catalog.of_container(id))

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

    def pushed(self, name: Reference, image: Image) -> None:
        """Note that a registry has an image by a name: it can be asked for by its digest from now on."""
        self._index.assign(Reference(name.registry, name.repository, "", image.manifest.digest), image.manifest)

    def lower(self, image: Image) -> tuple[str, ...]:
        """Return the lower directories of a container's overlay, topmost first: the init layer, then the image's layers.

        Directories that are not there yet are made.

        :raises Damaged: a layer's blob is not what the image says it is.
        :raises Exhausted: no room.
        """
        return self._incoming.lower(image)

    def layer_sizes(self, image: Image) -> tuple[int, ...]:
        """Return the bytes of the regular files of each layer, lowest first."""
        return tuple(self._layers.size(layer) for layer in layers_of(image))

    def explore(self, image: Image) -> Explored:
        """Return what each layer of an image adds, changes and removes, and what of it is wasted.

        :raises Damaged: a layer's blob is not what the image says it is.
        """
        return explore([self._layers.ensure(layer) for layer in layers_of(image)])

    def remove(self, name: str, *, force: bool, used_by: Users, running: Users = _nobody, prune: bool = True) -> Deleted:
        """Take a name away, and delete the image with its last one, by Docker's rules; return what was done, in order.

        Layers and blobs that another image needs stay.

        :param used_by: image id → ids of all containers made from it.
        :param running: image id → ids of those that run, which no force removes.
        :param prune: images it was made from here go too, if they have no name and nobody needs them.
        :raises NotFound: no such image.
        :raises Conflict: in Docker's words.
        """
        try:
            image = self.get(name)
        except Damaged as error:
            return self._remove_damaged(name, error)
        standing = Standing(used_by(image.id), running(image.id), self._has_children(image))
        plan = plan_removal(name, image, force=force, standing=standing)
        done = [ImageDelete(untagged=str(reference)) for reference in plan.untag]
        if not plan.delete:
            self._index.release(plan.untag)
            return done
        deleted = self._hide(image) if plan.kept else self._delete(image)
        return done + deleted + (self._prune_parent(image, used_by) if prune else [])

    def obtain(
        self,
        reference: str,
        *,
        platform: str = "",
        progress: Progress,
        pull: obtain.Pull = obtain.unconnected,
        who: Hashable = "",
    ) -> Image:
        """Get an image from its registry, or make it here when the registry cannot be reached; the local store is not asked.

        Several calls for one name at a time do the work once; each hears all of it, in its own thread.

        :param progress: gets messages of Docker's JSON stream.
        :param pull: the registry's client, with the caller's credentials.
        :param who: the credentials: work is shared among those who show the same.
        :raises Unavailable: neither registry nor bootstrap can give it; names the registry and the cause.
        :raises Unsupported: it is made here, and the platform is not this host's.
        :raises Damaged: what the registry or the package mirror sent is not what it should be; the store is as it was.
        """
        wanted = parse_reference(reference)
        makers.refuse_reserved(wanted)

        def work(say: Progress) -> Image:
            if obtain.mode() == "always":
                reason = obtain.unasked(wanted)
            else:
                try:
                    return Pulling(self._incoming, self._catalog, say).pull(wanted, platform, pull)
                except obtain.OutOfReach as error:
                    reason = obtain.instead(wanted, error)
            check_platform(platform)
            say({"status": f"Pulling from {wanted.repository}", "id": wanted.tag or wanted.digest})
            image = self._make(wanted, reason, programs=(), packages=(), say=say)
            say({"status": f"Digest: {image.manifest.digest}"})
            say({"status": f"Status: Bootstrapped image for {wanted}"})
            return image

        return self._flights.join(("pull", str(wanted), platform, who), work, progress)

    def bootstrap(
        self, name: str, *, programs: Sequence[str] = (), packages: Sequence[str] = (), progress: Progress = lambda _: None
    ) -> Image:
        """Make an image from what this host or its distribution's mirror has, and give it that name.

        :param name: one of ``makers.names()``, with a tag that fits this host's distribution.
        :param programs: for ``host``: names or paths of the programs it is to have.
        :param packages: of the distribution, added to any of its systems and servers.
        :raises Unsupported: nothing of this name can be made; the hint says what can.
        :raises NotFound: a program is not on this host.
        """
        wanted = parse_reference(name)
        key = ("bootstrap", str(wanted), *sorted(programs), "", *sorted(packages))

        def work(say: Progress) -> Image:
            return self._make(wanted, "asked for", programs=programs, packages=packages, say=say)

        return self._flights.join(key, work, progress)

    def commit(self, parent: Image, addition: Addition, name: Reference | None) -> Image:
        """Make an image of `parent` and what an addition adds, and give it a name, or none; return it.

        :raises Exhausted: no room; nothing was made.
        :raises Damaged: a layer of the parent is not what it says it is.
        """
        with self._incoming.work() as intake:
            manifest = extend(intake, parent, addition)
            nameless = self._incoming.unpack(intake, manifest)  # before it has its name: what can be found can be used
            self._incoming.name([(None, manifest), *([(name, manifest)] if name else [])], parent=parent.id)
        return self._catalog.get(nameless.id)

    def load(self, chunks: Iterator[bytes], say: Progress, platform: str = "") -> _Images:
        """Take in all images of an archive, Docker's or the OCI's, with their names; return them in its order.

        :param say: gets messages of Docker's JSON stream.
        :param platform: that all of them must be for; see :func:`~dockerkit.daemon.images.archives.loading.load`.
        :raises Damaged: it is malformed or hostile; the store is as it was.
        """
        return load(self._incoming, self._catalog, chunks, say, platform)

    def import_(self, chunks: Iterator[bytes], wish: Wish, name: Reference | None) -> Image:
        """Make an image whose one layer is a tar, and give it a name, or none; return it.

        :raises Damaged: the tar is malformed or hostile; the store is as it was.
        """
        with self._incoming.work() as intake:
            manifest = import_image(intake, chunks, wish)
            nameless = self._incoming.unpack(intake, manifest)
            self._incoming.name([(name, manifest)])
        return self._catalog.get(nameless.id)

    def chosen(self, names: Sequence[str]) -> _Items:
        """Return what these names ask to be saved, each image once: a repository without a tag stands for all its tags.

        :raises NotFound: one is not here.
        """
        return items(self._catalog, names)

    def save(self, chosen: Sequence[Item]) -> Generator[bytes]:
        """Return an archive of images, Docker's and the OCI's in one, as a stream; the same images give the same bytes."""
        return save(self._store, self._leases, chosen)

    def _make(
        self, wanted: Reference, reason: str, *, programs: Sequence[str], packages: Sequence[str], say: Progress
    ) -> Image:
        bench = Bench(self._root, self.list, self.lower, self.configure)
        request = Request(self._supply, programs, packages, say, bench=bench)
        with makers.make(wanted, request) as made, self._incoming.work() as intake:
            manifest = made.assemble(intake.plain(), self._layers)
            nameless = self._incoming.unpack(intake, manifest)  # before it has its name: what can be found can be used
            self._incoming.name([(wanted, manifest)])
        say({"status": f"{wanted} bootstrapped from {made.told}: {reason}"})
        for layer in nameless.layers:
            say({"status": "Pull complete", "progressDetail": {}, "id": layer[:12]})
        return self._catalog.get(str(wanted))

    def sweep(self, used_by: Users | None = None) -> None:
        """Remove layers and blobs that no image needs: what a crash left. Nothing goes while an image cannot be read.

        :param used_by: also deleted images that are kept for containers which are not there any more.
        """
        if used_by is not None:
            for image in self._catalog.images(kept=True):
                if image.kept and not used_by(image.id):
                    self._index.drop(self._catalog.manifests(image.id))
        collect(self._store, self._layers, self._catalog, self._leases)

    def _has_children(self, image: Image) -> bool:
        return any(other.parent == image.id for other in self._catalog.images())

    def _prune_parent(self, image: Image, used_by: Users) -> Deleted:
        """Delete the images that one was made from here, as far as they were kept for its sake only."""
        found = [one for one in self._catalog.images() if image.parent and one.id == image.parent]
        for parent in found:
            if not (parent.references or parent.digests or used_by(parent.id) or self._has_children(parent)):
                return self._delete(parent) + self._prune_parent(parent, used_by)
        return []

    def _remove_damaged(self, name: str, error: Damaged) -> Deleted:
        """Take the name of an unreadable image away; what it consists of goes with the next sweep."""
        reference = self._catalog.named(name)
        if reference is None:
            raise error
        self._index.forget(reference)
        self.sweep()
        return [ImageDelete(untagged=str(reference))]

    def _hide(self, image: Image) -> Deleted:
        """Delete an image for everybody but its containers."""
        self._index.hide(self._catalog.manifests(image.id))
        return [ImageDelete(deleted=image.id)]

    def _delete(self, image: Image) -> Deleted:
        """Delete an image: its names first, then what no other image needs."""
        manifests = self._catalog.manifests(image.id)
        others = [other for other in self._catalog.images(kept=True) if other.id != image.id]
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
