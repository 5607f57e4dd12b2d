"""Copying a tree into an empty directory: by reference where the file system shares blocks, else by the kernel, else by us.

Both trees are walked by descriptor; nothing that is written is ever looked up through a link, so that a container which has the
target already can spoil its own copy and nothing else. Owners, modes, times, extended attributes, holes and hard links are
kept. Never overwrites.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from dockerkit.daemon.kernel import beneath
from dockerkit.errors import Failed

FICLONE = 0x40049409
"""ioctl_ficlone(2)."""
_DEEPEST = 500
_ENTRY = os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC
_UNSHARED = (errno.EOPNOTSUPP, errno.EXDEV, errno.EINVAL, errno.ENOTTY, errno.EPERM, errno.ETXTBSY)
_NO_RANGE = (errno.EXDEV, errno.EINVAL, errno.EOPNOTSUPP, errno.ENOSYS, errno.EPERM)
_CHUNK = 1 << 20


def shares_blocks(directory: int) -> bool:
    """Tell whether the file system of an open directory can copy by reference, by trying."""
    try:
        first, second = (os.open(".", os.O_TMPFILE | os.O_RDWR | os.O_CLOEXEC, 0o600, dir_fd=directory) for _ in range(2))
    except OSError:
        return False
    try:
        os.write(first, b"x" * 4096)
        fcntl.ioctl(second, FICLONE, first)
    except OSError:
        return False
    finally:
        os.close(first)
        os.close(second)
    return True


def is_empty(directory: int) -> bool:
    """Tell whether an open directory (``O_PATH`` will do) has no entry."""
    reading = os.open(".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=directory)
    try:
        with os.scandir(reading) as entries:
            return next(entries, None) is None
    finally:
        os.close(reading)


@dataclass(slots=True)
class Copy:
    """One copying.

    :param root: the target's descriptor.
    :ivar by_reference: as long as it is true sharing is tried first.
    """

    root: int
    by_reference: bool = True
    seen: dict[tuple[int, int], str] = field(default_factory=dict)


class Place(NamedTuple):
    """Two directories that correspond: what is read, what is written, how they are called, and the names still to come."""

    source: int
    target: int
    shown: str
    names: Iterator[str]


def copy_tree(source: int, target: int) -> None:
    """Copy what is in the directory `source`, and its attributes, into the empty directory `target`; both stay the caller's.

    :raises OSError: the file system refuses; what was copied stays.
    :raises Failed: too many directories in one another.
    """
    top = _place(source, target, ".", "")
    copy, levels = Copy(top.target), [top]
    try:
        while levels:
            place = levels[-1]
            name = next(place.names, None)
            if name is None:
                copy_attributes(place.source, place.target)
                _close(levels.pop())
            elif (inner := _entry(copy, place, name)) is not None:
                levels.append(inner)
                if len(levels) > _DEEPEST:
                    raise Failed(f"{inner.shown[:200]!r}: more than {_DEEPEST} directories in one another cannot be copied")
    finally:
        for place in levels:
            _close(place)


def _place(source: int, target: int, name: str, shown: str) -> Place:
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
    reading = os.open(name, flags, dir_fd=source)
    try:
        return Place(reading, os.open(name, flags, dir_fd=target), shown, iter(os.listdir(reading)))
    except BaseException:
        os.close(reading)
        raise


def _close(place: Place) -> None:
    os.close(place.source)
    os.close(place.target)


def _entry(copy: Copy, place: Place, name: str) -> Place | None:
    """Copy one entry; return the place of a directory, which is to be gone through."""
    entry = os.open(name, _ENTRY, dir_fd=place.source)
    try:
        status = os.fstat(entry)
        if stat.S_ISDIR(status.st_mode):
            os.mkdir(name, 0o700, dir_fd=place.target)
            return _place(place.source, place.target, name, f"{place.shown}{name}/")
        if status.st_nlink > 1 and _linked(copy, status, place, name):
            return None
        if stat.S_ISREG(status.st_mode):
            _file(copy, entry, place.target, name)
        else:
            _special(entry, place.target, name, status)
        return None
    finally:
        os.close(entry)


def _special(entry: int, target: int, name: str, status: os.stat_result) -> None:
    """Make a link, pipe, socket or device as the other is."""
    link = stat.S_ISLNK(status.st_mode)
    if link:
        os.symlink(os.readlink("", dir_fd=entry), name, dir_fd=target)
    else:
        os.mknod(name, status.st_mode, status.st_rdev, dir_fd=target)
    os.chown(name, status.st_uid, status.st_gid, dir_fd=target, follow_symlinks=False)
    if not link:
        _set_mode(target, name, status.st_mode)
    os.utime(name, ns=(status.st_atime_ns, status.st_mtime_ns), dir_fd=target, follow_symlinks=False)


def _set_mode(target: int, name: str, mode: int) -> None:
    # chmod(2) follows links, and what was just made may be one by now, when a container has the target: opened, looked at first
    made = os.open(name, _ENTRY, dir_fd=target)
    try:
        if stat.S_IFMT(os.fstat(made).st_mode) != stat.S_IFMT(mode):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), name)
        os.chmod(f"/proc/self/fd/{made}", stat.S_IMODE(mode))
    finally:
        os.close(made)


def _linked(copy: Copy, status: os.stat_result, place: Place, name: str) -> bool:
    """Make another name of a file that was copied already; else remember this one."""
    shown = f"{place.shown}{name}"
    first = copy.seen.setdefault((status.st_dev, status.st_ino), shown)
    if first == shown:
        return False
    made = beneath.open_in(copy.root, first, os.O_PATH | os.O_NOFOLLOW, resolve=beneath.NO_SYMLINKS)
    try:
        os.link(f"/proc/self/fd/{made}", name, dst_dir_fd=place.target, follow_symlinks=True)
    finally:
        os.close(made)
    return True


def _file(copy: Copy, entry: int, target: int, name: str) -> None:
    reading = os.open(f"/proc/self/fd/{entry}", os.O_RDONLY | os.O_CLOEXEC)
    try:
        writing = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600, dir_fd=target)
        try:
            if not (copy.by_reference and _shared(copy, reading, writing)):
                _content(reading, writing)
            copy_attributes(reading, writing)
        finally:
            os.close(writing)
    finally:
        os.close(reading)


def _shared(copy: Copy, reading: int, writing: int) -> bool:
    try:
        fcntl.ioctl(writing, FICLONE, reading)
    except OSError as error:
        if error.errno not in _UNSHARED:
            raise
        copy.by_reference = False
    return copy.by_reference


def _content(reading: int, writing: int) -> None:
    """Copy what is written, and leave holes where there are any."""
    size, at = os.fstat(reading).st_size, 0
    while at < size:
        try:
            start = os.lseek(reading, at, os.SEEK_DATA)
            end = os.lseek(reading, start, os.SEEK_HOLE)
        except OSError as error:
            if error.errno != errno.ENXIO:
                raise
            break  # only a hole is left
        _range(reading, writing, start, end)
        at = end
    os.ftruncate(writing, size)


def _range(reading: int, writing: int, at: int, end: int) -> None:
    while at < end:
        try:
            done = os.copy_file_range(reading, writing, end - at, at, at)
        except OSError as error:
            if error.errno not in _NO_RANGE:
                raise
            done = os.pwrite(writing, os.pread(reading, min(end - at, _CHUNK), at), at)
        if not done:
            return  # it shrank meanwhile
        at += done


def copy_attributes(source: int, target: int) -> None:
    """Give an open file or directory another's owner, extended attributes, mode and times."""
    status = os.fstat(source)
    os.fchown(target, status.st_uid, status.st_gid)
    with contextlib.suppress(OSError):  # a file system without them
        for name in os.listxattr(source):
            if not name.startswith("trusted.overlay."):
                with contextlib.suppress(OSError):  # one that the other file system, or our rights, do not admit
                    os.setxattr(target, name, os.getxattr(source, name))
    os.fchmod(target, stat.S_IMODE(status.st_mode))  # after the owner: chown takes set-user-id away
    os.utime(target, ns=(status.st_atime_ns, status.st_mtime_ns))
