"""A reader's place in a log that may be rotated under it: ``log`` becomes ``log.1``, ``log.1`` becomes ``log.2``, and so on.

The place is an open file and an offset, so a rotation neither loses nor repeats a record; files that were dropped before
they were reached are lost to this reader. Never waits for more, never writes.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import NamedTuple

from dockerkit.daemon.logs.records import Record, read


class _File(NamedTuple):
    inode: int
    path: str


class Position:
    """Where a reader is; at the beginning of the oldest file at first.

    :param path: of the newest file, ``…/log``; it need not exist yet.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._descriptor = -1
        self._inode = self._offset = 0

    def records(self) -> Iterator[Record]:
        """Give what was written since the last time, to the end as it is then.

        :raises OSError: the log cannot be read.
        """
        while self._descriptor >= 0 or self._advance():
            # looked for before reading on: whatever the writer still wrote to this file is read before it is left
            newer = self._newer()
            for record in read(self._descriptor, self._offset):
                self._offset = record.end
                yield record
            if not newer or not self._advance():
                return

    def close(self) -> None:
        """Close the file; repeating it is harmless."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def _newer(self) -> bool:
        try:
            return os.stat(self._path).st_ino != self._inode
        except FileNotFoundError:  # the writer is between renaming the old and making the new one
            return False

    def _advance(self) -> bool:
        """Go to the beginning of the next file, or of the oldest when the present one was dropped; False if there is none."""
        while True:
            files = _chain(self._path)
            inodes = [file.inode for file in files]
            after = inodes.index(self._inode) + 1 if self._descriptor >= 0 and self._inode in inodes else 0
            if after >= len(files):
                return False
            if self._open(files[after]):
                return True

    def _open(self, file: _File) -> bool:
        try:
            descriptor = os.open(file.path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return False
        if os.fstat(descriptor).st_ino != file.inode:  # rotated since it was looked up
            os.close(descriptor)
            return False
        self.close()
        self._descriptor, self._inode, self._offset = descriptor, file.inode, 0
        return True


def _chain(path: str) -> list[_File]:
    """Return the log's files, oldest first, as they are at one moment: looked at twice, until nothing moved in between."""
    seen = _look(path)
    while (again := _look(path)) != seen:
        seen = again
    return seen


def _look(path: str) -> list[_File]:
    found: list[_File] = []
    name = path
    while True:
        try:
            found.insert(0, _File(os.stat(name).st_ino, name))
        except FileNotFoundError:
            if name != path:
                return found
        name = f"{path}.{int(name.removeprefix(path).removeprefix('.') or 0) + 1}"
