"""Mounting a volume on its own directory, and unmounting it: file systems that ``local`` was told, and overlays of clones.

The place is held by descriptor while something is mounted on it. What is mounted is read from the kernel, so that a daemon that
was killed in between leaves nothing unknown.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence

from dockerkit.daemon.kernel import mounts
from dockerkit.daemon.volumes.directories import Directories
from dockerkit.daemon.volumes.options import MS_BIND, MS_REMOUNT, FileSystem, resolved
from dockerkit.errors import Failed

_MOUNTINFO = "/proc/thread-self/mountinfo"
_DIRECTORY = os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def mount_file_system(directories: Directories, name: str, wanted: FileSystem) -> None:
    """Mount a file system on a volume's directory.

    :raises Failed: the kernel refused, or the server's name is unknown; in dockerd's words.
    """
    place = directories.mountpoint(name)
    said = f"error while mounting volume '{place}': "
    target = directories.open(name)
    try:
        _mount(resolved(wanted), f"/proc/self/fd/{target}", wanted.shown(place))
    except Failed as failure:
        raise Failed(said + failure.message) from None
    finally:
        os.close(target)


def _mount(wanted: FileSystem, target: str, shown: str) -> None:
    attributes = wanted.flags & ~MS_BIND
    flags = wanted.flags & (MS_BIND | 0x4000) if wanted.bind else wanted.flags
    try:
        mounts.mount(wanted.device, target, "" if wanted.bind else wanted.kind, flags, wanted.data)
    except OSError as error:
        raise Failed(f"failed to mount local volume: {shown}: {os.strerror(error.errno or 0).lower()}") from None
    if wanted.bind and attributes & ~0x4000:  # the kernel takes no attributes with a bind; the target is now beneath the mount
        place = os.readlink(target)
        mounts.mount("", place, "", attributes & ~0x4000 | MS_BIND | MS_REMOUNT)
    if wanted.propagation:
        mounts.set_propagation(os.readlink(target), wanted.propagation, recursive=False)


def mount_layers(directories: Directories, name: str, layers: Sequence[int]) -> None:
    """Mount a clone on its directory: its own changes on top of `layers` (descriptors, the topmost first).

    :raises OSError: the kernel refused.
    """
    opened = [directories.open(name, inside) for inside in ("upper", "work", "_data")]
    upper, work, target = opened
    try:
        made = overlay(
            [f"/proc/self/fd/{layer}" for layer in layers], f"/proc/self/fd/{upper}", f"/proc/self/fd/{work}", target
        )
        if made >= 0:
            mounts.attach(made, target, about=directories.mountpoint(name))
            os.close(made)
    finally:
        for descriptor in opened:
            os.close(descriptor)


def overlay(lower: Sequence[str], upper: str, work: str, target: int = -1) -> int:
    """Make an overlay, detached; before Linux 6.8 it is mounted on `target` at once, and -1 is returned."""
    own: list[mounts.Option] = [("upperdir", upper), ("workdir", work), ("index", "off")]
    try:
        return mounts.new("overlay", [*(("lowerdir+", path) for path in lower), *own])
    except OSError:
        if target < 0:
            raise
    data = f"lowerdir={':'.join(lower)},upperdir={upper},workdir={work},index=off"
    mounts.mount("overlay", f"/proc/self/fd/{target}", "overlay", 0, data)
    return -1


def unmount(path: str) -> None:
    """Take what is mounted on a path off the host; containers that have it keep it. Harmless when nothing is mounted."""
    while path in mounted_beneath(path):
        mounts.unmount(path, detach=True)


def mounted_beneath(path: str) -> list[str]:
    """Return the mountpoints at and beneath a path, the innermost last (proc_pid_mountinfo(5))."""
    return [point for point in _mountpoints() if point == path or point.startswith(f"{path}/")]


def _mountpoints() -> Iterator[str]:
    with open(_MOUNTINFO, encoding="utf-8", errors="surrogateescape") as file:
        for line in file:
            yield _unescaped(line.split(" ", 5)[4])


def _unescaped(text: str) -> str:
    if "\\" not in text:
        return text
    for code, letter in (("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")):
        text = text.replace(code, letter)
    return text


def same_file_system(first: int, second: int) -> bool:
    """Tell whether two open files are on one file system."""
    return os.fstat(first).st_dev == os.fstat(second).st_dev


def is_directory(path: str) -> bool:
    """Tell whether a path is a directory, no link followed."""
    try:
        return stat.S_ISDIR(os.lstat(path).st_mode)
    except FileNotFoundError:
        return False
