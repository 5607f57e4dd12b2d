"""One mount of a container as its record has it: where it goes, what it shows, and how. A value; pure."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
from msgspec import UNSET

from dockerkit.schema.container import Mount, MountPoint
from dockerkit.schema.wire import docker_name

BIND, VOLUME, TMPFS, IMAGE = "bind", "volume", "tmpfs", "image"


class Point(msgspec.Struct, kw_only=True, frozen=True, omit_defaults=True, rename=docker_name):
    """A mount.

    ``source`` is a path of the host (bind), what is told to users (volume: its mountpoint; image: its name). ``subpath`` is
    beneath a volume or an image. ``anonymous``: nobody named the volume, so that it goes with its container when asked.
    ``fill``: what the image has there is copied into an empty volume. ``make``: a missing source is made, a directory.
    ``read_only_below``: ``""`` as far as the kernel can, ``no`` not mounts beneath it, ``must`` or it is refused.
    ``tmpfs`` is the wish of a tmpfs.
    """

    type: str
    destination: str
    source: str = ""
    name: str = ""
    driver: str = ""
    image: str = ""
    mode: str = ""
    rw: bool = True
    propagation: str = ""
    recursive: bool = True
    read_only_below: str = ""
    subpath: str = ""
    anonymous: bool = False
    fill: bool = False
    make: bool = False
    tmpfs: Mount | None = None


def shown(points: Iterable[Point]) -> list[MountPoint]:
    """Return mounts as inspect shows them."""
    return [
        MountPoint(
            type=point.type,
            name=point.name or UNSET,
            source=point.source,
            destination=point.destination,
            driver=point.driver or UNSET,
            mode=point.mode,
            rw=point.rw,
            propagation=point.propagation,
        )
        for point in points
    ]


def points_of(points: list[Point], mounts: list[MountPoint]) -> list[Point]:
    """Return a record's points; those of a record that was written before there were any, from what inspect showed."""
    if points or not mounts:
        return points
    return [
        Point(type=m.type, destination=m.destination, source=m.source, mode=m.mode, rw=m.rw, propagation=m.propagation)
        for m in mounts
        if m.type == BIND
    ]
