"""The cgroups of one data root on cgroup version 1: a parent, two device policies, and the groups below them.

Ours are placed at the visible root of each hierarchy, wherever the daemon itself happens to be: its own limits are not theirs.
"""

from __future__ import annotations

import builtins
import os

from dockerkit.daemon.kernel.cgroups import paths
from dockerkit.daemon.kernel.cgroups.contract import CONFINED, Resources
from dockerkit.daemon.kernel.cgroups.devices import confined_rules
from dockerkit.daemon.kernel.cgroups.files import Tree
from dockerkit.daemon.kernel.cgroups.group1 import Group1
from dockerkit.daemon.kernel.cgroups.hierarchies import Hierarchy
from dockerkit.daemon.kernel.cgroups.limits import FEATURES


class Version1:
    """See :class:`~dockerkit.daemon.kernel.cgroups.contract.Cgroups`.

    :param parent: one path component, ``dockerkit-<root id>``.
    :param hierarchies: the trees to use, as mountinfo shows them.
    :param reason: why this version.
    """

    version = 1

    def __init__(self, parent: str, hierarchies: tuple[Hierarchy, ...], reason: str = "") -> None:
        self.parent = parent
        self.hierarchies = hierarchies
        self.reason = reason
        self.controllers = frozenset(name for tree in hierarchies for name in tree.controllers)
        self._trees: dict[str, Tree] = {}

    def prepare(self) -> None:
        """See the contract."""
        trees = self._opened()
        for tree in self._distinct():
            tree.make(self.parent)
        if "cpuset" in trees:
            self._fill_cpuset(trees["cpuset"])
        if "memory" in trees:
            self._make_hierarchical(trees["memory"])
        for tree in self._distinct():
            for policy in paths.policies(self.parent):
                tree.make(policy)
        if "devices" in trees:
            self._confine(trees["devices"])

    def create(self, path: str, resources: Resources) -> Group1:
        """See the contract."""
        paths.check(self.parent, path)
        group = self.open(path)
        try:
            for tree in self._distinct():
                tree.make(path)
            group.fill(resources, devices=paths.is_open(path))
        except OSError:
            group.remove()
            raise
        return group

    def open(self, path: str) -> Group1:
        """See the contract."""
        paths.check(self.parent, path)
        return Group1(self._opened(), path)

    def list(self) -> builtins.list[str]:
        """See the contract."""
        self._opened()
        found = paths.policies(self.parent)
        return sorted({group for policy in found for tree in self._distinct() for group in tree.nested(policy)})

    def features(self) -> frozenset[str]:
        """See the contract."""
        trees = self._opened()
        return frozenset(name for name, (controller, file) in FEATURES.items() if self._has(trees, controller, file))

    def close(self) -> None:
        """See the contract."""
        for tree in self._distinct():
            tree.close()
        self._trees = {}  # a new one: handles of groups keep the closed trees, and fail

    def discard(self) -> None:
        """See the contract."""
        self._opened()
        for tree in self._distinct():
            for path in (*paths.policies(self.parent), self.parent):
                tree.unmake(path)
        self.close()

    def _opened(self) -> dict[str, Tree]:
        """Return controller → tree; opened when first needed, co-mounted controllers share one."""
        if not self._trees:
            for hierarchy in self.hierarchies:
                tree = Tree.open(hierarchy.directory, hierarchy.controllers)
                self._trees.update(dict.fromkeys(hierarchy.controllers, tree))
        return self._trees

    def _distinct(self) -> builtins.list[Tree]:
        return [tree for controller, tree in self._trees.items() if controller == tree.controllers[0]]

    def _fill_cpuset(self, tree: Tree) -> None:
        # a new cpuset is empty and refuses every process; clone_children lets all below be born with their parent's
        for file in ("cpuset.cpus", "cpuset.mems"):
            if not tree.read(f"{self.parent}/{file}"):
                tree.write(f"{self.parent}/{file}", tree.read(file))
        tree.write(f"{self.parent}/cgroup.clone_children", "1")

    def _make_hierarchical(self, tree: Tree) -> None:
        # always on since Linux 5.11; before, it must be set while the group has no children
        file = f"{self.parent}/memory.use_hierarchy"
        if tree.has(file) and tree.read(file) == "0":
            tree.write(file, "1")

    def _confine(self, tree: Tree) -> None:
        directory = f"{self.parent}/{CONFINED}"
        for rule in confined_rules(tree.read(f"{directory}/devices.list")):
            tree.write(f"{directory}/{rule.file}", rule.line)

    def _has(self, trees: dict[str, Tree], controller: str, file: str) -> bool:
        tree = trees.get(controller)
        # a hierarchy's root lacks some files that every group below it has
        return tree is not None and (not file or tree.has(os.path.join(self.parent, file)) or tree.has(file))
