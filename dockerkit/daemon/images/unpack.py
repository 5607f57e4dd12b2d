"""A layer's tar stream becomes files beneath one descriptor, ready to be a lower directory of overlay.

Source: OCI image specification, "Image Layer Filesystem Changeset"; kernel documentation of overlayfs for what whiteouts and
opaque directories look like on disk. What a hostile archive can do is hide, replace or damage files of its own layer, nothing
else: names and links are resolved by :mod:`.tree`, formats by :mod:`.archive`. Never runs anything, never follows a final link.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import tarfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from dockerkit.daemon.images.archive import Stream, content, is_file, members
from dockerkit.daemon.images.compression import decompress
from dockerkit.daemon.images.tree import Parts, Tree, is_whiteout, make_directory, set_opaque, split
from dockerkit.errors import Damaged

_WHITEOUT = ".wh."
_META = ".wh..wh."
_OPAQUE = ".wh..wh..opq"
_XATTR = "SCHILY.xattr."
_LAST_TIME = (1 << 33) - 1
"""Year 2242, the most an inode of 34 bits holds; later times are cut to it."""
_IMPOSSIBLE = (errno.E2BIG, errno.EFBIG, errno.EINVAL, errno.EMLINK, errno.ENAMETOOLONG, errno.EOVERFLOW, errno.ERANGE)
"""What the kernel answers to names, sizes, attributes and numbers that no file can have."""
_NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


@dataclass(frozen=True, slots=True)
class Unpacked:
    """What was unpacked: digest of the plain tar and bytes of its regular files."""

    diff_id: str
    size: int


def unpack(chunks: Iterable[bytes], root: int) -> Unpacked:
    """Unpack a layer, compressed or not, beneath the directory descriptor `root`, which is empty.

    :raises Damaged: the archive is malformed, cut short or hostile; `root` then holds a part of it, to be thrown away.
    :raises OSError: the file system refuses (no room, not permitted).
    """
    stream = Stream(decompress(chunks))
    unpacker = _Unpacker(root, stream)
    try:
        for member in members(stream):
            unpacker.apply(member)
        unpacker.finish()
    finally:
        unpacker.tree.close()
    return Unpacked(stream.finish(), unpacker.size)


def measure(chunks: Iterable[bytes]) -> int:
    """Return the bytes of a layer's regular files without unpacking it.

    :raises Damaged: the archive is malformed or cut short.
    """
    return sum(member.size for member in members(Stream(decompress(chunks))) if is_file(member))


class _Unpacker:
    """Applies one member after another; a later one replaces an earlier one of its name."""

    def __init__(self, root: int, stream: Stream) -> None:
        self.tree = Tree(root)
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

        :raises Damaged: its name, type or numbers are not ones a layer may hold.
        """
        parts = split(member.name)
        _check_name(parts)
        try:
            if not parts:
                self._root(member)
            elif parts[-1].startswith(_WHITEOUT):
                self._whiteout(parts)
            elif member.isdir():
                self._directory(parts, member)
            else:
                self._other(parts, member)
        except OSError as error:
            if error.errno in _IMPOSSIBLE:
                raise Damaged(f"archive is malformed: {member.name[:80]!r} cannot be made: {error.strerror}") from None
            raise

    def finish(self) -> None:
        """Set the directories' times, which every file made inside has changed; deepest first."""
        for parts, time in sorted(self._times.items(), reverse=True):
            if not parts:
                os.utime(self.tree.root, ns=(time, time))
                continue
            with contextlib.suppress(Damaged):  # a parent was replaced by a file later on: no directory, no time
                self._set_time(parts, time)

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
        self._attributes(self.tree.root, member)
        self._times[()] = _time(member)

    def _directory(self, parts: Parts, member: tarfile.TarInfo) -> None:
        parent, name = self.tree.directory(parts[:-1]), parts[-1]
        status = self.tree.status(parent, name)
        if status is not None and stat.S_ISDIR(status.st_mode):
            made = self.tree.find(parts)
        else:
            if status is not None and not is_whiteout(status):
                self.tree.clear(parent, name, status)
                status = None
            made = make_directory(parent, name, replaces=status)
        try:
            self._attributes(made, member)
        finally:
            os.close(made)
        self._times[parts] = _time(member)

    def _other(self, parts: Parts, member: tarfile.TarInfo) -> None:
        if member.islnk():
            self._hardlink(parts, member)
            return
        parent, name = self._vacant(parts)
        if is_file(member):
            self._file(parent, name, member)
        elif make := self._make.get(member.type):
            make(parent, name, member)
        else:
            raise Damaged(f"archive is malformed: {member.name!r} is of unknown type {member.type!r}")

    def _file(self, parent: int, name: str, member: tarfile.TarInfo) -> None:
        file = os.open(name, _NEW_FILE, 0o600, dir_fd=parent)
        try:
            for offset, piece in content(self._stream, member):
                _write(file, piece, offset)
            if member.issparse():
                os.ftruncate(file, member.size)
            self._attributes(file, member)
            os.utime(file, ns=(_time(member), _time(member)))
        finally:
            os.close(file)
        self.size += member.size

    def _symlink(self, parent: int, name: str, member: tarfile.TarInfo) -> None:
        os.symlink(member.linkname, name, dir_fd=parent)
        os.chown(name, *_owner(member), dir_fd=parent, follow_symlinks=False)
        self._xattrs(f"/proc/self/fd/{parent}/{name}", member)
        os.utime(name, ns=(_time(member), _time(member)), dir_fd=parent, follow_symlinks=False)

    def _node(self, parent: int, name: str, member: tarfile.TarInfo) -> None:
        kind = {tarfile.CHRTYPE: stat.S_IFCHR, tarfile.BLKTYPE: stat.S_IFBLK}.get(member.type, stat.S_IFIFO)
        device = 0 if kind == stat.S_IFIFO else _device(member)
        os.mknod(name, kind | 0o600, device, dir_fd=parent)
        os.chown(name, *_owner(member), dir_fd=parent, follow_symlinks=False)
        # just made, in a directory nobody else writes to: it is no link, and chmod(2) has no other form for a device
        os.chmod(f"/proc/self/fd/{parent}/{name}", _mode(member))
        self._xattrs(f"/proc/self/fd/{parent}/{name}", member)
        os.utime(name, ns=(_time(member), _time(member)), dir_fd=parent, follow_symlinks=False)

    def _hardlink(self, parts: Parts, member: tarfile.TarInfo) -> None:
        target = split(member.linkname)
        if target == parts:
            return  # a name linked to itself: nothing to do, and clearing it first would lose it
        if not target:
            raise Damaged(f"archive is hostile: {member.name!r} is a hard link to the root")
        directory = self.tree.find(target[:-1])
        try:
            status = self.tree.status(directory, target[-1])
            if status is None or stat.S_ISDIR(status.st_mode) or is_whiteout(status):
                raise Damaged(
                    f"archive is malformed: {member.name!r} is a hard link to {member.linkname!r}, no file of this layer"
                )
            parent, name = self._vacant(parts)
            try:
                os.link(target[-1], name, src_dir_fd=directory, dst_dir_fd=parent, follow_symlinks=False)
            except FileNotFoundError:  # making room for the name removed what it should have been linked to
                raise Damaged(f"archive is hostile: {member.name!r} is a hard link into itself") from None
        finally:
            os.close(directory)

    def _whiteout(self, parts: Parts) -> None:
        *above, mark = parts
        parent = self.tree.directory(tuple(above))
        if mark == _OPAQUE:
            set_opaque(parent)
            return
        if mark.startswith(_META):
            return  # aufs' own bookkeeping, ignored by everybody
        name = mark.removeprefix(_WHITEOUT)
        if name in ("", ".", ".."):
            raise Damaged(f"archive is hostile: whiteout {mark!r}")
        status = self.tree.status(parent, name)
        if status is None:
            os.mknod(name, stat.S_IFCHR, 0, dir_fd=parent)
        elif stat.S_ISDIR(status.st_mode):
            # the mark speaks of lower layers only: this layer's own directory stays and hides theirs
            hidden = self.tree.find((*above, name))
            set_opaque(hidden)
            os.close(hidden)

    # what they have in common

    def _vacant(self, parts: Parts) -> tuple[int, str]:
        """Return the parent's descriptor and the name, after removing what bore the name."""
        parent, name = self.tree.directory(parts[:-1]), parts[-1]
        status = self.tree.status(parent, name)
        if status is not None:
            self.tree.clear(parent, name, status)
        return parent, name

    def _attributes(self, file: int, member: tarfile.TarInfo) -> None:
        """Set owner, then mode (chown clears set-uid), then extended attributes (chown clears capabilities)."""
        os.fchown(file, *_owner(member))
        os.fchmod(file, _mode(member))
        self._xattrs(file, member)

    def _xattrs(self, target: int | str, member: tarfile.TarInfo) -> None:
        for key, value in member.pax_headers.items():
            name = key.removeprefix(_XATTR)
            # overlay's own attributes would redirect it to other files of the layers below
            if name == key or name.startswith(("trusted.overlay.", "user.overlay.")):
                continue
            _set_xattr(target, name, value.encode("utf-8", "surrogateescape"))


