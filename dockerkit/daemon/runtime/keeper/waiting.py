"""A keeper made ahead: forked, with a child in its seat, waiting for whichever launch comes next.

All waiting keepers read from the daemon's socket itself; the kernel gives each request to one of them. The one that takes
it says so to the shim, which forks another in its place. Until then it lives only as long as the shim.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import traceback
from typing import NoReturn

from dockerkit.daemon.kernel import failpoints, processes
from dockerkit.daemon.kernel.cgroups import Cgroups, detect
from dockerkit.daemon.runtime import rehearsal, wire
from dockerkit.daemon.runtime.child import steps
from dockerkit.daemon.runtime.child.birth import Place
from dockerkit.daemon.runtime.keeper.conception import Order
from dockerkit.daemon.runtime.keeper.life import Life, keep
from dockerkit.daemon.runtime.keeper.seat import Seat
from dockerkit.daemon.runtime.launch import read_launch


def wait_for_launch(
    daemon: socket.socket, shim: socket.socket, cgroups: dict[str, Cgroups], mountpoint: str, *, parent: int
) -> NoReturn:
    """Be a keeper without a container until one comes; ends the process.

    :param shim: tells the shim that a container came; `parent` is its pid.
    :param cgroups: what was prepared before, by parent.
    """
    try:
        os.setsid()
        processes.set_name("dockerkit-keep")
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        processes.set_parent_death_signal(signal.SIGKILL)
        if os.getppid() != parent:  # it died before its death could be signalled
            os._exit(0)
        seat = _seat(daemon, shim, cgroups, mountpoint)
        rehearsal.rehearse_keeper()
        message, fds = wire.receive(daemon)
        if message is None:
            if seat is not None:
                seat.discard()
            os._exit(0)
        processes.set_parent_death_signal(0)
        failpoints.arm(os.path.join(os.path.dirname(mountpoint), failpoints.FILE))
        failpoints.hit("keeper.taken")
        if seat is not None:
            seat.show(fds[1])
        daemon.close()
        _live(message["cgroup_parent"], fds, cgroups, mountpoint, seat=seat, shim=shim)
    except BaseException:
        os.write(2, traceback.format_exc().encode())
    finally:
        os._exit(1)


def _seat(daemon: socket.socket, shim: socket.socket, cgroups: dict[str, Cgroups], mountpoint: str) -> Seat | None:
    """Have a child ready, when it is known below which cgroup it will be, and the host lets us."""
    if not cgroups:
        return None
    try:
        latest = next(reversed(cgroups.values()))
        return Seat(Place(latest, mountpoint), len(steps.STEPS), (daemon, shim))
    except OSError:  # it will be told to whoever starts a container
        return None


def _live(
    parent: str,
    fds: list[int],
    cgroups: dict[str, Cgroups],
    mountpoint: str,
    *,
    seat: Seat | None,
    shim: socket.socket,
) -> NoReturn:
    reply, payload, *attachments = fds
    connection = socket.socket(fileno=reply)
    document, program = wire.unpack(payload)
    launch = read_launch(document, program, attachments)
    try:
        groups = prepared(cgroups, parent)
    except OSError as error:
        wire.send(connection, steps.report("cgroup", error))
        os._exit(0)

    def taken() -> None:
        with contextlib.suppress(OSError), shim:  # it is gone: then it forks nobody in our place
            wire.send(shim, {"verb": "taken", "cgroup_parent": parent})

    keep(Life(Order(launch, payload, connection, taken), Place(groups, mountpoint), seat), connection)


def prepared(cgroups: dict[str, Cgroups], parent: str) -> Cgroups | None:
    """Return the control groups of a data root, made ready the first time; None without a parent.

    :raises OSError: no cgroups on this host, or none we may use.
    """
    if parent and parent not in cgroups:
        found = detect(parent)
        found.prepare()
        cgroups[parent] = found
    return cgroups.get(parent)
