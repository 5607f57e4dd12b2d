"""Which process a container or a network is of, on engines that do not know: a label, and whether its process is still there.

Our own engine watches processes itself. On a foreign one a killed suite leaves its containers; the next suite on the same
machine finds their mark, sees that the process is gone, and removes them.
"""

from __future__ import annotations

import contextlib
import os
import socket

from dockerkit.client.client import Client
from dockerkit.errors import Conflict, NotAllowed, NotFound

MARK_LABEL = "dockerkit.process"


def mark(process: int | None = None) -> str:
    """Return what names a process (this one), and no other ever: machine, boot, process namespace, process, its start."""
    number = process or os.getpid()
    return f"{_machine()}/{number}/{_started(number)}"


def is_gone(said: str) -> bool:
    """Tell whether a marked process is known to have ended; of other machines and namespaces nothing is known."""
    machine, _, process = said.rpartition("/")[0].rpartition("/")
    started = said.rpartition("/")[2]
    return machine == _machine() and process.isdecimal() and _started(int(process)) != started


def sweep(client: Client) -> list[str]:
    """Remove what ended processes of this machine left on a foreign engine; return the ids of containers and networks."""
    return [*_sweep_containers(client), *_sweep_networks(client)]


def _sweep_networks(client: Client) -> list[str]:
    swept = []
    for network in client.networks.list(label=MARK_LABEL):
        with contextlib.suppress(NotFound, Conflict, NotAllowed):  # another suite sweeps too; what was kept is on it
            if is_gone(network.labels.get(MARK_LABEL, "")):
                network.remove()
                swept.append(network.id)
    return swept


def _sweep_containers(client: Client) -> list[str]:
    swept = []
    for container in client.containers.list(all=True, label=MARK_LABEL):
        with contextlib.suppress(NotFound, Conflict):  # another suite sweeps too
            if is_gone(container.labels.get(MARK_LABEL, "")):
                container.remove(force=True, volumes=True)
                swept.append(container.id)
    return swept


def _machine() -> str:
    try:
        with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
            boot = file.read().strip()
        return f"{socket.gethostname()}/{boot}/{os.stat('/proc/self/ns/pid').st_ino}"
    except OSError:
        return socket.gethostname()  # no Linux: host and process must do


def _started(process: int) -> str:
    """Return when a process started, in the kernel's ticks (proc_pid_stat(5)); "" when it is not there."""
    try:
        with open(f"/proc/{process}/stat", "rb") as file:
            return file.read().rpartition(b")")[2].split()[19].decode()
    except OSError:
        return "" if os.path.isdir("/proc/self") else _answers(process)


def _answers(process: int) -> str:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return ""
    except PermissionError:
        return "there"
    return "there"
