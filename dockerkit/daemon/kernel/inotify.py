"""What happens to the files of a directory, as inotify(7) tells it: one descriptor, any number of directories.

Never decides what a change means, never reads a file, and starts no thread: somebody polls :meth:`Inotify.fileno`.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from typing import NamedTuple

from dockerkit.daemon.kernel.syscalls import call

IN_MODIFY, IN_MOVED_TO, IN_CREATE = 0x2, 0x80, 0x100
IN_Q_OVERFLOW, IN_IGNORED, IN_ONLYDIR = 0x4000, 0x8000, 0x01000000
GROWTH = IN_MODIFY | IN_MOVED_TO | IN_CREATE
"""A file was written to, moved in, or made."""
_HEADER = struct.Struct("iIII")
_ROOM = 1 << 16


class Change(NamedTuple):
    """One change: which watch saw it, what it was, and the file's name in the directory."""

    watch: int
    mask: int
    name: str

    @property
    def lost(self) -> bool:
        """Whether the kernel dropped changes before this one: anything may have happened to anything watched."""
        return bool(self.mask & IN_Q_OVERFLOW)


class Inotify:
    """An inotify descriptor; not blocking, closed at exec.

    :raises OSError: EMFILE when the user has too many (fs.inotify.max_user_instances).
    """

    def __init__(self) -> None:
        self._descriptor = call("inotify_init1", os.O_CLOEXEC | os.O_NONBLOCK)

    def fileno(self) -> int:
        """Return the descriptor, to poll: it is readable when something changed."""
        return self._descriptor

    def add(self, directory: str) -> int:
        """Watch a directory's files for growth; the same directory gives the same number again.

        :raises OSError: ENOENT; ENOSPC when the user has too many watches (fs.inotify.max_user_watches).
        """
        return call("inotify_add_watch", self._descriptor, os.fsencode(directory), GROWTH | IN_ONLYDIR, about=directory)

    def remove(self, watch: int) -> None:
        """Stop watching.

        :raises OSError: EINVAL when the directory has gone, and the watch with it.
        """
        call("inotify_rm_watch", self._descriptor, watch)

    def changes(self) -> Iterator[Change]:
        """Give what has changed since the last time; nothing when nothing has."""
        try:
            data = os.read(self._descriptor, _ROOM)
        except BlockingIOError:
            return
        offset = 0
        while offset < len(data):
            watch, mask, _, length = _HEADER.unpack_from(data, offset)
            offset += _HEADER.size
            name = data[offset : offset + length].rstrip(b"\0")
            offset += length
            yield Change(watch, mask, os.fsdecode(name))

    def close(self) -> None:
        """Close the descriptor and with it every watch."""
        os.close(self._descriptor)
