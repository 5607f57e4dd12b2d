"""Which cgroup version this host offers, found by trying; says why. Decides nothing else."""

from __future__ import annotations

import errno
import os

from dockerkit.daemon.kernel.cgroups.contract import Cgroups
from dockerkit.daemon.kernel.cgroups.hierarchies import USED, Hierarchy, Mounted, read_mounts
from dockerkit.daemon.kernel.cgroups.version1 import Version1

DEFAULT_PARENT = "dockerkit"


def detect(parent: str = DEFAULT_PARENT, *, mountinfo: str = "/proc/self/mountinfo") -> Cgroups:
    """Choose how groups are made on this host for the data root whose groups live below `parent`; ``reason`` says why.

    Nothing is created: that is :meth:`Cgroups.prepare`.

    :raises OSError: ENODEV when no hierarchy is mounted, EOPNOTSUPP when only version 2 is (not offered yet), EACCES or EROFS
        when the trees cannot be written.
    """
    mounted = read_mounts(mountinfo)
    usable = tuple(tree for tree in mounted.version1 if os.path.exists(os.path.join(tree.directory, "tasks")))
    if not usable:
        raise _nothing(mounted, mountinfo)
    _check_writable(usable)
    return Version1(parent, usable, _reason(usable, mounted.version2))


def _nothing(mounted: Mounted, mountinfo: str) -> OSError:
    if mounted.version2:
        return OSError(errno.EOPNOTSUPP, "only cgroup version 2 is mounted, which is not offered yet", mounted.version2)
    return OSError(errno.ENODEV, "no cgroup hierarchy is mounted", mountinfo)


def _check_writable(trees: tuple[Hierarchy, ...]) -> None:
    for tree in trees:
        if os.statvfs(tree.directory).f_flag & os.ST_RDONLY:
            raise OSError(errno.EROFS, os.strerror(errno.EROFS), tree.directory)
        if not os.access(tree.directory, os.W_OK, effective_ids=True):
            raise OSError(errno.EACCES, os.strerror(errno.EACCES), tree.directory)


def _reason(trees: tuple[Hierarchy, ...], unified: str) -> str:
    found = {name for tree in trees for name in tree.controllers}
    text = f"version 1: {', '.join(name for name in USED if name in found)} are mounted and writable"
    if missing := [name for name in USED if name not in found]:
        text += f"; not mounted: {', '.join(missing)}"
    return f"{text}; version 2 at {unified} is not used" if unified else text
