"""The container's log as its keeper writes it. A full disk costs records, never the container."""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Iterator

from dockerkit.daemon.logs import records

_ROOM, _ROOM_SHARE = 8 << 20, 16
"""What is left free on the log's disk: so many bytes, or that part of a small one."""


class Journal:
    """Appends records and counts what could not be written.

    :param path: None keeps no log: then nothing is lost either.
    :raises OSError: the file cannot be opened.
    """

    def __init__(self, path: str | None) -> None:
        self.lost = 0
        self.size = 0
        self._file = -1
        if path is not None:
            self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
            self.size = os.fstat(self._file).st_size
            if self.size:
                self._mend()

    def _mend(self) -> None:
        """Cut off what a writer that was killed left unfinished, or what follows it could not be read."""
        end = records.last_end(self._file)
        if end != self.size:
            os.ftruncate(self._file, end)
            self.size = end

    def append(self, stream: int, data: records.Buffer) -> int | None:
        """Write one chunk; returns the offset of its record, None when there is no log or no room."""
        if self._file < 0:
            return None
        try:
            self._leave_room()
            size = records.append(self._file, stream, time.time_ns(), data)
        except OSError:  # ENOSPC, EDQUOT, EIO, EFBIG: counted, and told in the exit record
            self.lost += len(data)
            return None
        offset = self.size
        self.size += size
        return offset

    def _leave_room(self) -> None:
        """Refuse to take the last of a disk: the daemon must still be able to write down what became of the container."""
        disk = os.fstatvfs(self._file)
        if disk.f_bavail < min(_ROOM // disk.f_frsize, disk.f_blocks // _ROOM_SHARE):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def read(self, offset: int) -> Iterator[records.Record]:
        """Yield what was written from `offset` on."""
        return records.read(self._file, offset) if self._file >= 0 else iter(())
