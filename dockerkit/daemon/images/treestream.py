"""A directory tree as a tar stream: what ``docker cp``, ``docker export`` and ``docker commit`` send.

Everything is opened by name in a directory that is open already, links not followed, so a tree that changes meanwhile (a
container runs in it) can spoil its own copy and nothing else; nothing but a regular file is ever opened for reading. Format as
dockerd's: PAX, whole seconds, numeric owners, hard links by their first name, sockets left out. Holds no file's content beyond
one chunk, never resolves a path, never writes.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass, field

from dockerkit.daemon.images import tarheaders
from dockerkit.daemon.images.tarheaders import Head
from dockerkit.daemon.images.tree import OPAQUE, is_whiteout
from dockerkit.errors import Conflict, Failed

CHUNK = 1 << 20
"""Bytes of a file that are in memory at a time."""
_GATHERED = 1 << 16
"""Headers and small files are put together to pieces of this size."""
_DEEPEST = 500
"""Directories in directories that are followed: each level is an open descriptor."""
_BLOCK = tarfile.BLOCKSIZE
_END = bytes(2 * _BLOCK)
_FILE = os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC
_TYPES = {
    stat.S_IFREG: tarfile.REGTYPE,
    stat.S_IFDIR: tarfile.DIRTYPE,
    stat.S_IFLNK: tarfile.SYMTYPE,
    stat.S_IFCHR: tarfile.CHRTYPE,
    stat.S_IFBLK: tarfile.BLKTYPE,
    stat.S_IFIFO: tarfile.FIFOTYPE,
}


@dataclass(frozen=True, slots=True)
class Manner:
    """How a tree is shown.

    :param layer: overlay's marks for "deleted" and "opaque" become the OCI's (``.wh.name``, ``.wh..wh..opq``).
    :param hidden: devices (``st_dev``) whose files are left out; a directory that is such a mount is shown empty.
    """

    layer: bool = False
    hidden: frozenset[int] = field(default_factory=frozenset)


def stream_entry(parent: int, name: str, shown: str, manner: Manner) -> Iterator[bytes]:
    """Yield a tar of the entry `name` of an open directory, and of everything beneath it.

    :param shown: its name in the archive.
    :raises Conflict: a file shrank while it was read, so that the archive cannot be finished.
    """
    return _Stream(manner).run(parent, [(name, shown)])


def stream_contents(directory: int, manner: Manner) -> Iterator[bytes]:
    """Yield a tar of everything in an open directory, without the directory itself; see :func:`stream_entry`."""
    return _Stream(manner).run(directory, [(name, name) for name in _names(directory)])


@dataclass(slots=True)
class _Level:
    """A directory being read: its descriptor (ours to close), and what is still to come."""

    directory: int
    entries: Iterator[tuple[str, str]]
    hidden: bool = False


class _Stream:
    """One archive on its way out."""

    def __init__(self, manner: Manner) -> None:
        self._manner = manner
        self._seen: dict[tuple[int, int], str] = {}
        self._gathered: list[bytes] = []
        self._size = 0

    def run(self, directory: int, entries: list[tuple[str, str]]) -> Iterator[bytes]:
        """Yield the archive's bytes."""
        levels = [_Level(os.open(".", os.O_PATH | os.O_CLOEXEC, dir_fd=directory), iter(entries))]
        try:
            while levels:
                entry = next(levels[-1].entries, None)
                if entry is None:
                    os.close(levels.pop().directory)
                    continue
                yield from self._entry(levels, *entry)
                if len(levels) > _DEEPEST:
                    raise Failed(f"{entry[1][:200]!r}: more than {_DEEPEST} directories in one another cannot be archived")
            self._gather(_END)
            yield self._taken()
        finally:
            for level in levels:
                os.close(level.directory)

    def _entry(self, levels: list[_Level], name: str, shown: str) -> Iterator[bytes]:
        try:
            file = os.open(name, _FILE, dir_fd=levels[-1].directory)
        except FileNotFoundError:
            return  # removed since its directory was read
        try:
            status = os.fstat(file)
            hidden = status.st_dev in self._manner.hidden
            if stat.S_ISDIR(status.st_mode):
                if not (hidden and levels[-1].hidden):
                    self._directory(file, shown, status)
                    levels.append(self._level(file, shown, hidden=hidden))
            elif not hidden:
                yield from self._other(file, name, shown, status)
            if self._size >= _GATHERED:
                yield self._taken()
        finally:
            os.close(file)

    def _level(self, file: int, shown: str, *, hidden: bool) -> _Level:
        names = [] if hidden else _names(file)
        prefix = shown if shown.endswith("/") else f"{shown}/"
        return _Level(os.dup(file), iter([(name, prefix + name) for name in names]), hidden=hidden)

    def _directory(self, file: int, shown: str, status: os.stat_result) -> None:
        self._header(file, shown, status, tarfile.DIRTYPE)
        if self._manner.layer and _is_opaque(file):
            self._mark(f"{shown}/.wh..wh..opq", status)

    def _other(self, file: int, name: str, shown: str, status: os.stat_result) -> Iterator[bytes]:
        kind = _TYPES.get(stat.S_IFMT(status.st_mode))
        if self._manner.layer and is_whiteout(status):
            self._mark(f"{shown[: len(shown) - len(name)]}.wh.{name}", status)
        elif kind is None:
            return  # a socket: tar has no word for it
        elif (first := self._first_name(status, shown)) is not None:
            self._header(file, shown, status, tarfile.LNKTYPE, link=first)
        elif kind == tarfile.REGTYPE:
            yield from self._file(file, shown, status)
        else:
            link = os.readlink("", dir_fd=file) if kind == tarfile.SYMTYPE else ""
            self._header(file, shown, status, kind, link=link)

    def _first_name(self, status: os.stat_result, shown: str) -> str | None:
        """Return the name under which a file with several names was sent already, else remember this one."""
        if status.st_nlink < 2:
            return None
        first = self._seen.setdefault((status.st_dev, status.st_ino), shown)
        return first if first != shown else None

    def _file(self, file: int, shown: str, status: os.stat_result) -> Iterator[bytes]:
        # known to be a regular file: opening a device or a pipe would act on it, or wait
        reading = os.open(f"/proc/self/fd/{file}", os.O_RDONLY | os.O_CLOEXEC)
        try:
            self._header(reading, shown, status, tarfile.REGTYPE)
            left = status.st_size
            while left:
                piece = os.read(reading, left if left < CHUNK else CHUNK)
                if not piece:
                    raise Conflict(f"{shown} shrank while it was read", hint="try again, or pause the container first")
                left -= len(piece)
                self._gather(piece)
                if self._size >= _GATHERED:
                    yield from self._drained()
            if status.st_size % _BLOCK:
                self._gather(bytes(-status.st_size % _BLOCK))
        finally:
            os.close(reading)

    def _header(self, file: int, shown: str, status: os.stat_result, kind: bytes, *, link: str = "") -> None:
        device = kind in (tarfile.CHRTYPE, tarfile.BLKTYPE)
        self._gather(
            tarheaders.write(
                Head(
                    name=shown,
                    kind=kind,
                    mode=status.st_mode,
                    owner=(status.st_uid, status.st_gid),
                    size=status.st_size if kind == tarfile.REGTYPE else 0,
                    mtime=status.st_mtime_ns // 1_000_000_000,
                    link=link,
                    device=(os.major(status.st_rdev), os.minor(status.st_rdev)) if device else (0, 0),
                    records=self._attributes(file, kind),
                )
            )
        )

    def _attributes(self, file: int, kind: bytes) -> dict[str, str] | None:
        if kind == tarfile.REGTYPE:
            return _attributes(file)
        return _attributes(f"/proc/self/fd/{file}") if kind == tarfile.DIRTYPE else None  # it is open as a path only

    def _mark(self, shown: str, status: os.stat_result) -> None:
        self._gather(tarheaders.write(Head(shown, tarfile.REGTYPE, 0o600, mtime=status.st_mtime_ns // 1_000_000_000)))

    def _gather(self, piece: bytes) -> None:
        self._gathered.append(piece)
        self._size += len(piece)

    def _drained(self) -> Iterator[bytes]:
        """Yield what was gathered without putting a large piece together with others: that would copy it."""
        pieces, self._gathered, self._size = self._gathered, [], 0
        if len(pieces) > 1 and len(pieces[-1]) >= _GATHERED:
            yield b"".join(pieces[:-1])
            pieces = pieces[-1:]
        yield pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def _taken(self) -> bytes:
        pieces, self._gathered, self._size = self._gathered, [], 0
        return b"".join(pieces)


def _names(directory: int) -> list[str]:
    """Return the names in a directory, in order; none when it was removed meanwhile."""
    with contextlib.suppress(FileNotFoundError):
        reading = os.open(".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=directory)
        try:
            return sorted(os.listdir(reading), key=os.fsencode)
        finally:
            os.close(reading)
    return []


def _is_opaque(directory: int) -> bool:
    with contextlib.suppress(OSError):  # ENODATA: it has no such attribute
        return os.getxattr(f"/proc/self/fd/{directory}", OPAQUE) == b"y"
    return False


def _attributes(file: int | str) -> dict[str, str]:
    """Return the extended attributes that are the file's own, as PAX records: the user's, and capabilities."""
    found = {}
    try:
        for name in os.listxattr(file):
            if name == "security.capability" or (name.startswith("user.") and not name.startswith("user.overlay.")):
                found[f"SCHILY.xattr.{name}"] = os.getxattr(file, name).decode("utf-8", "surrogateescape")
    except OSError as error:  # a file system without them, or one taken away in between
        if error.errno not in (errno.ENOTSUP, errno.ENODATA, errno.EPERM, errno.EACCES):
            raise
    return found
