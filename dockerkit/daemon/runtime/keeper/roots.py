"""A container's root and bind mounts, made by its keeper: detached, and handed to the child as descriptors.

The keeper lives in the daemon's mount namespace, so what it sees is what the user sees, mounts of a minute ago included;
the child's namespace may be older. Nothing made here is visible on the host: a detached mount is in no namespace until the
child attaches it.

Layers are given to the kernel as ``/proc/self/fd/N``: any path works, however long or full of colons, and the container's own
``mountinfo`` shows no directory of the host.
"""

from __future__ import annotations

import contextlib
import errno
import os
from typing import Any

from dockerkit.daemon.kernel import mounts
from dockerkit.daemon.runtime.child import options
from dockerkit.daemon.runtime.launch import Rootfs
from dockerkit.daemon.runtime.wire import close

_TOO_OLD = (errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP)
_OLD_MOUNTPOINT = "merged"
_HOSTS_OWN = mounts.NO_SUID | mounts.NO_DEV | mounts.NO_EXEC | mounts.READ_ONLY
"""What the file system of the data root may be mounted with, and a container's root is not."""


def make_root(layers: Rootfs, directory: str) -> int:
    """Return the descriptor of an overlay of `layers`, mounted nowhere; of the upper one by itself where there are no lower.

    :param directory: where older kernels need a mount point for a moment.
    :raises OSError: a layer is not there, or the kernel refused (its words are in the message).
    """
    if not layers.lower:
        return whole(layers.upper)
    opened: list[int] = []
    try:
        for path in (layers.upper, layers.work, *layers.lower):
            opened.append(os.open(path, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC))
        if layers.volatile:
            _allow_again(layers.work)
        return _overlay(layers, opened, directory)
    finally:
        close(opened)


def whole(path: str, *, attributes: int = 0) -> int:
    """Return the descriptor of a directory as a mount of its own, mounted nowhere, with these attributes and no others."""
    root = mounts.clone(path)
    try:
        mounts.set_attributes(root, attributes, _HOSTS_OWN & ~attributes, propagation=mounts.PRIVATE)
    except BaseException:
        os.close(root)
        raise
    return root


def _overlay(layers: Rootfs, opened: list[int], directory: str) -> int:
    upper, work, *lower = opened
    try:
        return new_overlay(layers, lower, upper, work)
    except OSError as error:
        if error.errno not in _TOO_OLD:
            raise
        first = error
    try:
        return old_overlay(layers, lower, upper, work, os.path.join(directory, _OLD_MOUNTPOINT))
    except OSError as second:
        words = f"{first.strerror}; the old way: {second.strerror}"
        raise OSError(first.errno, words, first.filename) from None


def _allow_again(work: str) -> None:
    """Let an upper directory be mounted a second time: the kernel marks it, as after a power cut it could not be trusted.

    Nor can it: but then the container, which is one that goes with its end, is removed by the daemon's recovery, not started.
    """
    mark = os.path.join(work, "work", "incompat", "volatile")
    with contextlib.suppress(FileNotFoundError):
        os.unlink(os.path.join(mark, "dirty"))
        os.rmdir(mark)


def new_overlay(layers: Rootfs, lower: list[int], upper: int, work: int) -> int:
    """Make the overlay as Linux 6.8 and later can: one option a layer."""
    choices: list[mounts.Option] = [("lowerdir+", _name(fd)) for fd in lower]
    choices += [("upperdir", _name(upper)), ("workdir", _name(work)), ("index", "off")]
    if layers.volatile:
        choices.append(("volatile", None))
    return mounts.new("overlay", choices)


def old_overlay(layers: Rootfs, lower: list[int], upper: int, work: int, mountpoint: str) -> int:
    """Make it with mount(2), whose options must fit one page (a layer takes 17 bytes of it), and take it off the host again."""
    names = ":".join(_name(fd) for fd in lower)
    data = f"lowerdir={names},upperdir={_name(upper)},workdir={_name(work)},index=off" + ",volatile" * layers.volatile
    os.makedirs(mountpoint, mode=0o700, exist_ok=True)
    mounts.mount("overlay", mountpoint, "overlay", 0, data)
    try:
        root = mounts.clone(mountpoint)
    finally:
        mounts.unmount(mountpoint, detach=True)
        os.rmdir(mountpoint)
    mounts.set_attributes(root, propagation=mounts.PRIVATE)
    return root


def make_binds(entries: list[dict[str, Any]]) -> dict[int, int]:
    """Return the bind mounts among OCI `entries`: position in the list → descriptor.

    :raises OSError: ``filename`` is the source that is not there.
    """
    made: dict[int, int] = {}
    try:
        for position, entry in enumerate(entries):
            wanted = options.parse(entry.get("options") or ())
            if wanted.bind or entry.get("type") == "bind":
                made[position] = _bind(entry.get("source") or "", wanted)
    except OSError:
        close(made.values())
        raise
    return made


def _bind(source: str, wanted: options.Options) -> int:
    mount = mounts.clone(source, recursive=wanted.recursive)
    mounts.set_attributes(mount, propagation=wanted.propagation or mounts.PRIVATE, recursive=True)
    if wanted.attributes.on or wanted.attributes.off:
        mounts.set_attributes(mount, wanted.attributes.on, wanted.attributes.off)
    if wanted.tree.on or wanted.tree.off:
        mounts.set_attributes(mount, wanted.tree.on, wanted.tree.off, recursive=True)
    return mount


def _name(fd: int) -> str:
    return f"/proc/self/fd/{fd}"
