"""The shim: waits for the daemon's word and forks a keeper for each container. It holds nothing that lasts.

A process with threads must never fork, and one that imports after ``pivot_root`` would import from the image; hence this helper. It
runs from a read-only clone of the interpreter, cannot be looked into, has a mount namespace that follows the host's, and ends when
the daemon's socket does. Its keepers do not.
"""

from __future__ import annotations

import gc
import os
import signal
import socket
import sys
import traceback
from typing import NoReturn

from dockerkit.daemon.kernel import capabilities, mounts, namespaces, processes
from dockerkit.daemon.kernel.cgroups import Cgroups, detect
from dockerkit.daemon.runtime import wire
from dockerkit.daemon.runtime.keeper.life import keep
from dockerkit.daemon.runtime.launch import read_launch

MOUNTPOINT = "rootfs"
_LAST_SIGNAL = 64
_NEVER_SET = (signal.SIGKILL, signal.SIGSTOP)


class Shim:
    """Serves one daemon's requests, one after the other; a keeper works by itself from its fork on."""

    def __init__(self, daemon: socket.socket, directory: str) -> None:
        self._daemon = daemon
        self._mountpoint = os.path.join(directory, MOUNTPOINT)
        self._cgroups: dict[str, Cgroups] = {}
        os.makedirs(self._mountpoint, mode=0o700, exist_ok=True)

    def serve(self) -> None:
        """Fork keepers until the daemon is gone."""
        while True:
            message, fds = wire.receive(self._daemon)
            if message is None:
                return
            try:
                self._spawn(message, fds)
            finally:
                wire.close(fds)

    def _spawn(self, message: wire.Message, fds: list[int]) -> None:
        try:
            cgroups = self._prepared(message["cgroup_parent"])
        except OSError as error:
            self._refuse(fds[0], error)
            return
        if os.fork() == 0:
            self._become_keeper(fds, cgroups)

    def _prepared(self, parent: str) -> Cgroups | None:
        """Return the control groups of a data root, made ready once and inherited by every keeper."""
        if parent and parent not in self._cgroups:
            cgroups = detect(parent)
            cgroups.prepare()
            self._cgroups[parent] = cgroups
        return self._cgroups.get(parent)

    def _refuse(self, reply: int, error: OSError) -> None:
        report = {"verb": "failed", "step": "cgroup", "errno": error.errno or 0, "subject": str(error.filename or "")}
        with socket.socket(fileno=os.dup(reply)) as connection:
            wire.send(connection, {**report, "message": str(error)})

    def _become_keeper(self, fds: list[int], cgroups: Cgroups | None) -> NoReturn:
        try:
            self._daemon.close()
            reply, payload, *attachments = fds
            document, program = wire.unpack(payload)
            launch = read_launch(document, program, attachments)
            keep(launch, socket.socket(fileno=reply), cgroups, self._mountpoint)
        except BaseException:  # noqa: BLE001 (a fork must never return into the shim's loop)
            os.write(2, traceback.format_exc().encode())
        finally:
            os._exit(1)


def main(arguments: list[str]) -> None:
    """Be the shim: `arguments` are two descriptors, the daemon's socket and the interpreter's clone, and the runtime's directory."""
    daemon = socket.socket(fileno=int(arguments[0]))
    os.close(int(arguments[1]))
    os.set_inheritable(daemon.fileno(), False)
    _isolate()
    shim = Shim(daemon, arguments[2])
    _freeze()
    shim.serve()


def _isolate() -> None:
    """Stand apart: signals as the kernel has them, nobody looks in, mounts follow the host's but never lead back."""
    processes.reset_signals(number for number in range(1, _LAST_SIGNAL + 1) if number not in _NEVER_SET)
    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGPIPE, signal.SIGCHLD):  # CHLD: keepers need no reaping
        signal.signal(number, signal.SIG_IGN)
    processes.set_name("dockerkit-shim")
    processes.set_dumpable(False)
    namespaces.unshare(namespaces.FLAGS["mount"])
    mounts.set_propagation("/", mounts.SLAVE)
    capabilities.last()


def _freeze() -> None:
    """From here on nothing is imported: after a pivot it would come from an image. What exists is shared with every fork."""
    sys.path.clear()
    sys.meta_path.clear()
    sys.path_hooks.clear()
    gc.collect()
    gc.freeze()
