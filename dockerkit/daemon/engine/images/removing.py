"""``rmi`` and ``image prune``: a name goes, an image goes with its last one, and one event says what a prune has gained."""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping
from functools import partial
from typing import Any

from dockerkit.daemon.engine import imageevents
from dockerkit.daemon.engine.core import Core
from dockerkit.daemon.engine.events import event
from dockerkit.daemon.engine.images import filters as wanted
from dockerkit.daemon.engine.images.using import counted, run_by, used_by
from dockerkit.daemon.images.image import Image
from dockerkit.errors import Conflict, Damaged, DockerkitError
from dockerkit.schema.image import ImageDelete

log = logging.getLogger(__name__)


def remove(core: Core, name: str, *, force: bool = False, prune: bool = True) -> list[ImageDelete]:
    """Remove a name, and the image with its last one; return what was done, in order.

    :param prune: images it was made from here, that nobody needs and that have no name, go too.
    :raises NotFound: no such image.
    :raises Conflict: containers use it; in Docker's words.
    """
    try:
        image = core.images.get(name)
    except Damaged:  # it can be removed all the same; what it was is not known
        image = None
    done = core.images.remove(name, force=force, prune=prune, used_by=partial(used_by, core), running=partial(run_by, core))
    imageevents.removed(core, image, done)
    return done


class Pruning:
    """The prunings of one engine's images: one at a time, as dockerd."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._lock = threading.Lock()

    def prune(self, filters: Mapping[str, list[str]]) -> dict[str, Any]:
        """Remove images that no container uses; return what went, and the bytes of the layers that did.

        :param filters: ``dangling`` (true unless said: only those without a tag), ``label``, ``label!``, ``until``.
        :raises Invalid: another filter, or a value it does not take; in Docker's words.
        :raises Conflict: somebody else is pruning.
        """
        wanted.check(filters, wanted.PRUNED)
        only_dangling, until = wanted.dangling(filters) is not False, wanted.until(filters)
        if not self._lock.acquire(blocking=False):
            raise Conflict("a prune operation is already running")
        try:
            before = self._layers()
            gone = [line for image in self._fitting(filters, until, only_dangling) for line in self._remove(image)]
            left = self._layers()
        finally:
            self._lock.release()
        reclaimed = sum(size for layer, size in before.items() if layer not in left)
        self._core.tell(event("image", "prune", "", {"reclaimed": str(reclaimed)}))
        return {"ImagesDeleted": gone or None, "SpaceReclaimed": reclaimed}

    def _fitting(self, filters: Mapping[str, list[str]], until: int | None, only_dangling: bool) -> list[Image]:
        users, images = counted(self._core), self._core.images.list()
        parents = {image.parent for image in images}
        return [
            image
            for image in images
            if not users[image.id]
            and image.id not in parents
            and not (only_dangling and image.references)
            and (until is None or wanted.made(image) <= until)
            and wanted.labelled(image, filters)
        ]

    def _remove(self, image: Image) -> list[ImageDelete]:
        done: list[ImageDelete] = []
        for name in [*image.references, *image.digests] or [image.id]:
            if any(line.deleted == image.id for line in done):
                break  # the last tag takes the digests with it
            try:
                done += remove(self._core, name)
            except DockerkitError as error:  # a container has come to use it; somebody else was quicker
                log.info("image %s is not pruned: %s", name, error)
        return done

    def _layers(self) -> dict[str, int]:
        return {
            layer: size
            for image in self._core.images.list()
            for layer, size in zip(image.layers, self._core.images.layer_sizes(image), strict=True)
        }
