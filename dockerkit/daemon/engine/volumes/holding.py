"""A start's mounts: every volume and image it needs, mounted and opened, and let go when the container has ended.

What the runtime binds is named ``/proc/PID/fd/N``: the directory that was found and checked, whatever happens to its path
meanwhile. The descriptors are closed once the program runs; what was mounted for it stays mounted until it ends.
"""

from __future__ import annotations

import contextlib
import os
import threading
from dataclasses import dataclass, field

from dockerkit.daemon.engine.core import Core
from dockerkit.daemon.engine.entries import Entry
from dockerkit.daemon.engine.events import event
from dockerkit.daemon.engine.record import Record
from dockerkit.daemon.engine.volumes import imagemounts
from dockerkit.daemon.engine.volumes.drivers import beneath_of
from dockerkit.daemon.engine.volumes.point import BIND, IMAGE, TMPFS, VOLUME, Point, points_of
from dockerkit.daemon.engine.volumes.record import VolumeRecord
from dockerkit.daemon.engine.volumes.resolving import make_sources
from dockerkit.daemon.kernel import failpoints
from dockerkit.daemon.runtime.spec import BindMount
from dockerkit.errors import DockerkitError, Exhausted
from dockerkit.schema.events import EventMessage


@dataclass(slots=True)
class Held:
    """What is held for one life of a container.

    :param user: how the drivers know it.
    :param binds: what the runtime is to bind.
    :param opened: descriptors, until the program runs.
    :param places: where images are mounted, as long.
    :param roots: which of the descriptors is a volume's root.
    """

    user: str
    container: str = ""
    binds: list[BindMount] = field(default_factory=list)
    opened: list[int] = field(default_factory=list)
    places: list[str] = field(default_factory=list)
    volumes: dict[str, VolumeRecord] = field(default_factory=dict)
    roots: dict[str, int] = field(default_factory=dict)

    def close(self) -> None:
        """Close descriptors and take images' mounts off the host: whoever bound them has them."""
        descriptors, self.opened, self.roots = self.opened, [], {}
        for descriptor in descriptors:
            os.close(descriptor)
        places, self.places = self.places, []
        for place in places:
            imagemounts.unmount(place)


class Holding:
    """What is held for all containers that run."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._held: dict[str, Held] = {}
        self._lock = threading.Lock()
        core.observers.append(self._look)

    def hold(self, record: Record) -> Held:
        """Mount and open all that a container needs; see :class:`Held`.

        :raises Failed: a volume cannot be mounted, or a subpath is not there; nothing is held then.
        """
        points = points_of(record.points, record.mounts)
        make_sources(points)
        held = Held(user=record.id, container=record.id)
        try:
            for point in points:
                self._take(held, point)
        except BaseException:
            self.release(held)
            raise
        with self._lock:
            self._held[record.id] = held
        self._tell_mounted(record, points)
        failpoints.hit("engine.volumes-held")
        return held

    def borrow(self, record: Record, token: str) -> Held:
        """Mount and open what a container that does not run would see, for a moment; :meth:`release` is due.

        What is not there is left out.
        """
        held = Held(user=token)
        for point in points_of(record.points, record.mounts):
            with contextlib.suppress(DockerkitError, OSError):
                self._take(held, point)
        return held

    def _take(self, held: Held, point: Point) -> None:
        if point.type == TMPFS:
            return
        if point.type == BIND:
            held.binds.append(_bind(point, point.source))
            return
        root = self._volume(held, point) if point.type == VOLUME else self._image(held, point)
        held.opened.append(root)
        if point.subpath:
            root = beneath_of(root, point.subpath, f"{point.type} {point.name or point.image}")
            held.opened.append(root)
        held.binds.append(_bind(point, f"/proc/{os.getpid()}/fd/{root}"))

    def _volume(self, held: Held, point: Point) -> int:
        """Have a volume mounted, once for all its places in a container."""
        if point.name in held.roots:
            return os.dup(held.roots[point.name])
        record, root = self._core.volumes.mount(point.name, held.user)
        held.roots[point.name], held.volumes[point.name] = root, record
        return root

    def _image(self, held: Held, point: Point) -> int:
        place = f"{self._core.root}/run/images/{held.user}-{len(held.places)}"
        layers = self._core.images.lower(self._core.images.get(point.image))
        root = imagemounts.mount(layers, place, self._core.snapshots.snapshotter)
        held.places.append(place)
        return root

    def release(self, held: Held) -> None:
        """Let everything go; volumes that nobody else uses are unmounted."""
        held.close()
        for record in held.volumes.values():
            with contextlib.suppress(DockerkitError):  # a plugin that is away cannot keep a container from ending
                self._core.volumes.drivers.unmount(record, held.user)
        held.volumes = {}

    def undo(self, record: Record) -> None:
        """Let go of what a start held that did not succeed."""
        self._end(record.id)

    def adopt(self, entry: Entry) -> None:
        """Count what a container that outlived its daemon has; it is mounted, and stays so."""
        record = entry.record
        held = Held(user=record.id, container=record.id)
        for point in points_of(record.points, record.mounts):
            found = self._core.volumes.find(point.name) if point.type == VOLUME else None
            if found is not None:
                held.volumes[point.name] = found
                self._core.volumes.drivers.adopt(found, record.id)
        with self._lock:
            self._held[record.id] = held

    def running(self) -> set[str]:
        """Return the ids of the containers for which something is held."""
        with self._lock:
            return set(self._held)

    def _look(self, entry: Entry) -> None:
        """Notice a container's end; called under its lock, so the work is done elsewhere."""
        if not entry.record.alive:
            with self._lock:
                held = self._held.pop(entry.record.id, None)
            if held is not None and held.volumes:
                self._core.pool.submit(self._finish, held)

    def _end(self, container: str) -> None:
        with self._lock:
            held = self._held.pop(container, None)
        if held is not None:
            self._finish(held)

    def _finish(self, held: Held) -> None:
        records = list(held.volumes.values())
        self.release(held)
        attributes = {"container": held.container}
        self._tell([event(VOLUME, "unmount", r.name, attributes | {"driver": r.driver}) for r in records])

    def _tell_mounted(self, record: Record, points: list[Point]) -> None:
        self._tell([event(VOLUME, "mount", p.name, _attributes(record, p)) for p in points if p.type == VOLUME])

    def _tell(self, told: list[EventMessage]) -> None:
        if told:
            with contextlib.suppress(Exhausted):  # a full disk loses the note, and forbids nothing
                self._core.tell(*told)


def _attributes(record: Record, point: Point) -> dict[str, str]:
    return {
        "container": record.id,
        "destination": point.destination,
        "driver": point.driver,
        "propagation": point.propagation,
        "read/write": "true" if point.rw else "false",
    }


def _bind(point: Point, source: str) -> BindMount:
    return BindMount(
        source=source,
        target=point.destination,
        read_only=not point.rw,
        propagation=point.propagation or "rprivate",
        recursive=point.recursive and point.type != IMAGE,
        read_only_below=point.read_only_below,
    )
