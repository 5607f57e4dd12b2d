"""The shim: keeps keepers ready, one more as soon as one has taken a container. It holds nothing that lasts.

A process with threads must never fork, and one that imports after ``pivot_root`` would import from the image; hence this
helper: one thread, standard library only, everything imported before the first fork. It runs from a read-only clone of the
interpreter, cannot be looked into, and ends when the daemon's socket does. Keepers with a container do not.
"""

from __future__ import annotations

import contextlib
import gc
import os
import select
import signal
import socket
import sys
from typing import NamedTuple

from dockerkit.daemon.kernel import capabilities, failpoints, processes
from dockerkit.daemon.kernel.cgroups import Cgroups
from dockerkit.daemon.runtime import wire
from dockerkit.daemon.runtime.child import cgroupfs
from dockerkit.daemon.runtime.keeper.waiting import prepared, wait_for_launch

MOUNTPOINT = "rootfs"
READY = 2
"""Keepers that wait for a container."""

_REST_MS = 10
"""How long a container may start undisturbed before the next keeper is forked, unless none is left."""

_LAST_SIGNAL = 64
_NEVER_SET = (signal.SIGKILL, signal.SIGSTOP)


class _Waiting(NamedTuple):
    pid: int
    connection: socket.socket


class Shim:
    """Keeps keepers ready for one daemon.

    :param daemon: its socket, which only keepers read.
    """

    def __init__(self, daemon: socket.socket, directory: str) -> None:
        self._daemon = daemon
        self._mountpoint = os.path.join(directory, MOUNTPOINT)
        self._cgroups: dict[str, Cgroups] = {}
        self._waiting: dict[int, _Waiting] = {}
        self._poll = select.poll()
        self._poll.register(daemon, 0)  # its hang-up is always told
        os.makedirs(self._mountpoint, mode=0o700, exist_ok=True)

    def prepare(self, cgroup_parent: str) -> None:
        """Have keepers inherit the groups of a data root from now on."""
        with contextlib.suppress(OSError):  # the first keeper tells whoever asks for a container
            prepared(self._cgroups, cgroup_parent)

    def serve(self) -> None:
        """Fork keepers as they are used up, until the daemon is gone."""
        while True:
            if not self._waiting:
                self._fork()
            events = self._poll.poll(_REST_MS if len(self._waiting) < READY else None)
            if not events:
                self._fork()
            for descriptor, _ in events:
                if descriptor == self._daemon.fileno():
                    self._dismiss()
                    return
                self._hear(descriptor)

    def _hear(self, descriptor: int) -> None:
        """A keeper has taken a container, or has died: either way it waits no longer."""
        connection = self._waiting.pop(descriptor).connection
        self._poll.unregister(descriptor)
        message, _ = wire.receive(connection)
        connection.close()
        failpoints.hit("shim.taken")
        if message is not None:
            self.prepare(message["cgroup_parent"])

    def _fork(self) -> None:
        failpoints.hit("shim.fork")
        ours, theirs = wire.pair()
        parent = os.getpid()
        pid = os.fork()
        if pid == 0:
            for other in (ours, *(waiting.connection for waiting in self._waiting.values())):
                other.close()
            wait_for_launch(self._daemon, theirs, self._cgroups, self._mountpoint, parent=parent)
        failpoints.hit("shim.forked")
        theirs.close()
        self._waiting[ours.fileno()] = _Waiting(pid, ours)
        self._poll.register(ours, select.POLLIN)

    def _dismiss(self) -> None:
        """Wait for the keepers that found no container: they saw the same end-of-file."""
        for waiting in self._waiting.values():
            with contextlib.suppress(ChildProcessError):  # that it is gone is told this way, as we ignore SIGCHLD
                os.waitpid(waiting.pid, 0)


def main(arguments: list[str]) -> None:
    """Be the shim.

    :param arguments: descriptors of the daemon's socket and the interpreter's clone, the runtime's directory, a cgroup parent.
    """
    daemon = socket.socket(fileno=int(arguments[0]))
    os.set_inheritable(daemon.fileno(), False)
    os.close(int(arguments[1]))
    _isolate()
    failpoints.arm(os.path.join(arguments[2], failpoints.FILE))
    shim = Shim(daemon, arguments[2])
    shim.prepare(arguments[3])
    _freeze()
    shim.serve()


def _isolate() -> None:
    """Stand apart: signals as the kernel has them, and nobody looks in."""
    processes.reset_signals(number for number in range(1, _LAST_SIGNAL + 1) if number not in _NEVER_SET)
    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGPIPE, signal.SIGCHLD):  # CHLD: keepers need no reaping
        signal.signal(number, signal.SIG_IGN)
    processes.set_name("dockerkit-shim")
    processes.set_dumpable(False)
    capabilities.last()
    cgroupfs.host_trees()


def _freeze() -> None:
    """From here on nothing is imported: after a pivot it would come from an image. What exists is shared with every fork."""
    sys.path.clear()
    sys.meta_path.clear()
    sys.path_hooks.clear()
    gc.collect()
    gc.freeze()
