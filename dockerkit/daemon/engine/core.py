"""What every verb has at hand: data root, state, images, runtime, containers; and the one way to change a container."""

from __future__ import annotations

import logging
import os
import sqlite3
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from dockerkit.daemon.engine.entries import Entries, Entry
from dockerkit.daemon.engine.events import Events, Happening, message
from dockerkit.daemon.engine.following import Followers
from dockerkit.daemon.engine.networks.entries import NetworkEntries
from dockerkit.daemon.engine.networks.fabric import Fabric
from dockerkit.daemon.engine.record import Record
from dockerkit.daemon.engine.timers import Timers
from dockerkit.daemon.images.images import Images
from dockerkit.daemon.images.snapshots import Choice, Overlay
from dockerkit.daemon.kernel import failpoints
from dockerkit.daemon.kernel.cgroups import Cgroup, Cgroups
from dockerkit.daemon.runtime.runtime import Runtime
from dockerkit.daemon.runtime.spec import device_policy
from dockerkit.daemon.state import containers, execs, journal
from dockerkit.daemon.state.database import Database
from dockerkit.errors import Exhausted
from dockerkit.schema.endpoint import root_id
from dockerkit.schema.events import EventMessage
from dockerkit.schema.wire import encode

if TYPE_CHECKING:
    from dockerkit.daemon.engine.volumes.holding import Holding
    from dockerkit.daemon.engine.volumes.keeping import Volumes

log = logging.getLogger(__name__)
Writing = Callable[[sqlite3.Connection], None]


@dataclass(slots=True)
class Core:
    """The engine's insides, handed to every verb.

    ``order`` is held from a change's writing to its telling, so that events are told in the order of their revisions.
    Places where tests have the daemon die (``kernel.failpoints``): ``engine.commit``, ``.committed``, ``.spawned`` (a container
    runs, nothing is written), ``.ended`` (one has ended, likewise), ``.trashed`` (its files are gone, its record is not).
    ``observers`` are called after every change of a container, under its lock; they must be quick.
    """

    root: str
    database: Database
    images: Images
    runtime: Runtime
    pool: ThreadPoolExecutor
    cgroups: Cgroups
    snapshots: Choice = field(default_factory=lambda: Choice(Overlay(), "nothing was tried"))
    entries: Entries = field(default_factory=Entries)
    timers: Timers = field(default_factory=Timers)
    events: Events = field(init=False)
    networks: NetworkEntries = field(default_factory=NetworkEntries)
    fabric: Fabric = field(init=False)
    volumes: Volumes = field(init=False)
    holding: Holding = field(init=False)
    followers: Followers = field(default_factory=Followers)
    observers: list[Callable[[Entry], None]] = field(default_factory=list)
    order: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        """Take up the journal."""
        self.events = Events(self.database)
        self.fabric = Fabric(os.path.join(self.root, "run"), root_id(self.root))
        # what follows knows a core, and is known by it
        from dockerkit.daemon.engine.volumes.holding import Holding  # noqa: PLC0415
        from dockerkit.daemon.engine.volumes.keeping import Volumes  # noqa: PLC0415

        self.volumes, self.holding = Volumes(self), Holding(self)

    def directory(self, id: str) -> str:
        """Return the path of a container's own directory."""
        return os.path.join(self.root, "containers", id)

    def trash(self, id: str) -> str:
        """Return where a removed container's directory waits to be deleted."""
        return os.path.join(self.root, "trash", id)

    def cgroup_path(self, record: Record) -> str:
        """Return where a container's control group is, below the hierarchies."""
        return f"{self.cgroups.parent}/{device_policy(record.host_config)}/{record.id}"

    def cgroup(self, record: Record) -> Cgroup:
        """Return a handle for a container's control group, which is there while it is alive."""
        return self.cgroups.open(self.cgroup_path(record))

    def commit(self, entry: Entry, record: Record, *happenings: Happening | EventMessage) -> None:
        """Write a container's new record and what happened, together; then readers see it and listeners hear of it.

        What happened to something else with it (a network) is said as a whole event.

        :raises Exhausted: the disk is full; nothing changed.
        """
        failpoints.hit("engine.commit")
        with self.order:
            with self.database.transaction() as tx:
                containers.put(tx, record.id, record.name, encode(record))
                told = self._append(tx, [_event(record, happening) for happening in happenings])
            failpoints.hit("engine.committed")
            entry.record = record
            self.events.publish(told)
        self.observe(entry)

    def observe(self, entry: Entry) -> None:
        """Have the observers look at a container."""
        for look in self.observers:
            look(entry)

    def note(self, record: Record, *happenings: Happening, also: Writing | None = None) -> None:
        """Write what happened to a container that stays as it is; a full disk loses the note, and forbids nothing.

        :param also: what is written together with it.
        """
        try:
            self.tell(*(message(record, happening) for happening in happenings), also=also)
        except Exhausted as error:
            log.warning("%s of container %s is not noted: %s", happenings[0].action, record.id, error)

    def tell(self, *events: EventMessage, also: Writing | None = None) -> None:
        """Write what happened to an image, or to anything else that has no record here.

        :param also: what is written together with it.
        :raises Exhausted: the disk is full; nothing was written.
        """
        with self.order:
            with self.database.transaction() as tx:
                if also is not None:
                    also(tx)
                told = self._append(tx, events)
            self.events.publish(told)

    def change(self, write: Callable[[sqlite3.Connection], None], *events: EventMessage) -> None:
        """Have `write` change what is stored of anything but a container, and write what happened, together; then tell it.

        :raises Exhausted: the disk is full; nothing was written.
        """
        with self.order:
            with self.database.transaction() as tx:
                write(tx)
                told = self._append(tx, events)
            self.events.publish(told)

    def erase(self, entry: Entry, happening: Happening) -> None:
        """Delete a container's record and write what happened, together, then forget it."""
        with self.order:
            with self.database.transaction() as tx:
                containers.delete(tx, entry.record.id)
                execs.delete_all(tx, entry.record.id)
                told = self._append(tx, [message(entry.record, happening)])
            self.entries.forget(entry)
            self.events.publish(told)

    def _append(self, tx: sqlite3.Connection, events: Iterable[EventMessage]) -> list[tuple[int, EventMessage]]:
        """Write events; their moments are taken here, where they are in order, so that later ones are never earlier."""
        stamped = [self.events.stamp(event) for event in events]
        return [(journal.append(tx, event.time_nano, encode(event)), event) for event in stamped]


def _event(record: Record, happening: Happening | EventMessage) -> EventMessage:
    return message(record, happening) if isinstance(happening, Happening) else happening
