"""A tar stream read forwards, once, strictly: a layer or a package's data.

The standard library reads the formats (ustar, GNU, PAX, three kinds of sparse); this module takes away its leniency. tarfile
ends quietly at a broken header, believes sizes, and reads an extended header of any length into memory; a layer from
elsewhere may hold all three. Never seeks back, never holds a file's content, never touches the file system.
"""

from __future__ import annotations

import hashlib
import struct
import tarfile
from collections.abc import Iterable, Iterator
from typing import IO, cast

from dockerkit.daemon.images import tarheaders
from dockerkit.errors import Damaged

HEADER_LIMIT = 1 << 20
"""Longest extended header (long name, PAX record, sparse map) that is read: umoci's and Go's limit is the same megabyte."""
_CHUNK = 1 << 18
_HOSTILE = (tarfile.TarError, ValueError, IndexError, OverflowError, RecursionError, struct.error)
"""What tarfile raises, by intent or by accident, on a malformed header."""


class Stream:
    """The plain bytes of a tar: hashed as they pass, read in bounded pieces, skipped forwards only.

    :param hashed: whether anybody will ask for the digest, which costs more than all the rest.
    """

    def __init__(self, chunks: Iterable[bytes], *, hashed: bool = True) -> None:
        self._chunks = iter(chunks)
        self._buffer = memoryview(b"")
        self._position = 0
        self._hash = hashlib.sha256()
        self._hashed = hashed

    def tell(self) -> int:
        """Return how many bytes have been taken."""
        return self._position

    def read(self, size: int = -1) -> bytes:
        """Return `size` bytes of header, fewer at the end of the stream.

        :raises Damaged: a negative or unreasonable size, which only a forged header asks for.
        """
        if not 0 <= size <= HEADER_LIMIT:
            raise Damaged(f"archive is malformed: a header at byte {self._position} claims {size} bytes")
        return b"".join(self._take(size))

    def peek(self, size: int) -> bytes:
        """Return the next `size` bytes without taking them; fewer where they are not at hand in one piece."""
        self._fill()
        return bytes(self._buffer[:size])

    def take(self, size: int) -> None:
        """Take bytes that were peeked at."""
        self._advance(size)

    def whole(self, size: int) -> memoryview | None:
        """Take `size` bytes of content if they are at hand in one piece, else none."""
        if size > len(self._buffer):
            return None
        piece = self._buffer[:size]
        self._advance(size)
        return piece

    def seek(self, offset: int) -> int:
        """Skip forwards to `offset`.

        :raises Damaged: the offset lies behind, or after the end of the stream.
        """
        if offset < self._position:
            raise Damaged(f"archive is malformed: a header points back from byte {self._position} to {offset}")
        if offset > self._position and self.whole(offset - self._position) is None:
            for _ in self.body(offset - self._position):
                pass
        return self._position

    def body(self, size: int) -> Iterator[memoryview]:
        """Yield exactly `size` bytes of content in pieces.

        :raises Damaged: the stream ends before.
        """
        missing = size
        for piece in self._take(size):
            missing -= len(piece)
            yield piece
        if missing:
            raise Damaged(f"archive is cut short: {missing} bytes are missing at byte {self._position}")

    def finish(self) -> str:
        """Read to the end and return the digest of everything, ``sha256:…`` (a layer's diff id)."""
        while self._fill():
            self._advance(len(self._buffer))
        return f"sha256:{self._hash.hexdigest()}"

    def _take(self, size: int) -> Iterator[memoryview]:
        while size and self._fill():
            piece = self._buffer[:size]
            self._advance(len(piece))
            size -= len(piece)
            yield piece

    def _fill(self) -> bool:
        while not self._buffer:
            chunk = next(self._chunks, None)
            if chunk is None:
                return False
            if self._hashed:
                self._hash.update(chunk)
            self._buffer = memoryview(chunk)
        return True

    def _advance(self, size: int) -> None:
        self._buffer = self._buffer[size:]
        self._position += size


class _Reader(tarfile.TarFile):
    """tarfile's parser without its archive object: one member after another, nothing remembered."""

    firstmember: tarfile.TarInfo | None
    ended = False

    def next(self) -> tarfile.TarInfo | None:
        """Return the next member.

        :raises Damaged: anything but a good header or the end of the archive.
        """
        first, self.firstmember = self.firstmember, None
        if first is not None or self.ended:
            return first
        stream = cast(Stream, self.fileobj)
        start = stream.seek(self.offset)
        if (plain := self._plain(stream, start)) is not None:
            return plain
        try:
            member = self.tarinfo.fromtarfile(self)
        except (tarfile.EOFHeaderError, tarfile.EmptyHeaderError):  # type: ignore[attr-defined]
            self.ended = True
            return None
        except _HOSTILE as error:
            raise Damaged(f"archive is malformed: bad header at byte {start}: {error}") from None
        if member.size < 0 or self.offset <= start:
            raise Damaged(f"archive is malformed: {member.name!r} has size {member.size}")
        return member

    def _plain(self, stream: Stream, start: int) -> tarfile.TarInfo | None:
        block = stream.peek(tarfile.BLOCKSIZE)
        member = tarheaders.read(block) if len(block) == tarfile.BLOCKSIZE else None
        if member is not None:
            stream.take(tarfile.BLOCKSIZE)
            member.offset, member.offset_data = start, start + tarfile.BLOCKSIZE
            self.offset = member.offset_data + (member.size + -member.size % tarfile.BLOCKSIZE if member.isreg() else 0)
        return member


def members(stream: Stream) -> Iterator[tarfile.TarInfo]:
    """Yield the members of a plain tar; their content may be read with :func:`content` before the next is asked for.

    :raises Damaged: a malformed or truncated archive.
    """
    reader = _Reader(fileobj=cast("IO[bytes]", stream), mode="r", encoding="utf-8", errors="surrogateescape")
    while (member := reader.next()) is not None:
        yield member


def content(stream: Stream, member: tarfile.TarInfo) -> Iterator[tuple[int, memoryview]]:
    """Yield a regular file's content as (offset, bytes); what a sparse file leaves out is not yielded.

    :raises Damaged: the archive is cut short, or the sparse map lies.
    """
    stream.seek(member.offset_data)
    if not member.issparse() and (piece := stream.whole(member.size)) is not None:
        yield 0, piece
        return
    end = 0
    for start, size in extents(member):
        if start < end or size < 0 or start + size > member.size:
            raise Damaged(f"archive is malformed: sparse map of {member.name!r}")
        end = start
        for piece in stream.body(size):
            yield end, piece
            end += len(piece)


def extents(member: tarfile.TarInfo) -> list[tuple[int, int]]:
    """Return (offset, length) of the data of a regular file."""
    if member.issparse():
        return cast("list[tuple[int, int]]", member.sparse)
    return [(0, member.size)]


def is_file(member: tarfile.TarInfo) -> bool:
    """Tell whether a member is a regular file of any kind (old, contiguous, sparse)."""
    return member.isreg()
