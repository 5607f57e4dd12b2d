"""A child made ahead: born into the usual namespaces, its usual mounts made, waiting to be told which container it is.

What takes long and is always the same is done here, before anybody asks: forking, namespaces (2 ms), ``lo`` (0.3 ms), file
systems (0.6 ms). What depends on the container happens afterwards, in the same steps as without a seat.
"""

from __future__ import annotations

import os
import signal
import socket
from typing import Any, NoReturn

from dockerkit.daemon.kernel import loopback, processes
from dockerkit.daemon.runtime import wire
from dockerkit.daemon.runtime.child import devices, filesystems, steps
from dockerkit.daemon.runtime.child.birth import Birth, Place, Progress
from dockerkit.daemon.runtime.launch import Launch, read_launch

KINDS = frozenset({"mount", "pid", "uts", "ipc", "network"})
"""The namespaces a seat is born into; one that is to be another's is left for it later."""

_USUAL: tuple[dict[str, Any], ...] = (
    {"type": "proc", "source": "proc", "options": ["nosuid", "noexec", "nodev"]},
    {"type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "strictatime", "mode=755", "size=65536k"]},
    {
        "type": "devpts",
        "source": "devpts",
        "options": ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"],
    },
    {"type": "sysfs", "source": "sysfs", "options": ["nosuid", "noexec", "nodev", "ro"]},
    {"type": "mqueue", "source": "mqueue", "options": ["nosuid", "noexec", "nodev"]},
    {"type": "tmpfs", "source": "shm", "options": ["nosuid", "noexec", "nodev", "mode=1777", "size=67108864"]},
)
_DEV = _USUAL[1]


def take_seat(status: socket.socket, place: Place, progress: Progress) -> NoReturn:
    """Prepare, wait for the keeper's word, and be born as what it says; ends when the keeper does."""
    try:
        processes.set_parent_death_signal(signal.SIGKILL)
        ahead = _prepare()
        message, fds = wire.receive(status)
        if message is not None:
            birth = Birth(_read(fds[0]), place, [], status, progress)
            birth.ahead, birth.furnished, birth.loopback = ahead, ahead[filesystems.recipe(_DEV)], True
            steps.be_born(birth)
    finally:
        os._exit(125)


def _prepare() -> dict[str, int]:
    os.umask(0)
    loopback.bring_up()
    ahead = {filesystems.recipe(entry): filesystems.make(entry) for entry in _USUAL}
    dev = ahead[filesystems.recipe(_DEV)]
    devices.furnish(dev)
    for name in ("pts", "mqueue", "shm"):
        os.mkdir(name, 0o755, dir_fd=dev)
    return ahead


def _read(payload: int) -> Launch:
    document, program = wire.unpack(payload)
    document["attachments"] = []  # those are the keeper's
    return read_launch(document, program, ())
