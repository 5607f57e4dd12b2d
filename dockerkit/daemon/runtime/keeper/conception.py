"""From a launch to a child that is being born: root, binds, streams, child.

A child in a seat reads the launch at the same time and starts on what it can do alone, its control group above all; it
waits for the root at the step that needs it. Without a seat the child is made when all is there for it.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
from collections.abc import Callable
from typing import NamedTuple

from dockerkit.daemon.kernel import failpoints, namespaces, processes
from dockerkit.daemon.kernel.cgroups import Cgroup
from dockerkit.daemon.runtime import wire
from dockerkit.daemon.runtime.child import steps
from dockerkit.daemon.runtime.child.birth import Birth, Place, Progress, StepFailed, namespaces_of
from dockerkit.daemon.runtime.child.surroundings import newborn_flags
from dockerkit.daemon.runtime.keeper.orphans import adopt_orphans
from dockerkit.daemon.runtime.keeper.roots import make_binds, make_root
from dockerkit.daemon.runtime.keeper.seat import Seat
from dockerkit.daemon.runtime.keeper.streams import make_pipes
from dockerkit.daemon.runtime.launch import Launch


class Order(NamedTuple):
    """What a keeper was asked for.

    :param payload: the launch as it came; a waiting child was shown it already.
    :param connection: to the daemon that asked.
    :param taken: tells the shim that this keeper waits no longer; called when it no longer delays the child.
    """

    launch: Launch
    payload: int
    connection: socket.socket
    taken: Callable[[], None]


class NotBorn(Exception):
    """The container could not be started; carries the message for the daemon."""

    def __init__(self, report: wire.Message) -> None:
        super().__init__(report)
        self.report = report


class Conception:
    """The making of one child.

    :ivar ours: the keeper's ends of the streams: output, error, and input when there is one; none with a terminal.
    :ivar cgroup: the group the child makes and enters.
    :ivar owns_processes: the child is the first of a pid namespace, so its end is the end of all.
    :ivar reaped_by_pidfd: process ids whose status nobody else may take: the child's, and others' to come.
    """

    def __init__(self, order: Order, place: Place, seat: Seat | None) -> None:
        self._order, self._launch, self._place, self._seat = order, order.launch, place, seat
        path = (order.launch.spec.get("linux") or {}).get("cgroupsPath")
        self.cgroup: Cgroup | None = place.cgroups.open(path) if path and place.cgroups is not None else None
        self.pid, self.pidfd = 0, -1
        self.ours: list[int] = []
        self.owns_processes = True
        self.reaped_by_pidfd: set[int] = set()
        self._root = -1
        self._theirs: list[int] = []
        self._binds: dict[int, int] = {}

    def run(self) -> None:
        """Do every step.

        :raises NotBorn: one failed; :meth:`undo` is due.
        """
        acts: tuple[tuple[str, Callable[[], None]], ...] = (
            ("root", self._make_root),
            ("mounts", self._make_binds),
            ("streams", self._make_streams),
            ("clone", self._bear),
        )
        for step, act in acts:
            try:
                failpoints.hit(f"keeper.{step}")
                act()
            except (OSError, ValueError, StepFailed) as error:
                raise NotBorn(steps.report(step, error)) from error

    def undo(self, *, ended: bool) -> None:
        """Kill the child, unless it has `ended` and was reaped, and remove the group.

        :raises OSError: the group cannot be removed.
        """
        if self._seat is not None:
            self._seat.discard()
        if self.pidfd >= 0 and not ended:
            with contextlib.suppress(ProcessLookupError):
                processes.send_signal(self.pidfd, signal.SIGKILL)
            processes.reap(self.pidfd)
        if self.cgroup is not None:
            self.cgroup.kill()
            self.cgroup.remove()

    def _make_root(self) -> None:
        self._root = make_root(self._launch.rootfs, self._launch.directory)

    def _make_binds(self) -> None:
        self._binds = make_binds(self._launch.spec.get("mounts") or [])

    def _make_streams(self) -> None:
        if not self._launch.spec["process"].get("terminal"):
            self._theirs, self.ours = make_pipes(with_input=self._launch.open_stdin)

    def _bear(self) -> None:
        """Have a child: the waiting one, when it suits, else a new one."""
        wanted = namespaces_of(self._launch.spec)
        self.owns_processes = wanted.get("pid") == ""
        seat, self._seat = self._seat, None
        if seat is not None and not seat.suits(wanted, self._place):
            seat.discard()
            seat = None
        if seat is not None:
            self.pid, self.pidfd, self.status, self.progress = seat.pid, seat.pidfd, seat.status, seat.progress
            seat.go(self._root, self._theirs, self._binds)
        else:
            self._clone(wanted)
        wire.close({self._order.payload, self._root, *self._theirs, *self._binds.values()})
        self._order.taken()
        self.reaped_by_pidfd.add(self.pid)
        if not self.owns_processes:
            adopt_orphans(self.reaped_by_pidfd)

    def _clone(self, wanted: dict[str, str]) -> None:
        self.status, status = wire.pair()
        self.progress = Progress(len(steps.STEPS))
        birth = Birth(self._launch, self._place, self._theirs, status, self.progress, self._root, self._binds)
        if wanted.get("pid"):
            namespaces.enter_path(wanted["pid"], namespaces.FLAGS["pid"])
        birthplace = self._birthplace()
        birth.inside = birthplace >= 0
        self.pid, self.pidfd = namespaces.clone3(newborn_flags(wanted), cgroup=birthplace)
        if self.pid == 0:
            os.close(self.status.detach())
            steps.be_born(birth)
        status.close()
        if birth.inside:
            os.close(birthplace)

    def _birthplace(self) -> int:
        """Make the group for the child to be born in, where the kernel can do that (version 2); -1: the child goes there.

        Entering later means waiting for every processor there: 10 ms, where being born inside costs nothing.
        """
        groups = self._place.cgroups
        if self.cgroup is None or groups is None or groups.version == 1:
            return -1
        try:
            resources = (self._launch.spec.get("linux") or {}).get("resources") or {}
            return groups.create(self.cgroup.path, resources).birthplace()
        except OSError as error:
            raise NotBorn(steps.report("cgroup", error)) from error
