"""The container's log as its keeper writes it. A full disk costs records, never the container.

Offsets count the bytes of all its files as one: from the beginning of the oldest there was when the keeper opened the log, and
on over every rotation. What was dropped meanwhile leaves a gap at the beginning.
"""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass

from dockerkit.daemon.logs import files, records

_NEWLINE = ord("\n")
_ROOM, _ROOM_SHARE = 8 << 20, 16
"""What is left free on the log's disk: so many bytes, or that part of a small one."""


@dataclass(slots=True)
class _Segment:
    """One file: the offset at which it begins, and how many bytes of output (headers aside) there were before it."""

    base: int
    before: int


class Journal:
    """Appends records and counts what could not be written.

    :param path: None keeps no log: then nothing is lost either.
    :param max_size: bytes a file may have before another is begun; negative: any.
    :param max_files: so many are kept, the one that is written to included.
    :ivar size: the offset at which the next record will be.
    :ivar payload: bytes of output written so far, headers aside (except in files that were there before).
    :raises OSError: the file cannot be opened.
    """

    def __init__(self, path: str | None, *, max_size: int = -1, max_files: int = 1) -> None:
        self.lost = self.size = self.payload = 0
        self._path, self._max_size, self._max_files = path or "", max_size, max_files
        self._segments: list[_Segment] = []
        self._in_line = dict.fromkeys((records.STDOUT, records.STDERR), False)
        self._file = -1
        if path is not None:
            self._open(path)

    def _open(self, path: str) -> None:
        for older in files.chain(path)[:-1]:
            self._begin_segment()
            self.size += os.stat(older).st_size
            self.payload = self.size
        self._begin_segment()
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        length = os.fstat(self._file).st_size
        if length:
            length = self._mend(length)
        self.size += length
        self.payload = self.size

    def _begin_segment(self) -> None:
        self._segments.append(_Segment(self.size, self.payload))

    def _mend(self, length: int) -> int:
        """Cut off what a writer that was killed left unfinished, or what follows it could not be read."""
        end = records.last_end(self._file)
        if end != length:
            os.ftruncate(self._file, end)
        return end

    def append(self, stream: int, data: records.Buffer) -> int | None:
        """Write one chunk; returns the offset of its record, None when there is no log or no room."""
        if self._file < 0:
            return None
        try:
            self._leave_room()
            self._make_way(records.HEADER.size + len(data))
            size = records.append(self._file, stream, time.time_ns(), data, continues=self._in_line[stream])
        except OSError:  # ENOSPC, EDQUOT, EIO, EFBIG: counted, and told in the exit record
            self.lost += len(data)
            return None
        self._in_line[stream] = data[-1] != _NEWLINE
        offset = self.size
        self.size += size
        self.payload += len(data)
        return offset

    def _leave_room(self) -> None:
        """Refuse to take the last of a disk: the daemon must still be able to write down what became of the container."""
        disk = os.fstatvfs(self._file)
        if disk.f_bavail < min(_ROOM // disk.f_frsize, disk.f_blocks // _ROOM_SHARE):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def _make_way(self, size: int) -> None:
        """Begin another file when a record of this size has no place in the present one; one too large for any has its own."""
        used = self.size - self._segments[-1].base
        if not 0 <= self._max_size < used + size or not used:
            return
        fresh = files.rotate(self._path, self._max_files)
        os.close(self._file)
        self._file = fresh
        self._begin_segment()
        del self._segments[: -max(self._max_files, 1)]

    def clamp(self, offset: int) -> int:
        """Return `offset`, or where the log begins if that is later."""
        return max(offset, self._segments[0].base) if self._segments else offset

    def payload_before(self, offset: int) -> int:
        """Return how many bytes of output had been written before the file `offset` is in."""
        return self._segment_of(offset).before if self._segments else 0

    def read(self, offset: int) -> Iterator[records.Record]:
        """Yield what was written from `offset` on, to the end as it is then; what was dropped is passed over.

        :raises OSError: as pread(2).
        :raises ValueError: no record begins at `offset`.
        """
        while self._segments:
            segment = self._segment_of(offset)
            offset = max(offset, segment.base)
            descriptor = self._reopen(segment)
            try:
                for record in records.read(descriptor, offset - segment.base):
                    offset = segment.base + record.end
                    yield record._replace(end=offset)
            finally:
                os.close(descriptor)
            newer = next((other for other in self._segments if other.base > segment.base), None)
            if newer is None:
                return
            offset = newer.base

    def _segment_of(self, offset: int) -> _Segment:
        """Return the file `offset` is in, or the oldest."""
        return next((segment for segment in reversed(self._segments) if segment.base <= offset), self._segments[0])

    def _reopen(self, segment: _Segment) -> int:
        age = len(self._segments) - 1 - self._segments.index(segment)
        # the newest by its descriptor: somebody may have taken its name away
        return os.open(f"{self._path}.{age}", os.O_RDONLY | os.O_CLOEXEC) if age else os.dup(self._file)
