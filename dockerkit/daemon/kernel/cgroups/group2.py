"""One container's group on cgroup version 2: one directory, in one tree."""

from __future__ import annotations

import contextlib
import errno
import os
import select
import signal
import time
from typing import Any

from dockerkit.daemon.kernel.cgroups import bpf, devicefilter, limits2
from dockerkit.daemon.kernel.cgroups.contract import Resources
from dockerkit.daemon.kernel.cgroups.devices import container_rules
from dockerkit.daemon.kernel.cgroups.files import Tree
from dockerkit.daemon.kernel.cgroups.limits import Write
from dockerkit.daemon.kernel.cgroups.statistics import read_pairs
from dockerkit.daemon.kernel.cgroups.statistics2 import read_statistics
from dockerkit.daemon.kernel.cgroups.waiting import until

_FREEZE_SECONDS = 2.0
_REMOVE_SECONDS = 5.0
_KILL_ROUNDS = 64
_LOOK_AGAIN = 0.02
"""Seconds after which a group's state is read again even if the kernel said nothing."""
_GONE = (errno.ENOENT, errno.ENODEV)
"""ENODEV: it went between open and read."""


class Group2:
    """See :class:`~dockerkit.daemon.kernel.cgroups.contract.Cgroup`. Holds no descriptor of its own.

    :param tree: the unified hierarchy, shared by all groups.
    """

    def __init__(self, tree: Tree, path: str) -> None:
        self.path = path
        self.skipped: tuple[str, ...] = ()
        self._tree = tree

    def fill(self, resources: Resources, *, devices: bool) -> None:
        """Write all limits into a new group; `devices` when its policy allows everything so far."""
        self.update(resources)
        rules = container_rules(resources.get("devices")) if devices else []
        if rules:
            directory = self._tree.enter(self.path)
            try:
                bpf.impose(directory, devicefilter.program(devicefilter.policy(rules)))
            except OSError as error:
                raise OSError(error.errno, f"device rules cannot be kept: {error.strerror}", self._name()) from None
            finally:
                os.close(directory)

    def join(self) -> None:
        """See the contract."""
        try:
            self._tree.write(self._file("cgroup.procs"), "0")
        except OSError as error:
            if error.errno != errno.EBUSY:
                raise
            self._join_first()

    def birthplace(self) -> int:
        """See the contract."""
        return self._tree.enter(self.path)

    def pids(self) -> list[int]:
        """See the contract."""
        return [int(pid) for path in self._groups() for pid in self._procs(path)]

    def kill(self) -> None:
        """See the contract."""
        try:
            self._tree.write(self._file("cgroup.kill"), "1")
        except OSError as error:
            if error.errno not in _GONE:
                raise
            self._kill_each()  # before Linux 5.14 there is no such file; and without the group there is nobody

    def freeze(self) -> None:
        """See the contract."""
        self._tree.write(self._file("cgroup.freeze"), "1")
        if not self._comes("frozen", 1, _FREEZE_SECONDS):
            self.thaw()
            raise OSError(errno.ETIMEDOUT, "a process could not be frozen", self._name())

    def thaw(self) -> None:
        """See the contract."""
        self._tree.write(self._file("cgroup.freeze"), "0")

    def update(self, resources: Resources) -> None:
        """See the contract."""
        for write in limits2.writes(resources, self._has, lambda: self._tree.read(self._file(limits2.CPU_FILE))):
            self._write(write)

    def oom_kills(self) -> int:
        """See the contract."""
        try:
            return read_pairs(self._tree.read(self._file("memory.events"))).get("oom_kill", 0)
        except FileNotFoundError:
            if self._tree.has(self.path):  # without the controller nobody counts, nor kills
                return 0
            raise

    def stats(self) -> dict[str, Any]:
        """See the contract."""
        return read_statistics(self._tree, self.path)

    def remove(self) -> None:
        """See the contract."""
        busy: list[OSError] = []

        def removed() -> bool:
            try:
                # groups nested by the container itself hold their parent; the common case has none
                for path in reversed(self._groups() if busy else [self.path]):
                    self._tree.unmake(path)
            except OSError as error:
                if error.errno != errno.EBUSY:
                    raise
                busy.append(error)
                self._comes("populated", 0, _LOOK_AGAIN)
                return False
            return True

        if not until(removed, _REMOVE_SECONDS):
            raise busy[-1]

    def _join_first(self) -> None:
        """Join the oldest process: the container has made groups of its own, and where those have limits none may be here."""
        inside = {pid: path for path in self._groups()[1:] for pid in self._procs(path)}
        place = inside[min(inside, key=int)] if inside else self.path
        self._tree.write(f"{place}/cgroup.procs", "0")

    def _kill_each(self) -> None:
        for _ in range(_KILL_ROUNDS):
            # frozen first, so that nothing forks or leaves its number to another while the list is walked
            with contextlib.suppress(FileNotFoundError):
                self._tree.write(self._file("cgroup.freeze"), "1")
            found = self.pids()
            for pid in found:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            with contextlib.suppress(FileNotFoundError):
                self.thaw()
            if not found:
                return
            self._comes("populated", 0, _LOOK_AGAIN)

    def _comes(self, word: str, value: int, seconds: float) -> bool:
        """Wait until ``cgroup.events`` says `value` of `word`, or the group is gone; return whether it did in time."""
        end = time.monotonic() + seconds
        try:
            with self._tree.opened(self._file("cgroup.events")) as events:
                poll = select.poll()
                poll.register(events, select.POLLPRI)
                while read_pairs(os.pread(events, 4096, 0).decode()).get(word) != value:
                    left = end - time.monotonic()
                    if left <= 0:
                        return False
                    poll.poll(min(left, _LOOK_AGAIN) * 1000)
        except OSError as error:
            if error.errno not in _GONE:
                raise
        return True

    def _groups(self) -> list[str]:
        """Return this group and all groups nested in it, parents first."""
        found = [self.path]
        for path in found:
            found += self._tree.nested(path)
        return found

    def _procs(self, path: str) -> list[str]:
        try:
            return self._tree.read(f"{path}/cgroup.procs").split()
        except OSError as error:
            # a threaded group: its processes are told by the group above
            if error.errno in (*_GONE, errno.EOPNOTSUPP):
                return []
            raise

    def _write(self, write: Write) -> None:
        if write.file == limits2.MEMORY_FILE and write.value != "max":
            self._make_room(int(write.value))
        try:
            self._tree.write(self._file(write.file), write.value)
        except FileNotFoundError:
            if not self._tree.has(self.path):
                raise
            if write.file != limits2.SWAP_FILE or not self._has(limits2.MEMORY_FILE):
                reason = f"the cgroup controller {write.controller} is not available"
                raise OSError(errno.EOPNOTSUPP, reason, os.path.join(self._name(), write.file)) from None
            self.skipped = (limits2.SWAP_FILE,)

    def _make_room(self, limit: int) -> None:
        """Have the kernel take back what is above a new limit: version 2 would kill for it, where version 1 refused.

        :raises OSError: EBUSY, that much is in use.
        """
        with contextlib.suppress(FileNotFoundError):  # no controller: the limit will say so
            used = int(self._tree.read(self._file("memory.current")))
            if used <= limit:
                return
            with contextlib.suppress(FileNotFoundError, BlockingIOError):  # since Linux 5.19; EAGAIN: not all of it
                self._tree.write(self._file("memory.reclaim"), str(used - limit))
            if int(self._tree.read(self._file("memory.current"))) > limit:
                raise OSError(errno.EBUSY, os.strerror(errno.EBUSY), os.path.join(self._name(), limits2.MEMORY_FILE))

    def _has(self, file: str) -> bool:
        return self._tree.has(self._file(file))

    def _file(self, name: str) -> str:
        return f"{self.path}/{name}"

    def _name(self) -> str:
        return os.path.join(self._tree.directory, self.path)
