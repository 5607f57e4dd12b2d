"""Archives as Docker's archive routes carry them: made from bytes or a tree of the host, read as they arrive.

Streams in both directions, 1 MiB at a time. Everything that goes in belongs to root inside and keeps its permissions; nothing
that comes out can leave the folder it is extracted to. Knows files, not engines.
"""

from __future__ import annotations

import io
import os
import stat
import tarfile
import time
from collections.abc import Iterable, Iterator
from typing import Any, BinaryIO

from dockerkit.errors import Damaged, Invalid, Unsupported

PIECE = 1024 * 1024
_BLOCK = 512
_END = bytes(2 * _BLOCK)


def of_bytes(folders: Iterable[str], name: str, content: bytes, mode: int) -> tuple[int, Iterator[bytes]]:
    """Return size and pieces of an archive of one file, with the folders that have to be made for it."""
    head = b"".join(map(_folder, folders)) + _header(name, tarfile.REGTYPE, mode, len(content))
    padding = bytes(-len(content) % _BLOCK)

    def pieces() -> Iterator[bytes]:
        yield head
        for at in range(0, len(content), PIECE):
            yield content[at : at + PIECE]
        yield padding + _END

    return len(head) + len(content) + len(padding) + len(_END), pieces()


def of_tree(folders: Iterable[str], name: str, source: str) -> Iterator[bytes]:
    """Yield an archive of a file or a tree of the host, called `name` inside; "" is its content alone.

    :raises Damaged: a file became shorter while it was read.
    """
    yield from map(_folder, folders)
    nowhere: Any = _Nowhere()
    with tarfile.TarFile(fileobj=nowhere, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for path, inside in _walk(source, name):
            info = tar.gettarinfo(path, inside or ".")
            if info is None:
                continue  # a socket: archives have none
            info.uid = info.gid = 0
            info.uname = info.gname = ""
            yield info.tobuf(tarfile.PAX_FORMAT, "utf-8", "surrogateescape")
            if info.isreg() and info.size:
                yield from _content(path, info.size)
    yield _END


def files_of(pieces: Iterable[bytes]) -> tarfile.TarFile:
    """Open an archive that arrives in pieces; its members are read in order."""
    reader: Any = _Reader(pieces)
    opened: tarfile.TarFile = tarfile.open(fileobj=reader, mode="r|", bufsize=PIECE)  # noqa: SIM115 (the caller's)
    return opened


def first_content(pieces: Iterable[bytes]) -> bytes:
    """Return the content of an archive's first member."""
    reader: Any = _Reader(pieces)
    with tarfile.open(fileobj=reader, mode="r|", bufsize=_BLOCK) as tar:
        member = tar.next()  # has read its header and no byte more: the content comes straight from the pieces, in one copy
        if member is None or not member.isreg():
            return b""
        content: bytes = reader.read(member.size)
        if len(content) != member.size:
            raise Damaged(f"the archive ends within {member.name}")
        return content


def extract(pieces: Iterable[bytes], target: str) -> None:
    """Write what an archive of one path holds to `target`: the file itself, or the folder's content into a folder made for it.

    Devices and pipes are left out, set-uid bits too.

    :raises Damaged: the archive would write elsewhere.
    """
    if not hasattr(tarfile, "tar_filter"):
        raise Unsupported("this Python cannot extract archives safely", hint="use Python 3.11.4 or newer")
    with files_of(pieces) as tar:
        try:
            for member in tar:
                _extract(tar, member, target)
        except tarfile.FilterError as error:
            raise Damaged(f"the container's archive is not safe to extract: {error}") from None


def _extract(tar: tarfile.TarFile, member: tarfile.TarInfo, target: str) -> None:
    top, _, below = member.name.rstrip("/").partition("/")
    if not below and not member.isdir():
        if (content := tar.extractfile(member)) is None:
            raise Invalid(f"{top} is neither a file nor a folder")
        with open(target, "wb") as file:
            _copy(content, file)
        os.chmod(target, member.mode & 0o777)
        return
    os.makedirs(target, exist_ok=True)
    if below and not member.isdev():
        member.name = below
        if member.islnk():
            member.linkname = _linked(member.linkname.partition("/")[2], target)
        tar.extract(member, target, filter="tar")


def _linked(name: str, target: str) -> str:
    """Return what a hard link leads to, which tarfile's filter does not look at: later content would be written to it.

    :raises Damaged: it is outside.
    """
    top = os.path.realpath(target)
    if os.path.commonpath([top, os.path.realpath(os.path.join(top, name))]) != top:
        raise Damaged(f"the container's archive is not safe to extract: a hard link to {name!r}")
    return name


def _copy(source: Any, target: BinaryIO) -> None:
    while piece := source.read(PIECE):
        target.write(piece)


def _walk(source: str, name: str) -> Iterator[tuple[str, str]]:
    yield source, name
    if not os.path.isdir(source):
        return
    prefix = f"{name}/" if name else ""
    for entry in sorted(os.listdir(source)):
        path = os.path.join(source, entry)
        if os.path.isdir(path) and not os.path.islink(path):
            yield from _walk(path, prefix + entry)
        else:
            yield path, prefix + entry


def _content(path: str, size: int) -> Iterator[bytes]:
    left = size
    with open(path, "rb", buffering=0) as file:
        while left:
            piece = file.read(min(PIECE, left))
            if not piece:
                raise Damaged(f"{path} became shorter while it was read")
            left -= len(piece)
            yield piece
    yield bytes(-size % _BLOCK)


def _folder(name: str) -> bytes:
    return _header(name, tarfile.DIRTYPE, 0o755, 0)


def _header(name: str, type: bytes, mode: int, size: int) -> bytes:
    info = tarfile.TarInfo(name)
    info.type, info.mode, info.size, info.mtime = type, mode, size, int(time.time())
    return info.tobuf(tarfile.PAX_FORMAT, "utf-8", "surrogateescape")


def file_mode(path: str) -> int:
    """Return the permissions of a file of the host."""
    return stat.S_IMODE(os.stat(path).st_mode)


class _Nowhere(io.RawIOBase):
    """What a TarFile insists on to write to; only its headers are wanted."""

    def tell(self) -> int:
        return 0

    def write(self, data: Any, /) -> int:
        return len(data)


class _Reader(io.RawIOBase):
    """A file over pieces, for tarfile."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._pieces = iter(pieces)
        self._rest = memoryview(b"")

    def read(self, size: int = -1, /) -> bytes:
        parts: list[memoryview] = []
        while size > 0:
            if not self._rest:
                self._rest = memoryview(next(self._pieces, b""))
                if not self._rest:
                    break
            part = self._rest[:size]
            parts.append(part)
            self._rest = self._rest[len(part) :]
            size -= len(part)
        return b"".join(parts)
