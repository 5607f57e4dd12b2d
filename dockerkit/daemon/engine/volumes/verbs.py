"""The volume verbs as the API calls them: Docker's create, list, inspect, remove, prune; and ours: clone, backup, restore."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING

from dockerkit.daemon.engine.archives.outgoing import Outgoing
from dockerkit.daemon.engine.core import Core
from dockerkit.daemon.engine.events import event
from dockerkit.daemon.engine.volumes import archiving, choosing, cloning
from dockerkit.daemon.engine.volumes.record import VolumeRecord
from dockerkit.daemon.engine.volumes.showing import is_plain, shown, size_of
from dockerkit.errors import Conflict, DockerkitError, NotFound, Unsupported
from dockerkit.schema.volume import LOCAL, Volume, VolumeCreateRequest, VolumeList, VolumePrune

if TYPE_CHECKING:
    from builtins import list as List  # noqa: N812 - `list` is one of Docker's verbs here

    from dockerkit.daemon.volumes.plugins.driver import Plugin

log = logging.getLogger(__name__)


class VolumeVerbs:
    """All volumes of this engine; a volume is called by its name.

    :param check_session: raises NotFound when a session is not open.
    """

    def __init__(self, core: Core, check_session: Callable[[str], None]) -> None:
        self._core = core
        self._volumes = core.volumes
        self._check_session = check_session
        self._pruning = threading.Lock()

    def create(self, request: VolumeCreateRequest, *, session: str = "") -> Volume:
        """Make a volume, or return the one of that name.

        :param session: the open session that shall own it.
        :raises Invalid: a name or an option that cannot be; in Docker's words.
        :raises NotFound: no such driver, or the session has ended.
        :raises Conflict: another driver has a volume of this name.
        """
        if request.cluster_volume_spec:
            raise Unsupported("cluster volumes are not offered: this engine is not part of a swarm")
        if session:
            self._check_session(session)
        record, _ = self._volumes.create(
            request.name, request.driver, options=request.driver_opts, labels=request.labels, session=session
        )
        if session:
            self._check_again(session, record)
        return shown(self._volumes, record)

    def _check_again(self, session: str, record: VolumeRecord) -> None:
        """A session that ended while its volume was made has not seen it: then it is removed here."""
        try:
            self._check_session(session)
        except NotFound:
            self._volumes.orphan(session)
            raise

    def list(self, filters: Mapping[str, List[str]] | None = None) -> VolumeList:
        """Return the volumes that fit, by name; those that only plugins know of, too.

        :raises Invalid: an unknown filter, or a value it does not take.
        """
        wanted = filters or {}
        choosing.check_list(wanted)
        foreign, warnings = self._foreign()
        records = sorted([*self._volumes.all(), *foreign], key=lambda record: record.name)
        fitting = [r for r in records if choosing.fits(r, wanted, used=bool(self._volumes.users(r.name)))]
        return VolumeList(volumes=[shown(self._volumes, record) for record in fitting], warnings=warnings or None)

    def _foreign(self) -> tuple[List[VolumeRecord], List[str]]:
        found: list[VolumeRecord] = []
        warnings: list[str] = []
        for plugin in self._plugins(warnings):
            try:
                kept = plugin.list()
            except DockerkitError as error:
                warnings.append(error.message)
                continue
            new = [each for each in kept if self._volumes.find(each.name) is None]
            found += [VolumeRecord(name=each.name, driver=plugin.name, scope=plugin.scope) for each in new]
        return found, warnings

    def _plugins(self, warnings: List[str]) -> Iterable[Plugin]:
        drivers = {record.driver for record in self._volumes.all()} - {LOCAL}
        for name in sorted(drivers):
            try:
                yield self._volumes.drivers.plugin(name)
            except DockerkitError as error:
                warnings.append(error.message)

    def inspect(self, name: str) -> Volume:
        """Return what is known of a volume; what its plugin tells of it, too.

        :raises NotFound: in Docker's words.
        """
        record = self._volumes.get(name)
        found = shown(self._volumes, record)
        if record.driver != LOCAL:
            kept = self._volumes.drivers.plugin(record.driver).get(name)
            found.mountpoint = kept.mountpoint or found.mountpoint
            found.created_at = kept.created or found.created_at
            if kept.status:
                found.status = kept.status
        return found

    def remove(self, name: str, *, force: bool = False) -> None:
        """Remove a volume; see :meth:`~dockerkit.daemon.engine.volumes.keeping.Volumes.remove`."""
        self._volumes.remove(name, force=force)

    def prune(self, filters: Mapping[str, List[str]] | None = None) -> VolumePrune:
        """Remove local volumes that no container has: those that nobody named, with the filter ``all`` named ones too.

        :raises Invalid: another filter, or a value it does not take.
        :raises Conflict: somebody else is pruning.
        """
        wanted = filters or {}
        choosing.check_prune(wanted)
        if not self._pruning.acquire(blocking=False):
            raise Conflict("a prune operation is already running")
        try:
            sizes = {r.name: size for r in self._volumes.all() if is_plain(r) and (size := self._pruned(r, wanted)) is not None}
        finally:
            self._pruning.release()
        reclaimed = sum(sizes.values())
        self._core.tell(event("volume", "prune", "", {"reclaimed": str(reclaimed)}))
        return VolumePrune(volumes_deleted=list(sizes), space_reclaimed=reclaimed)

    def _pruned(self, record: VolumeRecord, wanted: Mapping[str, List[str]]) -> int | None:
        if self._volumes.users(record.name) or not choosing.to_prune(record, wanted):
            return None
        size = size_of(self._volumes, record)
        try:
            self._volumes.remove(record.name)
        except DockerkitError as error:  # somebody has taken it meanwhile, or it cannot be removed
            log.warning("volume %s is not pruned: %s", record.name, error)
            return None
        return max(size, 0)

    # ours

    def clone(self, name: str, target: str = "", *, labels: Mapping[str, str] | None = None, session: str = "") -> Volume:
        """Make a volume that has what another has; see :func:`~dockerkit.daemon.engine.volumes.cloning.clone`."""
        if session:
            self._check_session(session)
        record = cloning.clone(self._volumes, name, target, labels=labels, session=session)
        if session:
            self._check_again(session, record)
        return shown(self._volumes, record)

    def backup(self, name: str) -> Outgoing:
        """Give a tar of a volume; see :func:`~dockerkit.daemon.engine.volumes.archiving.backup`."""
        return archiving.backup(self._volumes, name)

    def restore(self, name: str, chunks: Iterable[bytes]) -> None:
        """Unpack a tar into a volume; see :func:`~dockerkit.daemon.engine.volumes.archiving.restore`."""
        archiving.restore(self._volumes, name, chunks)
