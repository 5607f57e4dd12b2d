"""Which volumes there are, who has them, and how they come and go.

A volume is had by the containers whose records have it among their mounts, started or not; what somebody has cannot be removed.
Acts on one name happen one after the other. The record is written with its event; a daemon killed in between finds on the disk
which of the two was not done, see :meth:`Volumes.settle`.
"""

from __future__ import annotations

import logging
import secrets
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING

from msgspec.structs import replace

from dockerkit.daemon.engine.events import event
from dockerkit.daemon.engine.volumes.drivers import Drivers
from dockerkit.daemon.engine.volumes.point import VOLUME, Point, points_of
from dockerkit.daemon.engine.volumes.record import VolumeRecord
from dockerkit.daemon.kernel import failpoints
from dockerkit.daemon.state import volumes as stored
from dockerkit.errors import Conflict, DockerkitError, NotFound
from dockerkit.schema.volume import ANONYMOUS, LOCAL
from dockerkit.schema.wire import decode, encode

if TYPE_CHECKING:
    from dockerkit.daemon.engine.core import Core

log = logging.getLogger(__name__)


class Volumes:
    """All volumes of this engine."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self.drivers = Drivers(core.root)
        self._records: dict[str, VolumeRecord] = {}
        self._users: dict[str, set[str]] = {}
        self._orphans: set[str] = set()
        self._names: dict[str, threading.RLock] = {}
        self._lock = threading.Lock()

    def load(self) -> None:
        """Read what the state has; nothing on the disk is touched. Who has what is told by :meth:`settle`."""
        for document in stored.everything(self._core.database):
            record = decode(document, VolumeRecord)
            self._records[record.name] = record

    # looking

    def all(self) -> list[VolumeRecord]:
        """Return every volume that is written down, by name."""
        with self._lock:
            return [self._records[name] for name in sorted(self._records)]

    def find(self, name: str) -> VolumeRecord | None:
        """Return a volume that is written down, or None."""
        return self._records.get(name)

    def get(self, name: str) -> VolumeRecord:
        """Return a volume; one that only a plugin knows of, too.

        :raises NotFound: in Docker's words.
        """
        found = self._records.get(name) or self._foreign(name)
        if found is None:
            raise NotFound(f"get {name}: no such volume")
        return found

    def _foreign(self, name: str) -> VolumeRecord | None:
        for plugin in self.drivers.plugins.active() if self.drivers.plugins.names() else ():
            try:
                plugin.get(name)
            except DockerkitError:  # it has no such volume, or is away
                continue
            return VolumeRecord(name=name, driver=plugin.name, scope=plugin.scope)
        return None

    def users(self, name: str) -> list[str]:
        """Return the ids of the containers that have a volume."""
        with self._lock:
            return sorted(self._users.get(name, ()))

    def mount(self, name: str, user: str) -> tuple[VolumeRecord, int]:
        """Have a volume mounted for `user`; return its record as it is then, and a descriptor of its root, the caller's.

        Never while somebody clones it, which makes a layer of the directory that would be opened: whoever had it would write
        into both volumes.

        :raises NotFound: there is no such volume.
        :raises Failed: it cannot be mounted; in dockerd's words.
        """
        with self.acting_on(name):
            record = self.get(name)
            return record, self.drivers.mount(record, user)

    # coming

    def create(
        self,
        name: str,
        driver: str = "",
        *,
        options: Mapping[str, str] | None = None,
        labels: Mapping[str, str] | None = None,
        session: str = "",
        user: str = "",
    ) -> tuple[VolumeRecord, bool]:
        """Make a volume, or return the one there is; and whether it was made.

        :param name: ``""`` for one that nobody names.
        :param user: the container that has it from now on.
        :raises Invalid: a name or an option that cannot be.
        :raises NotFound: no such driver.
        :raises Conflict: another driver has a volume of this name.
        """
        if not name:
            name, labels = secrets.token_hex(32), {**(labels or {}), ANONYMOUS: ""}
        wanted = VolumeRecord(
            name=name,
            driver=driver or LOCAL,
            labels=None if labels is None else dict(labels),
            options=dict(options) if options else None,
            session=session,
        )
        try:
            with self.acting_on(name):
                record, made = self._create(wanted, asked=driver)
                if user:
                    self.refer(name, user)
        except DockerkitError as error:
            raise _prefixed(error, f"create {name}: ") from error
        return record, made

    def _create(self, wanted: VolumeRecord, *, asked: str) -> tuple[VolumeRecord, bool]:
        known = self._records.get(wanted.name)
        if known is not None and asked in ("", known.driver):
            return known, False
        self.drivers.check(wanted.driver, wanted.name, wanted.options or {})
        if known is not None:
            raise Conflict(f'driver "{known.driver}" already has volume "{known.name}": volume name must be unique')
        scope = self.drivers.create(wanted)
        failpoints.hit("engine.volume-made")
        record = replace(wanted, scope=scope, created=time.time_ns())
        try:
            self.put(record, "create")
        except BaseException:
            self.discard(record)
            raise
        return record, True

    def put(self, record: VolumeRecord, action: str = "") -> None:
        """Write a volume down, new or changed, with what happened to it.

        :raises Exhausted: the disk is full; nothing was written.
        """
        told = [event(VOLUME, action, record.name, {"driver": record.driver})] if action else []
        self._core.change(partial(stored.put, name=record.name, document=encode(record)), *told)
        with self._lock:
            self._records[record.name] = record

    def discard(self, record: VolumeRecord) -> None:
        """Take back a volume that is not written down."""
        try:
            self._delete_later(self.drivers.remove(record))
        except DockerkitError:
            log.exception("volume %s was half made and cannot be removed", record.name)

    # going

    def remove(self, name: str, *, force: bool = False) -> None:
        """Remove a volume and what is in it.

        :param force: do not complain when there is none.
        :raises NotFound: there is none.
        :raises Conflict: containers have it; in Docker's words.
        """
        with self.acting_on(name):
            try:
                record = self.get(name)
            except NotFound:
                if force:
                    return
                raise
            if users := self.users(name):
                raise Conflict(f"remove {name}: volume is in use - [{', '.join(users)}]")
            try:
                place = self.drivers.remove(record)
            except DockerkitError as error:
                if not force or record.driver == LOCAL:
                    raise _prefixed(error, f"remove {name}: ") from error
                place = ""
            failpoints.hit("engine.volume-removed")
            self._forget(record)
        self._delete_later(place)
        self._sweep_layers()

    def _forget(self, record: VolumeRecord) -> None:
        told = event(VOLUME, "destroy", record.name, {"driver": record.driver})
        self._core.change(partial(stored.delete, name=record.name), told)
        with self._lock:
            self._records.pop(record.name, None)
            self._orphans.discard(record.name)

    def _delete_later(self, *places: str) -> None:
        for place in filter(None, places):
            self._core.pool.submit(self.drivers.local.delete, place)

    def _sweep_layers(self) -> None:
        if self.drivers.local.stray_layers():
            used = {layer for record in self.all() for layer in record.layers}
            self._delete_later(*self.drivers.local.layers.sweep(used))

    # having

    def refer(self, name: str, container: str) -> None:
        """Note that a container has a volume."""
        with self._lock:
            self._users.setdefault(name, set()).add(container)

    def drop(self, container: str, points: Iterable[Point], *, anonymous: bool) -> None:
        """Note that a container has its volumes no more; with `anonymous` those that nobody named, and nobody else has, go.

        :param anonymous: what ``rm -v`` says.
        """
        for point in [point for point in points if point.type == VOLUME]:
            with self._lock:
                users = self._users.get(point.name, set())
                users.discard(container)
                if not users:
                    self._users.pop(point.name, None)
                goes = not users and ((anonymous and point.anonymous) or point.name in self._orphans)
            if goes:
                self._remove_quietly(point.name)

    def _remove_quietly(self, name: str) -> None:
        try:
            self.remove(name, force=True)
        except Conflict as error:  # somebody has it this very moment
            log.info("%s", error.message)
        except (DockerkitError, OSError):
            log.exception("volume %s stays", name)

    # owners

    def own(self, name: str, session: str) -> None:
        """Make a session the owner of a volume; ``""`` is nobody.

        :raises NotFound: there is no such volume.
        """
        with self.acting_on(name):
            self.put(replace(self.get(name), session=session))

    def orphan(self, session: str) -> None:
        """Remove what a session that ended owned: at once, or when the last container that has it is gone."""
        for record in self.all():
            if record.session != session:
                continue
            with self._lock:
                self._orphans.add(record.name)
                goes = not self._users.get(record.name)
            if goes:
                self._remove_quietly(record.name)

    # after a daemon that ended

    def settle(self) -> None:
        """Make disk, kernel and state agree: count users, finish what was cut short, unmount what nobody has."""
        for entry in self._core.entries.all():
            for point in points_of(entry.record.points, entry.record.mounts):
                if point.type == VOLUME:
                    self.refer(point.name, entry.record.id)
        local = self.drivers.local
        for name in local.mounted():
            if not self.drivers.users(name):
                local.unmount(name)
        for record in self.all():
            if record.driver == LOCAL:
                self._settle_one(record)
        for name in local.stray(self._records):
            log.warning("removing the volume %s: no record speaks of it", name)
            self._delete_later(local.remove(name))
        self._sweep_layers()

    def _settle_one(self, record: VolumeRecord) -> None:
        local = self.drivers.local
        try:
            if record.layers:
                local.layers.settle(record.name, record.layers)
            elif not local.directories.exists(record.name):
                self._settle_missing(record)
        except (OSError, DockerkitError):  # one broken volume must not keep the daemon from all others
            log.exception("volume %s cannot be taken up", record.name)

    def _settle_missing(self, record: VolumeRecord) -> None:
        if self.users(record.name):
            self.drivers.local.create(record.name)
        else:
            self._forget(record)  # its removal was cut short

    @contextmanager
    def acting_on(self, name: str) -> Iterator[None]:
        """Hold a volume's name: nobody makes, removes or clones it meanwhile."""
        with self._lock:
            lock = self._names.setdefault(name, threading.RLock())
        with lock:
            yield
        with self._lock:
            if name not in self._records and name not in self._users:
                self._names.pop(name, None)


def _prefixed(error: DockerkitError, words: str) -> DockerkitError:
    return type(error)(words + error.message, hint=error.hint)
