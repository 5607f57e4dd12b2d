"""The drivers of volumes as one: ours on this disk, and plugins by name. What each says becomes one kind of answer.

``mount`` returns a descriptor of the volume's root; what is mounted for several users is unmounted after the last.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING

from dockerkit.daemon.engine.volumes.record import VolumeRecord
from dockerkit.daemon.kernel import beneath
from dockerkit.daemon.volumes.local import Local
from dockerkit.errors import Damaged, DockerkitError, Failed, NotFound
from dockerkit.schema.volume import LOCAL

if TYPE_CHECKING:
    from dockerkit.daemon.volumes.plugins.driver import Plugin, Plugins


class Drivers:
    """The drivers of one engine."""

    def __init__(self, root: str) -> None:
        self.local = Local(root)
        self._plugins: Plugins | None = None
        self._users: dict[str, set[str]] = {}
        self._locks: dict[str, threading.Lock] = {}
        self._lock = threading.Lock()

    @property
    def plugins(self) -> Plugins:
        """The plugins; HTTP and TLS are loaded when somebody first asks for one."""
        if self._plugins is None:
            from dockerkit.daemon.volumes.plugins.driver import Plugins  # noqa: PLC0415

            self._plugins = Plugins()
        return self._plugins

    def plugin(self, name: str) -> Plugin:
        """Return a plugin, activated; see :meth:`~dockerkit.daemon.volumes.plugins.driver.Plugins.get`."""
        return self.plugins.get(name)

    def check(self, driver: str, name: str, options: Mapping[str, str]) -> None:
        """Refuse what cannot be, before anything is written.

        :raises Invalid: a name or an option that local volumes do not have.
        :raises NotFound: no such plugin.
        """
        if driver == LOCAL:
            self.local.check(name, options)
        else:
            self.plugin(driver)

    def create(self, record: VolumeRecord) -> str:
        """Make a volume; return its driver's scope.

        :raises Failed: the plugin refused; in its words.
        """
        if record.driver == LOCAL:
            self.local.create(record.name)
            return LOCAL
        plugin = self.plugin(record.driver)
        plugin.create(record.name, record.options or {})
        return plugin.scope

    def remove(self, record: VolumeRecord) -> str:
        """Remove a volume; return a place that waits to be deleted, if any.

        :raises Conflict: something of the host's is mounted within.
        :raises Failed: the plugin refused.
        """
        if record.driver == LOCAL:
            return self.local.remove(record.name)
        try:
            self.plugin(record.driver).remove(record.name)
        except Failed:
            if self._is_kept(record):  # else it was gone already
                raise
        return ""

    def _is_kept(self, record: VolumeRecord) -> bool:
        try:
            self.plugin(record.driver).get(record.name)
        except NotFound:
            return False
        return True

    def mountpoint(self, record: VolumeRecord) -> str:
        """Return where a volume's files are; ``""`` when its plugin does not tell."""
        if record.driver == LOCAL:
            return self.local.mountpoint(record.name)
        try:
            return self.plugin(record.driver).path(record.name)
        except DockerkitError:  # a plugin that is away must not keep anybody from looking at a container
            return ""

    def mount(self, record: VolumeRecord, user: str) -> int:
        """Have a volume mounted for `user`; return a descriptor (``O_PATH``) of its root, which is the caller's.

        :raises Failed: it cannot be; in dockerd's words.
        """
        with self._lock_of(record.name):
            users = self._users.setdefault(record.name, set())
            if record.driver == LOCAL:
                self.local.mount(record.shelf)
            try:
                opened = self.local.open(record.name) if record.driver == LOCAL else self._mount_plugin(record, user)
            except BaseException:
                if record.driver == LOCAL and not users:
                    self.local.unmount(record.name)
                raise
            users.add(user)
        return opened

    def _mount_plugin(self, record: VolumeRecord, user: str) -> int:
        try:
            path = self.plugin(record.driver).mount(record.name, user)
        except Failed as failure:
            raise Failed(f"error while mounting volume '{record.name}': {failure.message}") from None
        try:
            return os.open(path, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        except OSError as error:
            self.plugin(record.driver).unmount(record.name, user)
            words = f'plugin "{record.driver}" says that volume {record.name} is mounted at {path}: {error.strerror}'
            raise Damaged(words) from None

    def unmount(self, record: VolumeRecord, user: str) -> None:
        """Take back what :meth:`mount` did for `user`; harmless when it did nothing.

        :raises Failed: the plugin refused.
        """
        with self._lock_of(record.name):
            users = self._users.get(record.name, set())
            if user not in users:
                return
            users.discard(user)
            if record.driver != LOCAL:
                self.plugin(record.driver).unmount(record.name, user)
            elif not users and record.shelf.mountable:
                self.local.unmount(record.name)
            if not users:
                self._users.pop(record.name, None)

    def adopt(self, record: VolumeRecord, user: str) -> None:
        """Count a user that has a volume since before this daemon; nothing is mounted."""
        with self._lock_of(record.name):
            self._users.setdefault(record.name, set()).add(user)

    def users(self, name: str) -> set[str]:
        """Return who has a volume mounted now."""
        return set(self._users.get(name, ()))

    def _lock_of(self, name: str) -> threading.Lock:
        with self._lock:
            return self._locks.setdefault(name, threading.Lock())


def beneath_of(root: int, subpath: str, about: str) -> int:
    """Return a descriptor of what `subpath` is beneath an open directory; links are taken as if that were ``/``.

    :raises Failed: it is not there, or a link leads in circles or out of the file system.
    """
    try:
        return beneath.open_in(root, subpath, os.O_PATH)
    except OSError as error:
        raise Failed(f"cannot access path {subpath} of {about}: {(error.strerror or '').rpartition(': ')[2]}") from None
