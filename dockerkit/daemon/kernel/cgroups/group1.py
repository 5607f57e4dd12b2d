"""One container's group on cgroup version 1, in every hierarchy at once."""

from __future__ import annotations

import contextlib
import errno
import os
import signal
from collections.abc import Mapping
from typing import Any

from dockerkit.daemon.kernel.cgroups.contract import Resources
from dockerkit.daemon.kernel.cgroups.devices import container_rules
from dockerkit.daemon.kernel.cgroups.files import Tree
from dockerkit.daemon.kernel.cgroups.limits import SWAP_FILE, Step, Write, steps
from dockerkit.daemon.kernel.cgroups.statistics import read_pairs, read_statistics
from dockerkit.daemon.kernel.cgroups.waiting import until

_FREEZE_SECONDS = 2.0
_REMOVE_SECONDS = 5.0
_KILL_ROUNDS = 64
_MOST_TELLING = ("freezer", "pids", "memory")


class Group1:
    """See :class:`~dockerkit.daemon.kernel.cgroups.contract.Cgroup`. Holds no descriptor of its own.

    :param trees: controller → open hierarchy, shared by all groups.
    """

    def __init__(self, trees: Mapping[str, Tree], path: str) -> None:
        self.path = path
        self.skipped: tuple[str, ...] = ()
        self._trees = trees
        self._distinct = [tree for controller, tree in trees.items() if controller == tree.controllers[0]]
        self._counting = next((trees[name] for name in _MOST_TELLING if name in trees), self._distinct[0])

    def fill(self, resources: Resources, *, devices: bool) -> None:
        """Write all limits into a new group; `devices` when its policy allows everything so far."""
        self.update(resources)
        if devices and "devices" in self._trees:
            for rule in container_rules(resources.get("devices")):
                self._trees["devices"].write(f"{self.path}/{rule.file}", rule.line)

    def join(self) -> None:
        """See the contract."""
        # "tasks", not "cgroup.procs": the latter waits for an RCU grace period in every hierarchy (2 ms each)
        for tree in self._distinct:
            tree.write(f"{self.path}/tasks", "0")

    def birthplace(self) -> int:
        """See the contract."""
        return -1

    def pids(self) -> list[int]:
        """See the contract."""
        return [int(pid) for path in self._groups(self._counting) for pid in self._procs(path).split()]

    def kill(self) -> None:
        """See the contract."""
        done: set[int] = set()
        for _ in range(_KILL_ROUNDS):
            # frozen first, so that nothing forks or leaves its number to another while the list is walked;
            # a frozen process dies only when thawed
            self._set_state("FROZEN")
            found = set(self.pids()) - done
            for pid in found:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            self._set_state("THAWED")
            if not found:
                return
            done |= found

    def freeze(self) -> None:
        """See the contract."""
        tree = self._tree("freezer", "freezer.state")

        def frozen() -> bool:
            tree.write(f"{self.path}/freezer.state", "FROZEN")
            return tree.read(f"{self.path}/freezer.state") == "FROZEN"

        if not until(frozen, _FREEZE_SECONDS):
            self.thaw()
            raise OSError(errno.ETIMEDOUT, "a process could not be frozen", os.path.join(tree.directory, self.path))

    def thaw(self) -> None:
        """See the contract."""
        self._tree("freezer", "freezer.state").write(f"{self.path}/freezer.state", "THAWED")

    def update(self, resources: Resources) -> None:
        """See the contract."""
        for step in steps(resources):
            if able := self._able(step):
                self._apply(able)

    def oom_kills(self) -> int:
        """See the contract."""
        if "memory" not in self._trees:
            return 0
        return read_pairs(self._trees["memory"].read(f"{self.path}/memory.oom_control")).get("oom_kill", 0)

    def stats(self) -> dict[str, Any]:
        """See the contract."""
        return read_statistics(self._trees, self.path)

    def remove(self) -> None:
        """See the contract."""
        for tree in self._distinct:
            self._remove_from(tree)

    def _remove_from(self, tree: Tree) -> None:
        def removed() -> bool:
            try:
                # groups nested by the container itself hold their parent; the common case has none
                for path in reversed([self.path] if self.path not in busy else self._groups(tree)):
                    tree.unmake(path)
            except OSError as error:
                if error.errno != errno.EBUSY:
                    raise
                busy[self.path] = error
                return False
            return True

        busy: dict[str, OSError] = {}
        if not until(removed, _REMOVE_SECONDS):
            raise busy[self.path]

    def _groups(self, tree: Tree) -> list[str]:
        """Return this group and all groups nested in it, parents first."""
        found = [self.path]
        for path in found:
            found += tree.nested(path)
        return found

    def _procs(self, path: str) -> str:
        try:
            return self._counting.read(f"{path}/cgroup.procs")
        except OSError as error:
            # ENODEV: it went between open and read
            if error.errno in (errno.ENOENT, errno.ENODEV):
                return ""
            raise

    def _set_state(self, state: str) -> None:
        if "freezer" in self._trees:
            with contextlib.suppress(FileNotFoundError):  # the group is gone, and so is everything in it
                self._trees["freezer"].write(f"{self.path}/freezer.state", state)

    def _able(self, step: Step) -> Step:
        """Return the writes of a step this kernel has files for, noting a missing swap file; others are errors."""
        if any(write.file == SWAP_FILE for write in step) and not self._has_swap_file():
            self.skipped = (SWAP_FILE,)
            return tuple(write for write in step if write.file != SWAP_FILE)
        return step

    def _has_swap_file(self) -> bool:
        return "memory" in self._trees and self._trees["memory"].has(f"{self.path}/{SWAP_FILE}")

    def _apply(self, step: Step) -> None:
        try:
            self._write(step[0])
        except OSError as error:
            if error.errno != errno.EINVAL or len(step) == 1:
                raise
            step = step[::-1]
            self._write(step[0])
        for write in step[1:]:
            self._write(write)

    def _write(self, write: Write) -> None:
        self._tree(write.controller, write.file).write(f"{self.path}/{write.file}", write.value)

    def _tree(self, controller: str, file: str) -> Tree:
        if controller not in self._trees:
            raise OSError(errno.EOPNOTSUPP, f"the cgroup controller {controller} is not mounted", file)
        return self._trees[controller]
