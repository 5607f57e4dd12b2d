"""``commit``: a container becomes an image: its own layer on top of its image's, its configuration, and what is to be changed.

The container stands still only while its files are read; where it stood still before, it stays so. Its processes may change
files under the reading otherwise, which spoils nothing but the copy.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Generator, Iterator
from dataclasses import dataclass, field
from typing import TypeVar

from msgspec import UNSET, UnsetType
from msgspec.structs import replace

from dockerkit.daemon.engine import imageevents, pausing, roots
from dockerkit.daemon.engine.core import Core
from dockerkit.daemon.engine.entries import Entry
from dockerkit.daemon.engine.events import Happening
from dockerkit.daemon.engine.lifecycle import Phase
from dockerkit.daemon.engine.merge import words
from dockerkit.daemon.engine.record import Record
from dockerkit.daemon.images.commit import Addition
from dockerkit.daemon.images.configuring import changed
from dockerkit.daemon.images.image import Image
from dockerkit.daemon.images.treestream import Manner, stream_contents
from dockerkit.errors import Conflict, Invalid
from dockerkit.schema.container import ContainerConfig, HealthConfig
from dockerkit.schema.image import ImageConfig
from dockerkit.schema.names import Reference, parse_reference
from dockerkit.schema.units import rfc3339
from dockerkit.schema.wire import plain

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Commit:
    """What is asked for.

    :param repository: the image's name, or ``""`` for none; `tag` is ``latest`` unless given.
    :param changes: Dockerfile instructions (``CMD``, ``ENV`` and their like).
    :param config: instead of the container's own configuration.
    """

    repository: str = ""
    tag: str = ""
    comment: str = ""
    author: str = ""
    pause: bool = True
    changes: list[str] = field(default_factory=list)
    config: ContainerConfig | None = None


def commit(core: Core, entry: Entry, wish: Commit) -> str:
    """Make an image of a container and return its id.

    :raises Invalid: a change, or the name, is malformed; in Docker's words. Nothing was made.
    :raises Conflict: the container is being removed.
    :raises Exhausted: no room.
    """
    record = entry.record
    if record.phase in (Phase.REMOVING, Phase.DEAD) or entry.removal is not None:
        raise Conflict(f"You cannot commit container {record.id} which is {record.phase.value}")
    name = _name(wish)
    parent = core.images.of_container(record.image)
    config = _config(wish, record, parent)
    with contextlib.closing(_layer(core, entry, pause=wish.pause)) as layer:
        image = core.images.commit(parent, _addition(wish, record, config, layer), name)
    if name:
        imageevents.happened(core, "tag", image, name=str(name))
    facts = {"comment": wish.comment, "imageID": image.id, "imageRef": str(name) if name else ""}
    core.note(record, Happening("commit", facts))
    return image.id


def _addition(wish: Commit, record: Record, config: ImageConfig, layer: Iterator[bytes]) -> Addition:
    return Addition(
        config=config,
        layer=layer,
        created=rfc3339(time.time_ns()),
        created_by=" ".join([record.path, *record.args]),
        author=wish.author,
        comment=wish.comment,
        container=record.id,
        container_config=plain(record.config),
    )


def _layer(core: Core, entry: Entry, *, pause: bool) -> Generator[bytes]:
    """Yield the container's own layer; it stands still from the first byte to the last, not while the rest is done."""
    with _standing_still(core, entry, wanted=pause), roots.own_layer(core, entry.record) as layer:
        yield from stream_contents(layer, Manner(layer=True))


def _name(wish: Commit) -> Reference | None:
    if not wish.repository:
        return None
    name = parse_reference(f"{wish.repository}:{wish.tag}" if wish.tag else wish.repository)
    if name.digest:
        raise Invalid("refusing to create a tag with a digest reference")
    return name


@contextlib.contextmanager
def _standing_still(core: Core, entry: Entry, *, wanted: bool) -> Iterator[None]:
    """Pause a running container inside the block, unless it is paused already; as dockerd, with the events."""
    paused = False
    if wanted and entry.record.phase is Phase.RUNNING:
        with contextlib.suppress(Conflict):  # it has ended, or somebody else has paused it, since we looked
            pausing.pause(core, entry)
            paused = True
    try:
        yield
    finally:
        if paused:
            with contextlib.suppress(Conflict):  # somebody has let it go on, or killed it
                pausing.unpause(core, entry)


# configuration


def _config(wish: Commit, record: Record, parent: Image) -> ImageConfig:
    """Return the image's configuration: what was given, or the container's, changed; what it leaves open is the container's."""
    own = _portable(record.config, parent.document.config)
    asked = _portable(wish.config, ImageConfig()) if wish.config is not None else own
    return _filled(changed(asked, wish.changes), own)


def _portable(config: ContainerConfig, parent: ImageConfig) -> ImageConfig:
    return ImageConfig(
        user=config.user,
        exposed_ports=_given(config.exposed_ports) or None,
        env=[item for item in config.env if "=" in item] or None,
        cmd=words(config.cmd),
        healthcheck=_health(config.healthcheck),
        volumes=config.volumes or None,
        working_dir=config.working_dir,
        entrypoint=words(config.entrypoint),
        on_build=config.on_build,
        labels=config.labels or None,
        stop_signal=_given(config.stop_signal) or "",
        shell=_given(config.shell) or parent.shell,
    )


def _given(value: T | UnsetType) -> T | None:
    return None if isinstance(value, UnsetType) else value


def _health(check: HealthConfig | UnsetType) -> HealthConfig | None:
    return None if check is UNSET or not check.test else check


def _filled(asked: ImageConfig, own: ImageConfig) -> ImageConfig:
    """Return `asked` with what it leaves open taken from `own`, by the rules of a container and its image."""
    cmd, entrypoint = asked.cmd, asked.entrypoint
    if not entrypoint:
        cmd = cmd or own.cmd
        entrypoint = own.entrypoint if entrypoint is None else entrypoint
    named = {item.partition("=")[0] for item in asked.env or ()}
    return replace(
        asked,
        cmd=cmd,
        entrypoint=entrypoint or None,
        env=[*(asked.env or ()), *(item for item in own.env or () if item.partition("=")[0] not in named)] or None,
        user=asked.user or own.user,
        working_dir=asked.working_dir or own.working_dir,
        labels=(own.labels or {}) | (asked.labels or {}) or None,
        exposed_ports=(own.exposed_ports or {}) | (asked.exposed_ports or {}) or None,
        volumes=(own.volumes or {}) | (asked.volumes or {}) or None,
        stop_signal=asked.stop_signal or own.stop_signal,
        healthcheck=asked.healthcheck or own.healthcheck,
        shell=asked.shell or own.shell,
    )
