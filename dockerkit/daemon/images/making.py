"""One member of a tar becomes one file beneath a tree: what unpacking a layer and copying into a container have in common.

Every act is by descriptor or by a single name in an open directory, links not followed, so that whoever changes the tree at
the same time is met by an error and leads nowhere. Names and links on the way are resolved by :mod:`.tree`. Never decides what
may be overwritten beyond "a later member replaces an earlier one", never runs anything.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import tarfile
from collections.abc import Callable

from dockerkit.daemon.images.archive import Stream, content, is_file
from dockerkit.daemon.images.tree import Parts, Tree, is_whiteout, make_directory, split
from dockerkit.errors import Damaged

_XATTR = "SCHILY.xattr."
_LAST_TIME = (1 << 33) - 1
"""Year 2242, the most an inode of 34 bits holds; later times are cut to it."""
_IMPOSSIBLE = (errno.E2BIG, errno.EFBIG, errno.EINVAL, errno.EMLINK, errno.ENAMETOOLONG, errno.EOVERFLOW, errno.ERANGE)
"""What the kernel answers to names, sizes, attributes and numbers that no file can have."""
_NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


class Maker:
    """Makes one member after another; a later one replaces an earlier one of its name.

    :param tree: where; stays the caller's.
    :param stream: where the content comes from.
    """

    def __init__(self, tree: Tree, stream: Stream) -> None:
        self.tree = tree
        self.size = 0
        self._stream = stream
        self._times: dict[Parts, int] = {}
        self._make: dict[bytes, Callable[[int, str, tarfile.TarInfo], None]] = {
            tarfile.SYMTYPE: self._symlink,
            tarfile.CHRTYPE: self._node,
            tarfile.BLKTYPE: self._node,
            tarfile.FIFOTYPE: self._node,
        }

    def apply(self, member: tarfile.TarInfo) -> None:
        """Make one member.

        :raises Damaged: its name, type or numbers are not ones it may have.
        """
        try:
            self._apply(split(member.name), member)
        except OSError as error:
            if error.errno in _IMPOSSIBLE:
                raise Damaged(f"archive is malformed: {member.name[:80]!r} cannot be made: {error.strerror}") from None
            raise

    def finish(self) -> None:
        """Set the directories' times, which every file made inside has changed; deepest first."""
        for parts, time in sorted(self._times.items(), reverse=True):
            with contextlib.suppress(Damaged):  # a parent was replaced by a file later on: no directory, no time
                self._set_time(parts, time)

    def _apply(self, parts: Parts, member: tarfile.TarInfo) -> None:
        if not parts:
            self._root(member)
        elif member.isdir():
            self._directory(parts, member)
        else:
            self._other(parts, member)

    def _set_time(self, parts: Parts, time: int) -> None:
        parent = self.tree.find(parts[:-1])
        try:
            status = self.tree.status(parent, parts[-1])
            if status is not None and stat.S_ISDIR(status.st_mode):
                os.utime(parts[-1], ns=(time, time), dir_fd=parent, follow_symlinks=False)
        finally:
            os.close(parent)

    # one method a kind of member

    def _root(self, member: tarfile.TarInfo) -> None:
        if not member.isdir():
            raise Damaged(f"archive is hostile: the root {member.name!r} is not a directory")

    def _directory(self, parts: Parts, member: tarfile.TarInfo) -> None:
        parent, name = self.tree.directory(parts[:-1]), parts[-1]
        status = self.tree.status(parent, name)
        if status is not None and stat.S_ISDIR(status.st_mode):
            made = os.open(name, _DIRECTORY, dir_fd=parent)
        else:
            if status is not None and not self.tree.is_mark(status):
                self.tree.clear(parent, name, status)
                status = None
            made = make_directory(parent, name, replaces=status)
        try:
            self._attributes(made, member)
        finally:
            os.close(made)
        self._times[parts] = time_of(member)

    def _other(self, parts: Parts, member: tarfile.TarInfo) -> None:
        if member.islnk():
            self._hardlink(parts, member)
            return
        if is_file(member):
            self._file(parts, member)
            return
        parent, name = self._vacant(parts)
        if make := self._make.get(member.type):
            make(parent, name, member)
        else:
            raise Damaged(f"archive is malformed: {member.name!r} is of unknown type {member.type!r}")

    def _file(self, parts: Parts, member: tarfile.TarInfo) -> None:
        try:
            file = os.open(parts[-1], _NEW_FILE, member.mode & 0o777, dir_fd=self.tree.directory(parts[:-1]))
        except FileExistsError:
            parent, name = self._vacant(parts)
            file = os.open(name, _NEW_FILE, member.mode & 0o777, dir_fd=parent)
        try:
            for offset, piece in content(self._stream, member):
                _write(file, piece, offset)
            if member.issparse():
                os.ftruncate(file, member.size)
            self._attributes(file, member)
            time = time_of(member)
            os.utime(file, ns=(time, time))
        finally:
            os.close(file)
        self.size += member.size

    def _symlink(self, parent: int, name: str, member: tarfile.TarInfo) -> None:
        if not member.linkname:
            raise Damaged(f"archive is malformed: {member.name!r} is a link to nothing")
        os.symlink(member.linkname, name, dir_fd=parent)
        os.chown(name, *self._owner(member), dir_fd=parent, follow_symlinks=False)
        self._xattrs(f"/proc/self/fd/{parent}/{name}", member)
        os.utime(name, ns=(time_of(member), time_of(member)), dir_fd=parent, follow_symlinks=False)

    def _node(self, parent: int, name: str, member: tarfile.TarInfo) -> None:
        kind = {tarfile.CHRTYPE: stat.S_IFCHR, tarfile.BLKTYPE: stat.S_IFBLK}.get(member.type, stat.S_IFIFO)
        device = 0 if kind == stat.S_IFIFO else _device(member)
        os.mknod(name, kind | 0o600, device, dir_fd=parent)
        os.chown(name, *self._owner(member), dir_fd=parent, follow_symlinks=False)
        self._node_attributes(parent, name, kind, member)
        os.utime(name, ns=(time_of(member), time_of(member)), dir_fd=parent, follow_symlinks=False)

    def _node_attributes(self, parent: int, name: str, kind: int, member: tarfile.TarInfo) -> None:
        # chmod(2) has no form for a device that does not follow links: what was just made may be a link by now, when a
        # container runs in this tree, so it is opened first, looked at, and changed through the descriptor
        made = os.open(name, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=parent)
        try:
            if stat.S_IFMT(os.fstat(made).st_mode) != kind:
                raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), name)
            os.chmod(f"/proc/self/fd/{made}", _mode(member))
            self._xattrs(f"/proc/self/fd/{made}", member, follow=True)
        finally:
            os.close(made)

    def _hardlink(self, parts: Parts, member: tarfile.TarInfo) -> None:
        target = split(member.linkname)
        if target == parts:
            return  # a name linked to itself: nothing to do, and clearing it first would lose it
        if not target:
            raise Damaged(f"archive is hostile: {member.name!r} is a hard link to the root")
        nowhere = Damaged(f"archive is malformed: {member.name!r} is a hard link to {member.linkname!r}, no file of this layer")
        try:
            directory = self.tree.find(target[:-1])
        except Damaged:
            raise nowhere from None
        try:
            status = self.tree.status(directory, target[-1])
            if status is None or stat.S_ISDIR(status.st_mode) or is_whiteout(status):
                raise nowhere
            parent, name = self._vacant(parts)
            try:
                os.link(target[-1], name, src_dir_fd=directory, dst_dir_fd=parent, follow_symlinks=False)
            except FileNotFoundError:  # making room for the name removed what it should have been linked to
                raise Damaged(f"archive is hostile: {member.name!r} is a hard link into itself") from None
        finally:
            os.close(directory)

    # what they have in common

    def _vacant(self, parts: Parts) -> tuple[int, str]:
        """Return the parent's descriptor and the name, after removing what bore the name."""
        parent, name = self.tree.directory(parts[:-1]), parts[-1]
        status = self.tree.status(parent, name)
        if status is not None:
            self.tree.clear(parent, name, status)
        return parent, name

    def _attributes(self, file: int, member: tarfile.TarInfo) -> None:
        """Set owner, then mode (chown clears set-uid), then extended attributes (chown clears capabilities).

        What is so already is only looked at: each change would cost the file system more than the look.
        """
        status, owner = os.fstat(file), self._owner(member)
        if (status.st_uid, status.st_gid) != owner:
            os.fchown(file, *owner)
            os.fchmod(file, _mode(member))
        elif stat.S_IMODE(status.st_mode) != _mode(member):
            os.fchmod(file, _mode(member))
        if member.pax_headers:
            self._xattrs(file, member)

    def _xattrs(self, target: int | str, member: tarfile.TarInfo, *, follow: bool = False) -> None:
        for key, value in member.pax_headers.items():
            name = key.removeprefix(_XATTR)
            # overlay's own attributes would redirect it to other files of the layers below
            if name == key or name.startswith(("trusted.overlay.", "user.overlay.")):
                continue
            _set_xattr(target, name, value.encode("utf-8", "surrogateescape"), follow=follow or isinstance(target, int))

    def _owner(self, member: tarfile.TarInfo) -> tuple[int, int]:
        if not (0 <= member.uid < 0xFFFFFFFF and 0 <= member.gid < 0xFFFFFFFF):
            raise Damaged(f"archive is malformed: {member.name!r} belongs to {member.uid}:{member.gid}")
        return member.uid, member.gid