def _check_name(parts: Parts) -> None:
    for part in parts[:-1]:
        if part.startswith(_WHITEOUT):
            raise Damaged(f"archive is hostile: {'/'.join(parts)!r} lies beneath a whiteout")


def _write(file: int, piece: memoryview, offset: int) -> None:
    while piece:
        written = os.pwrite(file, piece, offset)
        piece, offset = piece[written:], offset + written


def _set_xattr(target: int | str, name: str, value: bytes) -> None:
    try:
        os.setxattr(target, name, value, follow_symlinks=isinstance(target, int))
    except OSError as error:
        # as dockerd: a file system without this kind of attribute, or a kind it refuses here (user.* on a link)
        if error.errno not in (errno.ENOTSUP, errno.EPERM) or name == "security.capability":
            raise


def _owner(member: tarfile.TarInfo) -> tuple[int, int]:
    if not (0 <= member.uid < 0xFFFFFFFF and 0 <= member.gid < 0xFFFFFFFF):
        raise Damaged(f"archive is malformed: {member.name!r} belongs to {member.uid}:{member.gid}")
    return member.uid, member.gid


def _mode(member: tarfile.TarInfo) -> int:
    return member.mode & 0o7777


def _device(member: tarfile.TarInfo) -> int:
    if not (0 <= member.devmajor < 1 << 12 and 0 <= member.devminor < 1 << 20):
        raise Damaged(f"archive is malformed: {member.name!r} is device {member.devmajor}:{member.devminor}")
    return os.makedev(member.devmajor, member.devminor)


def _time(member: tarfile.TarInfo) -> int:
    """Return the modification time in ns since 1970, within what a file system can hold."""
    seconds = member.mtime
    if not 0 <= seconds <= _LAST_TIME:  # negative, absurd or not a number
        return 0
    return int(seconds * 1_000_000_000) if isinstance(seconds, float) else seconds * 1_000_000_000
