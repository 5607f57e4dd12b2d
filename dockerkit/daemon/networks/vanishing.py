"""Deleting interfaces without waiting for the kernel's last word. Never deletes what it was not told to.

The kernel acknowledges a deletion only after a grace period (20–40 ms), in which the interface is long out of sight: a veth
after 1.6 ms, a bridge after 3. So the request is sent by a thread of its own, and the caller goes on when the name is gone.
"""

from __future__ import annotations

import errno
import fcntl
import socket
import struct
from collections.abc import Sequence
from concurrent.futures import Future, wait

from dockerkit.daemon.kernel.netlink import Channel, Visitor, interfaces

_SIOCGIFINDEX = 0x8933
_REQUEST = struct.Struct("=16si20x")
_LOOK_EVERY = 0.0003
_THREADS = 16
"""So many grace periods can run side by side, and share one where they can; a thread starts when first needed."""


class Vanishing:
    """Deletes interfaces of one network namespace. Thread-safe.

    :param home: a descriptor of the namespace.
    :raises OSError: no socket.
    """

    def __init__(self, home: int) -> None:
        self._threads = Visitor(home, threads=_THREADS)
        self._eye = self._threads.at_home(lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC))

    def delete(self, names: Sequence[str]) -> None:
        """Delete interfaces and return when none of `names` is to be seen; those that are not there are no failure.

        :raises OSError: the kernel refused.
        """
        under_way = [(name, self._threads.start(lambda name=name: _delete(name))) for name in names]  # type: ignore[misc]
        for name, deletion in under_way:
            self._await(name, deletion)

    def _await(self, name: str, deletion: Future[None]) -> None:
        while self.seen(name):
            finished, _ = wait([deletion], _LOOK_EVERY)
            if finished:
                deletion.result()
                break

    def seen(self, name: str) -> bool:
        """Say whether there is an interface `name`; asks without waiting for a change that is under way."""
        return self.index(name) != 0

    def index(self, name: str) -> int:
        """Return the index of the interface `name`, 0 when there is none; asks as :meth:`seen` does."""
        try:
            answer = fcntl.ioctl(self._eye, _SIOCGIFINDEX, _REQUEST.pack(name.encode(), 0))
        except OSError as error:
            if error.errno != errno.ENODEV:
                raise
            return 0
        index: int = _REQUEST.unpack(answer)[1]
        return index

    def close(self) -> None:
        """Wait for the kernel's last word about everything and end the threads."""
        self._threads.close()
        self._eye.close()


def _delete(name: str) -> None:
    channel = Channel()
    try:
        (refused,) = channel.try_all([interfaces.delete(name)])
    finally:
        channel.close()
    if refused and refused.errno != errno.ENODEV:
        raise refused
