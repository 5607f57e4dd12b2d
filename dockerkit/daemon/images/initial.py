"""The init layer: the mount points and files Docker makes on top of an image, once, beneath every container of it.

Whatever the image has at these places that is not a directory is hidden, as dockerd does (moby ``daemon/initlayer``): a link
at ``/etc/hosts`` would lead a later mount elsewhere. A directory keeps the attributes the image gives it, because overlay
shows those of the topmost. Never follows a link of the image, never mounts.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Sequence

from dockerkit.daemon.images.tree import OPAQUE, Parts, is_whiteout, split

VERSION = 1
"""Part of the directory's name: change it when the lists below change."""
_DIRECTORIES = ("dev", "dev/pts", "dev/shm", "etc", "proc", "sys")
_FILES = (".dockerenv", "dev/console", "etc/hostname", "etc/hosts", "etc/resolv.conf")
_LINKS = {"etc/mtab": "/proc/mounts"}


def init_name(top: str) -> str:
    """Return the directory's name among the layers, for the chain id of an image's topmost layer (empty: no layer)."""
    return f"{top or 'empty'}-init{VERSION}"


def fill(root: int, lower: Sequence[str]) -> dict[str, object]:
    """Make the init layer in the empty directory `root`, above the directories `lower`, topmost first."""
    for name in _DIRECTORIES:
        os.mkdir(name, 0o755, dir_fd=root)
    for name in _FILES:
        file = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600, dir_fd=root)
        os.fchmod(file, 0o755)
        os.close(file)
    for name, target in _LINKS.items():
        os.symlink(target, name, dir_fd=root)
    for name in ("", *_DIRECTORIES)[::-1]:  # deepest first: what is made in a directory changes its time
        made = os.open(name or ".", os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=root)
        try:
            os.fchmod(made, 0o755)
            _copy_attributes(merged(lower, split(name)), made)
        finally:
            os.close(made)
    return {"size": 0}


def merged(lower: Sequence[str], parts: Parts) -> list[str]:
    """Return the directories that overlay would merge at a name, topmost first; none when it is no directory there.

    Source: kernel documentation of overlayfs, "Merging directories" and "whiteouts and opaque directories".
    """
    current = list(lower)
    for part in parts:
        current = visible([os.path.join(directory, part) for directory in current])
    return current


def visible(candidates: Sequence[str]) -> list[str]:
    """Return those of a directory's paths, one a layer, topmost first, that overlay would merge."""
    found: list[str] = []
    for path in candidates:
        try:
            status = os.lstat(path)
        except FileNotFoundError:
            continue
        if is_whiteout(status) or not stat.S_ISDIR(status.st_mode):
            break
        found.append(path)
        if is_opaque(path):
            break
    return found


def is_opaque(path: str) -> bool:
    """Tell whether a directory hides what lower layers have of its name."""
    try:
        return os.getxattr(path, OPAQUE, follow_symlinks=False) == b"y"
    except OSError as error:
        if error.errno not in (errno.ENODATA, errno.ENOTSUP):
            raise
        return False


def _copy_attributes(directories: Sequence[str], target: int) -> None:
    """Give `target` owner, mode, attributes and time of the topmost directory, if there is one."""
    if not directories:
        return
    status = os.lstat(directories[0])
    os.fchown(target, status.st_uid, status.st_gid)
    os.fchmod(target, stat.S_IMODE(status.st_mode))
    for name in os.listxattr(directories[0], follow_symlinks=False):
        if not name.startswith("trusted.overlay."):
            with contextlib.suppress(OSError):  # a security module's own attribute, which it sets itself
                os.setxattr(target, name, os.getxattr(directories[0], name, follow_symlinks=False))
    os.utime(target, ns=(status.st_atime_ns, status.st_mtime_ns))
