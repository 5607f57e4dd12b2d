"""The image verbs in Docker's shapes: list, inspect, create, remove, history, tag."""

from __future__ import annotations

import fnmatch
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from dockerkit.daemon.engine import imageevents
from dockerkit.daemon.engine.core import Core
from dockerkit.daemon.images.image import Image
from dockerkit.errors import Damaged, Invalid
from dockerkit.schema.image import ImageDelete, ImageInspect, ImageRootFS, ImageSummary
from dockerkit.schema.names import parse_reference
from dockerkit.schema.units import from_rfc3339

Progress = Callable[[dict[str, Any]], None]
Names = list[str]
Rows = list[dict[str, Any]]


class ImageVerbs:
    """Images as the API offers them; the store itself is ``daemon.images``."""

    def __init__(self, core: Core) -> None:
        self._core = core

    def list(self, *, all: bool = False, filters: Mapping[str, list[str]] | None = None) -> list[ImageSummary]:
        """Return a row for each image, newest first.

        :param all: intermediate images too; there are none.
        :param filters: ``reference``, ``label``, ``dangling``.
        :raises Invalid: an unknown filter.
        """
        wanted = filters or {}
        for word in wanted:
            if word not in ("reference", "label", "dangling"):
                raise Invalid(f"invalid filter '{word}'", hint="known filters: dangling, label, reference")
        images = [image for image in self._core.images.list() if _fits(image, wanted)]
        return sorted((self._summary(image) for image in images), key=lambda row: row.created, reverse=True)

    def _summary(self, image: Image) -> ImageSummary:
        return ImageSummary(
            id=image.id,
            repo_tags=list(image.references),
            repo_digests=list(image.digests),
            created=_seconds(image),
            size=image.size,
            labels=image.document.config.labels,
            containers=len(self.used_by(image.id)),
        )

    def inspect(self, name: str) -> ImageInspect:
        """Return everything known of an image.

        :raises NotFound: in Docker's words.
        """
        image = self._core.images.get(name)
        document = image.document
        return ImageInspect(
            id=image.id,
            repo_tags=list(image.references),
            repo_digests=list(image.digests),
            comment=document.history[-1].comment if document.history else "",
            created=image.created,
            author=document.author,
            config=document.config,
            architecture=document.architecture,
            os=document.os,
            size=image.size,
            root_fs=ImageRootFS(layers=list(document.rootfs.diff_ids)),
        )

    def history(self, name: str) -> Sequence[dict[str, Any]]:
        """Return how an image came to be, newest step first, as ``GET /images/{name}/history``."""
        image = self._core.images.get(name)
        rows: Rows = [
            {
                "Id": "<missing>",
                "Created": _epoch(h.created),
                "CreatedBy": h.created_by,
                "Tags": None,
                "Size": 0,
                "Comment": h.comment,
            }
            for h in reversed(image.document.history)
        ]
        if rows:
            rows[0] |= {"Id": image.id, "Tags": list(image.references) or None}
        for row, size in zip(_layered(rows, image), reversed(self._core.images.layer_sizes(image)), strict=False):
            row["Size"] = size
        return rows

    def create(self, reference: str, *, platform: str = "", progress: Progress) -> str:
        """Obtain an image from its registry, or where none answers, make it; return its id."""
        image = self._core.images.obtain(reference, platform=platform, progress=progress)
        imageevents.pulled(self._core, image, reference)
        return image.id

    def bootstrap(self, name: str, *, programs: Sequence[str], packages: Sequence[str], progress: Progress) -> str:
        """Assemble an image from what this host or its distribution's mirror has; return its id."""
        image = self._core.images.bootstrap(name, programs=programs, packages=packages, progress=progress)
        for reference in image.references:
            imageevents.happened(self._core, "tag", image, name=reference)
        imageevents.happened(self._core, "import", image)
        return image.id

    def remove(self, name: str, *, force: bool = False, prune: bool = True) -> Sequence[ImageDelete]:
        """Remove a reference, and the image with its last one.

        :raises Conflict: containers use it; in Docker's words.
        """
        try:
            image = self._core.images.get(name)
        except Damaged:  # it can be removed all the same; what it was is not known
            image = None
        done = self._core.images.remove(name, force=force, used_by=self.used_by, running=self._run_by)
        imageevents.removed(self._core, image, done)
        return done

    def tag(self, name: str, repository: str, tag: str) -> None:
        """Give an image another reference."""
        image, reference = self._core.images.get(name), f"{repository}:{tag}" if tag else repository
        self._core.images.tag(image, reference)
        imageevents.happened(self._core, "tag", image, name=str(parse_reference(reference)))

    def used_by(self, image_id: str) -> Names:
        """Return the ids of the containers of an image."""
        return [entry.record.id for entry in self._core.entries.all() if entry.record.image == image_id]

    def _run_by(self, image_id: str) -> Names:
        running = (entry.record for entry in self._core.entries.all() if entry.record.active)
        return [record.id for record in running if record.image == image_id]


def _layered(rows: Sequence[dict[str, Any]], image: Image) -> list[dict[str, Any]]:
    return [row for row, step in zip(rows, reversed(image.document.history), strict=True) if not step.empty_layer]


def _seconds(image: Image) -> int:
    return _epoch(image.created)


def _epoch(created: str) -> int:
    return from_rfc3339(created) // 1_000_000_000 if created else 0


def _fits(image: Image, filters: Mapping[str, list[str]]) -> bool:
    labels = image.document.config.labels or {}
    for value in filters.get("label", ()):
        name, equals, wanted = value.partition("=")
        if name not in labels or (equals and labels[name] != wanted):
            return False
    dangling = filters.get("dangling")
    if dangling and (dangling[0] in ("true", "1")) != (not image.references):
        return False
    patterns = filters.get("reference")
    return not patterns or any(_matches(reference, pattern) for reference in image.references for pattern in patterns)


def _matches(reference: str, pattern: str) -> bool:
    return fnmatch.fnmatchcase(reference, pattern) or fnmatch.fnmatchcase(reference.rpartition(":")[0], pattern)
