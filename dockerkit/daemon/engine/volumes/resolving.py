"""What a container's mounts are: what was said, what its image says, and what other containers have, made one list.

Later words win over earlier ones, in Docker's order: other containers' (``--volumes-from``), ``-v``, ``--mount``; what the
image or ``Config.Volumes`` wants is there only where nothing else is. Everything is read and checked before any volume is made.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from msgspec.structs import replace

from dockerkit.daemon.engine.core import Core
from dockerkit.daemon.engine.volumes import grammar
from dockerkit.daemon.engine.volumes.point import BIND, IMAGE, TMPFS, VOLUME, Point, points_of
from dockerkit.errors import Failed, Invalid, NotFound
from dockerkit.schema.container import HostConfig, Mount


@dataclass(slots=True)
class Wish:
    """A point, and what a volume that is made for it shall be.

    :param existing: the volume is another container's: it is there.
    :param silent: the image wants it: it has no mode, where others have a default one.
    """

    point: Point
    options: dict[str, str] = field(default_factory=dict)
    labels: dict[str, str] | None = None
    existing: bool = False
    silent: bool = False


def wishes(core: Core, host: HostConfig, image_volumes: Mapping[str, Any] | None) -> list[Wish]:
    """Return a container's mounts in the order they were said, and check them.

    :param image_volumes: of the image's configuration and the container's own.
    :raises Invalid: malformed, or two in one place; in Docker's words.
    """
    found: dict[str, Wish] = {}
    for text in host.volumes_from or ():
        found |= {wish.point.destination: wish for wish in _of_other(core, text)}
    own: dict[str, Wish] = {}
    places_of_tmpfs = {grammar.inside(place) for place in host.tmpfs or ()}
    for text in host.binds or ():
        point = grammar.read_bind(text, host.volume_driver)
        if point.destination in own or point.destination in places_of_tmpfs:
            raise Invalid(f"Duplicate mount point: {point.destination}")
        own[point.destination] = Wish(_propagated(core, point))
    for said in host.mounts or ():
        wish = _of_mount(core, said)
        if wish.point.destination in own:
            raise Invalid(f"Duplicate mount point: {said.target}")
        own[wish.point.destination] = wish
    found |= own
    for place in image_volumes or ():
        point = _anonymous(place, host.volume_driver)
        if point.destination not in places_of_tmpfs:
            found.setdefault(point.destination, Wish(point, silent=True))
    return list(found.values())


def _of_mount(core: Core, said: Mount) -> Wish:
    point = grammar.read_mount(said)
    if point.type == BIND:
        _check_source(point)
        return Wish(_propagated(core, point))
    if point.type == IMAGE:
        core.images.get(point.image)
    return Wish(point, *grammar.creation_of(said)) if point.type == VOLUME else Wish(point)


def _check_source(point: Point) -> None:
    if not point.make and not os.path.lexists(point.source):
        raise Invalid(f'invalid mount config for type "bind": bind source path does not exist: {point.source}')


def _propagated(core: Core, point: Point) -> Point:
    """A bind that holds the data root gets its unmounts from the host, else no container's root could ever be removed."""
    if point.type != BIND or point.propagation:
        return point
    holds = os.path.commonpath((point.source, core.root)) == point.source
    return replace(point, propagation="rslave" if holds else "rprivate")


def _anonymous(place: str, driver: str) -> Point:
    destination = grammar.inside(place)
    if destination == "/":
        raise Invalid("invalid specification: destination can't be '/'")
    return Point(type=VOLUME, destination=destination, driver=driver, anonymous=True, fill=True)


def _of_other(core: Core, text: str) -> list[Wish]:
    name, writable = grammar.read_volumes_from(text)
    try:
        record = core.entries.resolve(name).record
    except NotFound as error:
        raise Invalid(error.message) from None  # what is missing is not what the request is about
    points = points_of(record.points, record.mounts)
    return [Wish(replace(p, rw=p.rw and writable, mode="", fill=False, make=False), existing=True) for p in points]


def make(core: Core, container: str, wanted: Iterable[Wish]) -> tuple[list[Point], list[str]]:
    """Make the volumes that are not there; return the container's points, and the names of the volumes that were made.

    :raises Invalid: a name or an option that cannot be; likewise NotFound, Conflict, Failed. What was made is gone again.
    """
    points: list[Point] = []
    made: list[str] = []
    try:
        for wish in wanted:
            points.append(_made(core, container, wish, made) if wish.point.type == VOLUME else wish.point)
    except BaseException:
        unmake(core, container, points, made)
        raise
    return points, made


def _made(core: Core, container: str, wish: Wish, made: list[str]) -> Point:
    point, volumes = wish.point, core.volumes
    if wish.existing and volumes.find(point.name) is None:
        raise NotFound(f"get {point.name}: no such volume")
    record, fresh = volumes.create(
        point.name, point.driver, options=wish.options, labels=wish.labels, user=container
    )  # fmt: skip
    if fresh:
        made.append(record.name)
    source = volumes.drivers.mountpoint(record)
    named = replace(point, name=record.name, driver=record.driver, source=source)
    return named if wish.existing or wish.silent else grammar.default_mode(named)


def unmake(core: Core, container: str, points: Iterable[Point], made: Iterable[str]) -> None:
    """Take back what :func:`make` did."""
    core.volumes.drop(container, points, anonymous=True)
    for name in made:
        if not core.volumes.users(name):
            core.volumes.remove(name, force=True)


def with_tmpfs(host: HostConfig, points: Iterable[Point]) -> HostConfig:
    """Return a configuration that has the tmpfs mounts of other containers too, for the runtime's spec."""
    known = {grammar.inside(said.target) for said in host.mounts or () if said.type == TMPFS}
    inherited = [p.tmpfs for p in points if p.type == TMPFS and p.tmpfs is not None and p.destination not in known]
    return replace(host, mounts=[*(host.mounts or ()), *inherited]) if inherited else host


def make_sources(points: Iterable[Point]) -> None:
    """Make missing sources of binds where Docker does so, as directories.

    :raises Failed: one cannot be made; in Docker's words.
    """
    for point in points:
        if point.type == BIND and point.make and not os.path.lexists(point.source):
            try:
                os.makedirs(point.source, exist_ok=True)
            except OSError as error:
                why = (error.strerror or "").lower()
                raise Failed(
                    f"error while creating mount source path '{point.source}': mkdir {error.filename}: {why}",
                    hint="make it yourself, or bind something that is there",
                ) from error
