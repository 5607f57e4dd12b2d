"""The log format: every chunk a container wrote, as it was read, behind a header of 16 bytes.

``header = time (ns since 1970, 8 bytes) · length (4 bytes) · stream (1 byte: 1 stdout, 2 stderr) · 1 when it goes on with a
line begun before (1 byte) · 2 bytes of padding``, little endian. One record is one read: lines are made when a log is read, not
when it is written. A file may end in the middle of a record (the writer was killed, the disk was full): readers stop before it.
Never splits lines, never rotates, never locks: there is one writer.
"""

from __future__ import annotations

import contextlib
import errno
import os
import struct
from collections.abc import Iterator
from typing import NamedTuple

HEADER = struct.Struct("<QIBB2x")
STDOUT, STDERR = 1, 2
MOST_BYTES = 1 << 24
"""No record is longer; a header that says so is not a header."""

_BLOCK = 1 << 18

Buffer = bytes | bytearray | memoryview


class Record(NamedTuple):
    """One chunk: when it was read, from which stream, and the offset behind it, where the next record starts.

    ``continues``: its first byte is not the first of a line, so a reader that begins here begins with the next line.
    """

    time: int
    stream: int
    data: bytes
    end: int
    continues: bool = False


def append(descriptor: int, stream: int, time: int, data: Buffer, *, continues: bool = False) -> int:
    """Write one record at the end of the log (open with ``O_APPEND``) and return its size in bytes.

    :param continues: the stream's last record did not end with a newline.

    :raises OSError: ENOSPC and the like; then nothing of the record is left in the file.
    """
    size = HEADER.size + len(data)
    written = 0
    cause: OSError | None = None
    try:
        written = os.writev(descriptor, [HEADER.pack(time, len(data), stream, continues), data])
    except OSError as error:
        cause = error
    if written == size:
        return size
    if written:
        os.ftruncate(descriptor, os.fstat(descriptor).st_size - written)
    raise cause or OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def read(descriptor: int, offset: int = 0) -> Iterator[Record]:
    """Yield the records from `offset` on, which must be the start of one, to the end of the file as it is then.

    Memory stays flat however long the log is. A torn record at the end is left out; read again from the last ``end`` later.

    :raises OSError: as pread(2).
    :raises ValueError: the bytes at `offset` are not a record.
    """
    block, start = b"", offset
    while True:
        header = block[offset - start : offset - start + HEADER.size]
        if len(header) < HEADER.size:
            block, start = os.pread(descriptor, _BLOCK, offset), offset
            header = block[: HEADER.size]
            if len(header) < HEADER.size:
                return
        time, length, stream, continues = HEADER.unpack(header)
        if length > MOST_BYTES or stream not in (STDOUT, STDERR):
            raise ValueError(f"not a log record at offset {offset}")
        begin, end = offset + HEADER.size, offset + HEADER.size + length
        data = block[begin - start : end - start]
        if len(data) < length:
            block, start = os.pread(descriptor, max(_BLOCK, HEADER.size + length), offset), offset
            data = block[HEADER.size : HEADER.size + length]
            if len(data) < length:
                return
        yield Record(time, stream, data, end, bool(continues))
        offset = end


def last_end(descriptor: int) -> int:
    """Return the offset behind the last whole record, where a writer that takes over must truncate to."""
    end = 0
    with contextlib.suppress(ValueError):  # what a power cut leaves is not even a torn record
        for record in read(descriptor):
            end = record.end
    return end
