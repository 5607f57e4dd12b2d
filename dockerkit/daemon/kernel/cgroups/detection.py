"""Which cgroup version is used on this host, found by looking; says why. Decides nothing else."""

from __future__ import annotations

import errno
import os

from dockerkit.daemon.kernel.cgroups import controllers2, limits2
from dockerkit.daemon.kernel.cgroups.contract import Cgroups
from dockerkit.daemon.kernel.cgroups.controllers2 import Offer
from dockerkit.daemon.kernel.cgroups.hierarchies import USED, Hierarchy, Mounted, read_mounts
from dockerkit.daemon.kernel.cgroups.version1 import Version1
from dockerkit.daemon.kernel.cgroups.version2 import Version2

DEFAULT_PARENT = "dockerkit"
SETTING = "DOCKERKIT_CGROUPS"
"""Environment variable: ``1`` or ``2`` to have that version whatever the host offers; anything that is set for the daemon."""

_LIMITING = ("memory", "pids", "cpu", "cpuset", "blkio")
"""Version 1's names for :data:`~dockerkit.daemon.kernel.cgroups.limits2.LIMITING`."""


def detect(parent: str = DEFAULT_PARENT, *, version: int | None = None, mountinfo: str = "/proc/self/mountinfo") -> Cgroups:
    """Choose how groups are made on this host for the data root whose groups live below `parent`; ``reason`` says why.

    Version 2 where its hierarchy has more of the controllers that limit a container than version 1's have, or where there is no
    other. Nothing is created: that is :meth:`Cgroups.prepare`.

    :param version: 1 or 2, which is not questioned then; None: as :data:`SETTING` says, or as it is found.
    :raises OSError: ENODEV when no hierarchy (of that version) is mounted, EACCES or EROFS when it cannot be written, EINVAL
        for a setting that is no version.
    """
    wanted, because = _wanted(version)
    mounted = read_mounts(mountinfo)
    usable = tuple(tree for tree in mounted.version1 if os.path.exists(os.path.join(tree.directory, "tasks")))
    offer = controllers2.look(mounted.version2) if mounted.version2 else Offer(frozenset(), "")
    if wanted == 2 or (wanted is None and _is_better(offer, usable, mounted)):
        return _version2(parent, mounted, offer, because, mountinfo)
    if not usable:
        raise OSError(errno.ENODEV, "no cgroup hierarchy is mounted", mountinfo)
    _check_writable(tuple(tree.directory for tree in usable))
    return Version1(parent, usable, _reason(usable, mounted.version2, offer, because))


def _wanted(version: int | None) -> tuple[int | None, str]:
    if version is not None:
        return version, "as was asked for"
    setting = os.environ.get(SETTING, "")
    if setting not in ("", "auto", "1", "2"):
        raise OSError(errno.EINVAL, f"{SETTING} is 1, 2 or auto, not {setting!r}", SETTING)
    return (int(setting), f"as {SETTING} says") if setting in ("1", "2") else (None, "")


def _is_better(offer: Offer, usable: tuple[Hierarchy, ...], mounted: Mounted) -> bool:
    found = {name for tree in usable for name in tree.controllers}
    ours, theirs = len(offer.controllers & set(limits2.LIMITING)), len(found & set(_LIMITING))
    return ours > theirs or bool(mounted.version2 and not usable)


def _version2(parent: str, mounted: Mounted, offer: Offer, because: str, mountinfo: str) -> Version2:
    directory = mounted.version2
    if not directory:
        raise OSError(errno.ENODEV, "no cgroup version 2 hierarchy is mounted", mountinfo)
    _check_writable((directory,))
    found = [name for name in limits2.LIMITING if name in offer.controllers]
    text = f"version 2{because and f', {because}'}: "
    text += f"{', '.join(found)} are in the unified hierarchy at {directory}" if found else f"{directory} has no controller"
    missing = [name for name in limits2.LIMITING if name not in offer.controllers]
    if found and missing:
        text += f"; not there: {', '.join(missing)}"
    if offer.obstacle:
        text += f"; {offer.obstacle}"
    return Version2(parent, directory, offer.controllers, text)


def _check_writable(directories: tuple[str, ...]) -> None:
    for directory in directories:
        if os.statvfs(directory).f_flag & os.ST_RDONLY:
            raise OSError(errno.EROFS, os.strerror(errno.EROFS), directory)
        if not os.access(directory, os.W_OK, effective_ids=True):
            raise OSError(errno.EACCES, os.strerror(errno.EACCES), directory)


def _reason(trees: tuple[Hierarchy, ...], unified: str, offer: Offer, because: str) -> str:
    found = {name for tree in trees for name in tree.controllers}
    text = (
        f"version 1{because and f', {because}'}: {', '.join(name for name in USED if name in found)} are mounted and writable"
    )
    if missing := [name for name in USED if name not in found]:
        text += f"; not mounted: {', '.join(missing)}"
    if not unified:
        return text
    offered = [name for name in limits2.LIMITING if name in offer.controllers]
    return f"{text}; version 2 at {unified} is not used: it has {', '.join(offered) or 'none of the controllers'}"
