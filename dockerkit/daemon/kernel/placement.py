"""Where a file system places what is new: advice, which one that has no use for it leaves alone. Never moves what is there."""

from __future__ import annotations

import contextlib
import fcntl
import os
import struct

_GET_FLAGS, _SET_FLAGS = 0x80086601, 0x40086602
"""``FS_IOC_GETFLAGS`` and ``FS_IOC_SETFLAGS``, ioctl_iflags(2): declared for a long, they read and write an int."""
_TOP_OF_HIERARCHIES = 0x00020000
"""``FS_TOPDIR_FL``; "T" of chattr(1)."""


def spread(directory: str) -> None:
    """Have what is made in `directory` lie apart: its directories have nothing to do with one another.

    By itself ext4 keeps them all in one group of inodes, and passes over each that was deleted in the last five seconds before
    it finds one for a new file: where containers come and go this is most of what making one costs.

    :raises OSError: it is not there.
    """
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        with contextlib.suppress(OSError):  # ENOTTY, EOPNOTSUPP and others: its file system takes no such advice
            (flags,) = struct.unpack("i", fcntl.ioctl(descriptor, _GET_FLAGS, bytes(4)))
            fcntl.ioctl(descriptor, _SET_FLAGS, struct.pack("i", flags | _TOP_OF_HIERARCHIES))
    finally:
        os.close(descriptor)
