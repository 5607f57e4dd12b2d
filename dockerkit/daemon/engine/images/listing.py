"""``images``: a row for each image, newest first, with the sizes it has for itself and with others when asked for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from dockerkit.daemon.engine.core import Core
from dockerkit.daemon.engine.images import filters as wanted
from dockerkit.daemon.engine.images.filters import Filters
from dockerkit.daemon.engine.images.manifests import descriptor, manifests
from dockerkit.daemon.engine.images.using import counted
from dockerkit.daemon.images.image import Image
from dockerkit.errors import Invalid
from dockerkit.schema.image import ImageSummary


def rows(
    core: Core, *, all: bool = False, filters: Filters | None = None, shared: bool = False, platforms: bool = False
) -> list[ImageSummary]:
    """Return a row for each image, newest first.

    :param all: images without a name that others were made from here, too.
    :param shared: compute ``SharedSize``.
    :param platforms: list the manifests of each.
    :raises Invalid: an unknown filter, or a malformed value; in Docker's words.
    :raises NotFound: ``before`` or ``since`` names what is not here.
    """
    asked = filters or {}
    wanted.check(asked, wanted.LISTED)
    images = core.images.list()
    chosen = _Chosen(core, asked, all=all, parents={image.parent for image in images})
    users = counted(core)
    sizes = shared_sizes(core, images) if shared else {}
    found = []
    for image in images:
        moment = wanted.made(image)
        names = chosen.names(image, moment)
        if names is None:
            continue
        row = ImageSummary(
            id=image.id,
            parent_id=image.parent,
            repo_tags=names[0],
            repo_digests=names[1],
            created=moment // 1_000_000_000,
            size=image.size,
            shared_size=sizes.get(image.id, -1),
            labels=image.document.config.labels,
            containers=users[image.id],
            descriptor=descriptor(image),
        )
        if platforms:
            row.manifests = manifests(core, image)
        found.append(row)
    return sorted(found, key=lambda row: row.created, reverse=True)


def shared_sizes(core: Core, images: Iterable[Image]) -> dict[str, int]:
    """Return the bytes of each image's layers that another image has too, by its id."""
    every = list(images)
    users = Counter(layer for image in every for layer in set(image.layers))
    return {
        image.id: sum(
            size for layer, size in zip(image.layers, core.images.layer_sizes(image), strict=True) if users[layer] > 1
        )
        for image in every
    }


class _Chosen:
    """What is asked for, read once."""

    def __init__(self, core: Core, filters: Filters, *, all: bool, parents: set[str]) -> None:
        self._filters, self._all, self._parents = filters, all, parents
        self._dangling = wanted.dangling(filters)
        self._until = wanted.until(filters)
        self._before = _moment(core, filters.get("before", ()))
        self._since = _moment(core, filters.get("since", ()))

    def names(self, image: Image, moment: int) -> tuple[list[str], list[str]] | None:
        """Return the tags and digests that are to be shown of an image made at `moment`, or None if it is not to be."""
        if not self._in_time(moment) or not wanted.labelled(image, self._filters):
            return None
        nameless = not (image.references or image.digests)
        if nameless and not self._all and image.id in self._parents:
            return None  # only a step on the way to another one
        if self._dangling is not None and self._dangling == bool(image.references):
            return None
        patterns = self._filters.get("reference", ())
        if not patterns:
            return list(image.references), list(image.digests)
        names = wanted.named(image, patterns)
        tags, digests = ([str(name) for name in names if name.digest == ""], [str(name) for name in names if name.digest])
        return (tags, digests) if names else None

    def _in_time(self, moment: int) -> bool:
        return (
            (self._before is None or moment < self._before)
            and (self._since is None or moment > self._since)
            and (self._until is None or moment < self._until)
        )


def _moment(core: Core, names: Sequence[str]) -> int | None:
    """Return when the newest of these images was made."""
    if any(not name for name in names):
        raise Invalid("invalid reference format")
    return max((wanted.made(core.images.get(name)) for name in names), default=None)
