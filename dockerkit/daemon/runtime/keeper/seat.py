"""The keeper's end of a child made ahead: whether it suits a launch, seating the launch in it, or letting it go."""

from __future__ import annotations

import contextlib
import errno
import os
import signal
import socket

from dockerkit.daemon.kernel import namespaces, processes
from dockerkit.daemon.runtime import rehearsal, wire
from dockerkit.daemon.runtime.child.birth import Place, Progress
from dockerkit.daemon.runtime.child.seat import KINDS, take_seat


class Seat:
    """A waiting child.

    :param closing: sockets of the keeper that the child must not hold.
    :raises OSError: the host lacks something a container needs; whoever starts one without a seat will be told what. Or a seat
        would cost more than it saves: on cgroup version 2 a process that exists already waits 10 ms to enter its group, and one
        that is born there does not.
    """

    def __init__(self, place: Place, steps: int, closing: tuple[socket.socket, ...]) -> None:
        if place.cgroups is not None and place.cgroups.version == 2:
            raise OSError(errno.EOPNOTSUPP, "a child is to be born in its control group")
        self._place = place
        self.progress = Progress(steps)
        self.status, status = wire.pair()
        flags = sum(namespaces.FLAGS[kind] for kind in KINDS)
        self.pid, self.pidfd = namespaces.clone3(flags)
        if self.pid == 0:
            for connection in (*closing, self.status):
                connection.close()
            rehearsal.rehearse_child()
            take_seat(status, place, self.progress)
        status.close()

    def suits(self, wanted: dict[str, str], place: Place) -> bool:
        """Return whether a container with these namespaces (type → path) can be born from it."""
        kinds = wanted.keys() - {"cgroup"}
        return kinds == KINDS and not wanted["pid"] and not wanted["mount"] and place == self._place

    def show(self, payload: int) -> None:
        """Let the child read the launch ahead, whether it will suit or not."""
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # it has died: :meth:`go` will tell
            wire.send(self.status, {"verb": "launch"}, [payload])

    def go(self, root: int, stdio: list[int], binds: dict[int, int]) -> None:
        """Have the child be born, with these descriptors.

        :raises OSError: it has died.
        """
        message = {"verb": "go", "stdio": len(stdio), "binds": list(binds)}
        wire.send(self.status, message, [root, *stdio, *binds.values()])

    def discard(self) -> None:
        """Let the child go: it does not suit."""
        self.status.close()
        with contextlib.suppress(ProcessLookupError):
            processes.send_signal(self.pidfd, signal.SIGKILL)
        processes.reap(self.pidfd)
        os.close(self.pidfd)