def _write(file: int, piece: memoryview, offset: int) -> None:
    while piece:
        written = os.pwrite(file, piece, offset)
        piece, offset = piece[written:], offset + written


def _set_xattr(target: int | str, name: str, value: bytes, *, follow: bool) -> None:
    try:
        os.setxattr(target, name, value, follow_symlinks=follow)
    except OSError as error:
        # as dockerd: a file system without this kind of attribute, or a kind it refuses here (user.* on a link)
        if error.errno not in (errno.ENOTSUP, errno.EPERM) or name == "security.capability":
            raise


def _mode(member: tarfile.TarInfo) -> int:
    return member.mode & 0o7777


def _device(member: tarfile.TarInfo) -> int:
    if not (0 <= member.devmajor < 1 << 12 and 0 <= member.devminor < 1 << 20):
        raise Damaged(f"archive is malformed: {member.name!r} is device {member.devmajor}:{member.devminor}")
    return os.makedev(member.devmajor, member.devminor)


def time_of(member: tarfile.TarInfo) -> int:
    """Return the modification time in ns since 1970, within what a file system can hold."""
    seconds = member.mtime
    if not 0 <= seconds <= _LAST_TIME:  # negative, absurd or not a number
        return 0
    return int(seconds * 1_000_000_000) if isinstance(seconds, float) else seconds * 1_000_000_000
