"""The cgroups of one data root on cgroup version 2: a parent, two device policies, and the groups below them, in one tree.

As with version 1, ours are placed at the visible root. No process of ours is ever in the parent or in a policy: keepers stay
where the daemon is, and only containers' own processes enter their groups, which are leaves.
"""

from __future__ import annotations

import builtins
import contextlib
import os

from dockerkit.daemon.kernel.cgroups import bpf, controllers2, devicefilter, paths
from dockerkit.daemon.kernel.cgroups.contract import Resources
from dockerkit.daemon.kernel.cgroups.files import Tree
from dockerkit.daemon.kernel.cgroups.group2 import Group2
from dockerkit.daemon.kernel.cgroups.hierarchies import Hierarchy
from dockerkit.daemon.kernel.cgroups.limits2 import FEATURES


class Version2:
    """See :class:`~dockerkit.daemon.kernel.cgroups.contract.Cgroups`.

    :param parent: one path component, ``dockerkit-<root id>``.
    :param directory: where the unified hierarchy is mounted.
    :param controllers: those containers' groups are to have.
    :param reason: why this version.
    """

    version = 2

    def __init__(self, parent: str, directory: str, controllers: frozenset[str], reason: str = "") -> None:
        self.parent = parent
        self.hierarchies: tuple[Hierarchy, ...] = (Hierarchy(directory, tuple(sorted(controllers))),)
        self.reason = reason
        self.controllers = controllers
        self._tree: Tree | None = None

    def prepare(self) -> None:
        """See the contract. Controllers that the kernel refuses are missing afterwards, and ``reason`` says so."""
        tree = self._opened()
        refused = controllers2.give(tree, "", self.controllers)
        tree.make(self.parent)
        refused |= controllers2.give(tree, self.parent, self.controllers)
        confined, opened = paths.policies(self.parent)
        for policy in (confined, opened):
            tree.make(policy)
            refused |= controllers2.give(tree, policy, self.controllers)
        self._confine(tree, confined)
        if refused:
            self.controllers -= refused.keys()
            self.reason += "".join(f"; {name} was refused: {error}" for name, error in refused.items())

    def create(self, path: str, resources: Resources) -> Group2:
        """See the contract."""
        group = self.open(path)
        try:
            self._opened().make(path)
            group.fill(resources, devices=paths.is_open(path))
        except OSError:
            group.remove()
            raise
        return group

    def open(self, path: str) -> Group2:
        """See the contract."""
        paths.check(self.parent, path)
        return Group2(self._opened(), path)

    def list(self) -> builtins.list[str]:
        """See the contract."""
        tree = self._opened()
        return sorted(group for policy in paths.policies(self.parent) for group in tree.nested(policy))

    def features(self) -> frozenset[str]:
        """See the contract."""
        tree = self._opened()
        kept = {name for name, (controller, files) in FEATURES.items() if self._has(tree, controller, files)}
        if tree.has(os.path.join(self._sample(tree) or "", "cgroup.freeze")):
            kept.add("freezer")
        with contextlib.suppress(OSError):  # no such programs: no rules for devices
            os.close(bpf.load(devicefilter.program(devicefilter.policy(devicefilter.DEFAULT_RULES))))
            kept.add("devices")
        return frozenset(kept)

    def close(self) -> None:
        """See the contract."""
        if self._tree is not None:
            self._tree.close()
        self._tree = None  # a new one: handles of groups keep the closed tree, and fail

    def discard(self) -> None:
        """See the contract."""
        tree = self._opened()
        for path in (*paths.policies(self.parent), self.parent):
            tree.unmake(path)
        self.close()

    def _opened(self) -> Tree:
        if self._tree is None:
            hierarchy = self.hierarchies[0]
            self._tree = Tree.open(hierarchy.directory, hierarchy.controllers)
        return self._tree

    def _confine(self, tree: Tree, path: str) -> None:
        """Attach Docker's device rules once: the kernel asks the programs of all groups above a process."""
        directory = tree.enter(path)
        try:
            bpf.impose(directory, devicefilter.program(devicefilter.policy(devicefilter.DEFAULT_RULES)))
        except OSError as error:
            raise OSError(error.errno, f"device rules cannot be kept: {error.strerror}", path) from None
        finally:
            os.close(directory)

    def _sample(self, tree: Tree) -> str | None:
        """Return a group in which the files of every group below a root can be looked for: the root itself lacks most."""
        confined, _ = paths.policies(self.parent)
        return confined if tree.has(confined) else next(iter(tree.nested(".")), None)

    def _has(self, tree: Tree, controller: str, files: tuple[str, ...]) -> bool:
        if controller not in self.controllers:
            return False
        sample = self._sample(tree)
        given = tree.read("cgroup.subtree_control").split()
        if sample is None or controller not in given:  # nobody has it yet: what it offers is not to be seen
            return True
        return any(tree.has(f"{sample}/{file}") for file in files)
