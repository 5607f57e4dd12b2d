"""Which controllers groups of the unified hierarchy can be given, and giving them on the way down. Limits nothing itself.

A controller reaches a group when every group above it names it in ``cgroup.subtree_control``; and a group that names one may
hold no process itself, unless it is the real root of the machine ("no internal processes"). So inside a container, whose root
is not the real one, the processes there are in the way.

Source: Linux Documentation/admin-guide/cgroup-v2, "Top-down Constraint", "No Internal Process Constraint".
"""

from __future__ import annotations

import errno
import os
from collections.abc import Collection
from typing import NamedTuple

from dockerkit.daemon.kernel.cgroups.files import Tree
from dockerkit.daemon.kernel.cgroups.limits2 import USED

_GIVING = "cgroup.subtree_control"


class Offer(NamedTuple):
    """The controllers that groups at the root of a hierarchy can have, of those we use; and what keeps others away."""

    controllers: frozenset[str]
    obstacle: str


def look(directory: str) -> Offer:
    """Return what the hierarchy mounted at `directory` offers; changes nothing.

    :raises OSError: it cannot be read.
    """
    there = frozenset(_words(directory, "cgroup.controllers")) & frozenset(USED)
    given = frozenset(_words(directory, _GIVING)) & there
    withheld = there - given
    # the real root has no type, and may hold processes
    if not withheld or not os.path.exists(os.path.join(directory, "cgroup.type")) or not _words(directory, "cgroup.procs"):
        return Offer(there, "")
    return Offer(
        given, f"{', '.join(sorted(withheld))} cannot be used: processes are in {directory} itself; move them to a group"
    )


def give(tree: Tree, path: str, wanted: Collection[str]) -> dict[str, OSError]:
    """Let the groups inside `path` (empty: the root) have these controllers, as far as it has them itself.

    :return: those that were refused, and why: EBUSY, processes are in the group itself; EINVAL, real-time processes.
    """
    file = os.path.join(path, _GIVING)
    available = set(tree.read(os.path.join(path, "cgroup.controllers")).split())
    missing = sorted((available & set(wanted)) - set(tree.read(file).split()))
    if not missing:
        return {}
    try:
        tree.write(file, " ".join(f"+{name}" for name in missing))
    except OSError as error:
        return {missing[0]: error} if len(missing) == 1 else _give_each(tree, file, missing)
    return {}


def _give_each(tree: Tree, file: str, names: list[str]) -> dict[str, OSError]:
    """The kernel gives all or none: so one after the other, for those that can be had."""
    refused: dict[str, OSError] = {}
    for name in names:
        try:
            tree.write(file, f"+{name}")
        except OSError as error:
            refused[name] = error
    return refused


def _words(directory: str, file: str) -> list[str]:
    try:
        with open(os.path.join(directory, file), encoding="ascii", errors="replace") as content:
            return content.read().split()
    except OSError as error:
        if error.errno == errno.EOPNOTSUPP:  # a threaded group does not tell its processes, but has some
            return ["threaded"]
        raise
