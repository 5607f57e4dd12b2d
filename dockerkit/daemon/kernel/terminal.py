"""Pseudo-terminals: take one from a devpts mount, size it, make it a session's own. Never reads or writes one.

Source: pty(7), ioctl_tty(2).
"""

from __future__ import annotations

import errno
import fcntl
import os
import struct
import termios

from dockerkit.daemon.kernel import beneath

_TIOCSPTLCK = 0x40045431
_TIOCGPTPEER = 0x5441
_PTMX = os.makedev(5, 2)


class Pair:
    """A fresh terminal: ``master`` for who drives it, ``slave`` for who lives in it; both close at exec."""

    def __init__(self, devpts: int) -> None:
        """Open one from the devpts mount behind a descriptor; the slave is taken by descriptor, never by its path.

        :raises OSError: ENOSPC when the mount has no terminal left; ELOOP, ENOTTY when it is not devpts that is there.
        """
        self.master = beneath.open_in(devpts, "ptmx", os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK, resolve=beneath.NO_SYMLINKS)
        if os.fstat(self.master).st_rdev != _PTMX:
            os.close(self.master)
            raise OSError(errno.ENOTTY, "ptmx is not the multiplexer of terminals", "ptmx")
        fcntl.ioctl(self.master, _TIOCSPTLCK, struct.pack("i", 0))
        self.slave = fcntl.ioctl(self.master, _TIOCGPTPEER, os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC)


def resize(descriptor: int, rows: int, columns: int) -> None:
    """Set the size in characters; the programs in it get SIGWINCH.

    :raises OSError: EIO when the other side has gone.
    """
    fcntl.ioctl(descriptor, termios.TIOCSWINSZ, struct.pack("4H", rows, columns, 0, 0))


def control(descriptor: int) -> None:
    """Make the terminal the controlling one of the calling session leader.

    :raises OSError: EPERM when the caller leads no session.
    """
    fcntl.ioctl(descriptor, termios.TIOCSCTTY, 0)
