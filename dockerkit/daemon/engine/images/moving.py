"""``save``, ``load`` and ``import``: images as files, in and out."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field
from typing import Any, BinaryIO

from dockerkit.daemon.engine import imageevents
from dockerkit.daemon.engine.core import Core
from dockerkit.daemon.engine.images.naming import named
from dockerkit.daemon.images.archives.importing import Wish
from dockerkit.daemon.images.compression import read_chunks
from dockerkit.daemon.images.platform import parse_platform
from dockerkit.errors import Invalid
from dockerkit.schema.names import Reference
from dockerkit.schema.units import rfc3339

Progress = Callable[[dict[str, Any]], None]


@dataclass(frozen=True, slots=True)
class Import:
    """What is to be imported, and as what.

    :param source: ``-`` for the request's body, else a URL.
    """

    source: str = "-"
    repository: str = ""
    tag: str = ""
    message: str = ""
    platform: str = ""
    changes: list[str] = field(default_factory=list)


def load(core: Core, stream: BinaryIO, *, quiet: bool, platform: str, progress: Progress) -> list[str]:
    """Take in an archive's images and return their ids.

    :param quiet: say nothing of layers.
    :param platform: that all of them must be for, or ``""``.
    :raises NotFound: one is not; nothing was changed.
    :raises Damaged: it is malformed or hostile; nothing was changed.
    """

    def say(message: dict[str, Any]) -> None:
        if not quiet or "stream" in message:
            progress(message)

    images = core.images.load(read_chunks(stream), say, platform)
    for image in images:
        imageevents.happened(core, "load", image)
    return [image.id for image in images]


def save(core: Core, names: Sequence[str]) -> Generator[bytes]:
    """Return an archive of images; the stream holds what it reads until it is read to its end or closed.

    :raises NotFound: one is not here.
    """
    chosen = core.images.chosen(names)
    for item in chosen:
        imageevents.happened(core, "save", item.image)
    return core.images.save(chosen)


def import_(core: Core, wish: Import, stream: BinaryIO | None, progress: Progress) -> str:
    """Make an image of a tar and return its id.

    :param stream: the tar, when it does not come from a URL.
    :raises Invalid: a name, change or platform is malformed; in Docker's words. Nothing was read.
    :raises Damaged: the tar is malformed or hostile; nothing was changed.
    """
    name = _name(wish)
    asked = Wish(
        created=rfc3339(time.time_ns()),
        message=wish.message or f"Imported from {wish.source}",
        changes=wish.changes,
        platform=parse_platform(wish.platform) if wish.platform else None,
    )
    if wish.source == "-":
        image = core.images.import_(read_chunks(stream) if stream else iter(()), asked, name)
    else:
        with _fetched(wish.source, progress) as answer:
            image = core.images.import_(read_chunks(answer), asked, name)
    if name is not None:
        imageevents.happened(core, "tag", image, name=str(name))
    imageevents.happened(core, "import", image)
    progress({"status": image.id})
    return image.id


def _name(wish: Import) -> Reference | None:
    if not wish.repository:
        return None
    if "@" in wish.repository:
        raise Invalid("cannot import digest reference")
    return named(wish.repository, wish.tag)


def _fetched(source: str, progress: Progress) -> BinaryIO:
    """Open a URL and say so; see :func:`~dockerkit.daemon.engine.images.fetching.opened`."""
    from dockerkit.daemon.engine.images import fetching  # noqa: PLC0415 (HTTP and TLS: most daemons never fetch)

    url, answer = fetching.opened(source)
    progress({"status": f"Downloading from {url}"})
    return answer
