"""The root: an overlay of the image's layers, put on the mount point in the child's own mount namespace.

Layers are given to the kernel as ``/proc/self/fd/N``: any path works, however long or full of colons, and the container's own
``mountinfo`` shows no directory of the host.
"""

from __future__ import annotations

import errno
import os

from dockerkit.daemon.kernel import mounts
from dockerkit.daemon.runtime.child.birth import Birth
from dockerkit.daemon.runtime.launch import Rootfs

_TOO_OLD = (errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP)


def mount_root(birth: Birth) -> None:
    """Mount the overlay and remember its root; the host's mounts are still visible around it."""
    layers = birth.launch.rootfs
    lower = [_open(path) for path in layers.lower]
    upper, work = _open(layers.upper), _open(layers.work)
    try:
        birth.root = _by_context(birth.mountpoint, layers, lower, upper, work)
    except OSError as error:
        if error.errno not in _TOO_OLD:
            raise
        birth.root = _by_path(birth.mountpoint, layers, lower, upper, work)
    finally:
        for fd in (*lower, upper, work):
            os.close(fd)


def _open(path: str) -> int:
    return os.open(path, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)


def _name(fd: int) -> str:
    return f"/proc/self/fd/{fd}"


def _by_context(mountpoint: str, layers: Rootfs, lower: list[int], upper: int, work: int) -> int:
    """Linux 6.8 and later: one option a layer."""
    options: list[mounts.Option] = [("lowerdir+", _name(fd)) for fd in lower]
    options += [("upperdir", _name(upper)), ("workdir", _name(work)), ("index", "off")]
    if layers.volatile:
        options.append(("volatile", None))
    root = mounts.new("overlay", options)
    target = _open(mountpoint)
    try:
        mounts.attach(root, target, about=mountpoint)
    finally:
        os.close(target)
    return root


def _by_path(mountpoint: str, layers: Rootfs, lower: list[int], upper: int, work: int) -> int:
    """Older kernels: mount(2), whose options must fit one page; a layer takes 17 bytes of it."""
    names = ":".join(_name(fd) for fd in lower)
    data = f"lowerdir={names},upperdir={_name(upper)},workdir={_name(work)},index=off" + ",volatile" * layers.volatile
    mounts.mount("overlay", mountpoint, "overlay", 0, data)
    return _open(mountpoint)


def make_read_only(birth: Birth) -> None:
    """Make the root read-only when the spec says so; mounts below it stay as they are."""
    if birth.spec["root"].get("readonly"):
        mounts.set_attributes(birth.root, mounts.READ_ONLY)


def enter_root(birth: Birth) -> None:
    """Make the overlay the root directory and let the host's tree go, then set the root's propagation."""
    mounts.change_root(birth.root)
    if birth.linux.get("rootfsPropagation") in ("shared", "rshared"):
        mounts.set_propagation("/", mounts.SHARED)
