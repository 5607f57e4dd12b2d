"""Snapshots by copying: the layers are written into the container's own directory, lowest first, as overlay would show them.

Everything is by descriptor and by single names in open directories, links never followed: what a layer calls a directory is
one in the result too, whatever a lower layer had there. Files are cloned where the file system can (FICLONE), so that on such a
one a copy costs no space either. Never changes a layer.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import stat
from collections.abc import Iterator, Sequence

from dockerkit.daemon.images.snapshots.values import Snapshot
from dockerkit.daemon.images.store import room_for
from dockerkit.daemon.images.tree import OPAQUE, is_whiteout
from dockerkit.daemon.kernel import trees

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC
_FICLONE = 0x40049409
_PIECE = 1 << 26
_MARKS = ("trusted.overlay.", "security.selinux")
"""Attributes that speak to overlay, or that a security module sets by itself."""


class Copying:
    """See :class:`~dockerkit.daemon.images.snapshots.Snapshotter`."""

    name = "copy"

    def prepare(self, layers: Sequence[str], directory: str) -> Snapshot:
        """See :class:`~dockerkit.daemon.images.snapshots.Snapshotter`."""
        upper = os.path.join(directory, "upper")
        try:
            with room_for("a snapshot"):
                os.mkdir(upper, 0o755)
                target = os.open(upper, _DIRECTORY)
                try:
                    for layer in reversed(layers):
                        _add(layer, target)
                finally:
                    os.close(target)
        except BaseException:
            self.remove(directory)
            raise
        return Snapshot((), upper, os.path.join(directory, "work"))

    def remove(self, directory: str) -> None:
        """See :class:`~dockerkit.daemon.images.snapshots.Snapshotter`."""
        trees.remove(os.path.join(directory, "upper"))


def _add(layer: str, target: int) -> None:
    source = os.open(layer, _DIRECTORY)
    try:
        _Layer(target).directory(source, target, "")
    finally:
        os.close(source)


class _Layer:
    """One layer on its way into the result.

    :param root: where the result is.
    """

    def __init__(self, root: int) -> None:
        self._root = root
        self._names: dict[tuple[int, int], str] = {}

    def directory(self, source: int, target: int, path: str) -> None:
        """Bring everything in a directory into another one, then its attributes, which what is made in it would change."""
        for name in os.listdir(source):
            status = os.stat(name, dir_fd=source, follow_symlinks=False)
            if stat.S_ISDIR(status.st_mode):
                self._subdirectory(source, target, name, f"{path}{name}/")
            else:
                _clear(target, name)
                if not is_whiteout(status):
                    self._entry(source, target, name, path, status)
        give_attributes(source, target, os.fstat(source))

    def _subdirectory(self, source: int, target: int, name: str, path: str) -> None:
        with _opened(name, source) as inside:
            before = _status(target, name)
            if before is not None and (not stat.S_ISDIR(before.st_mode) or _is_opaque(inside)):
                _clear(target, name)
                before = None
            if before is None:
                os.mkdir(name, 0o700, dir_fd=target)
            with _opened(name, target) as made:
                self.directory(inside, made, path)

    def _entry(self, source: int, target: int, name: str, path: str, status: os.stat_result) -> None:
        if status.st_nlink > 1:
            first = self._names.setdefault((status.st_dev, status.st_ino), path + name)
            if first != path + name:
                os.link(first, name, src_dir_fd=self._root, dst_dir_fd=target, follow_symlinks=False)
                return
        if stat.S_ISREG(status.st_mode):
            _file(source, target, name, status)
            return
        if stat.S_ISLNK(status.st_mode):
            os.symlink(os.readlink(name, dir_fd=source), name, dir_fd=target)
        else:
            os.mknod(name, stat.S_IFMT(status.st_mode) | 0o600, status.st_rdev, dir_fd=target)
        _named_attributes(source, target, name, status)


@contextlib.contextmanager
def _opened(name: str, directory: int, flags: int = _DIRECTORY, mode: int = 0) -> Iterator[int]:
    descriptor = os.open(name, flags, mode, dir_fd=directory)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _file(source: int, target: int, name: str, status: os.stat_result) -> None:
    with _opened(name, source, _READ) as reading, _opened(name, target, _NEW, 0o600) as writing:
        try:
            fcntl.ioctl(writing, _FICLONE, reading)
        except OSError as error:
            if error.errno not in (errno.EOPNOTSUPP, errno.ENOTTY, errno.EXDEV, errno.EINVAL):
                raise
            _copy(reading, writing, status.st_size)
        give_attributes(reading, writing, status)


def _copy(reading: int, writing: int, size: int) -> None:
    """Copy data where there is data; what is a hole stays one."""
    at = 0
    while at < size:
        try:
            at = os.lseek(reading, at, os.SEEK_DATA)
        except OSError as error:
            if error.errno != errno.ENXIO:  # nothing but a hole is left
                raise
            break
        end = os.lseek(reading, at, os.SEEK_HOLE)
        while at < end:
            copied = os.copy_file_range(reading, writing, min(end - at, _PIECE), at, at)
            if not copied:
                return
            at += copied
    os.ftruncate(writing, size)


def _clear(directory: int, name: str) -> None:
    """Remove what bears a name, if anything does."""
    status = _status(directory, name)
    if status is not None and stat.S_ISDIR(status.st_mode):
        trees.remove(name, dir_fd=directory)
    elif status is not None:
        os.unlink(name, dir_fd=directory)


def _status(directory: int, name: str) -> os.stat_result | None:
    try:
        return os.stat(name, dir_fd=directory, follow_symlinks=False)
    except FileNotFoundError:
        return None


def _is_opaque(directory: int) -> bool:
    with contextlib.suppress(OSError):  # ENODATA: it has no such attribute
        return os.getxattr(directory, OPAQUE) == b"y"
    return False


def give_attributes(source: int, target: int, status: os.stat_result) -> None:
    """Give a file or directory owner, mode, extended attributes and times of another: chown clears what comes after it."""
    os.fchown(target, status.st_uid, status.st_gid)
    os.fchmod(target, stat.S_IMODE(status.st_mode))
    for name in os.listxattr(source):
        if not name.startswith(_MARKS):
            os.setxattr(target, name, os.getxattr(source, name))
    os.utime(target, ns=(status.st_atime_ns, status.st_mtime_ns))


def _named_attributes(source: int, target: int, name: str, status: os.stat_result) -> None:
    """The same for what cannot be opened: a link, a device, a pipe."""
    os.chown(name, status.st_uid, status.st_gid, dir_fd=target, follow_symlinks=False)
    old, new = f"/proc/self/fd/{source}/{name}", f"/proc/self/fd/{target}/{name}"
    if not stat.S_ISLNK(status.st_mode):
        os.chmod(new, stat.S_IMODE(status.st_mode))  # made here a moment ago, in a directory that is ours
    for key in os.listxattr(old, follow_symlinks=False):
        if not key.startswith(_MARKS):
            os.setxattr(new, key, os.getxattr(old, key, follow_symlinks=False), follow_symlinks=False)
    os.utime(name, ns=(status.st_atime_ns, status.st_mtime_ns), dir_fd=target, follow_symlinks=False)
