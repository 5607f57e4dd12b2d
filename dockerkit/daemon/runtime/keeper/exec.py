"""One further process in a running container, from its request to the last byte its listeners take. Never blocks its keeper.

Whoever asked has a socket of his own for it: he is told ``started`` or ``failed``, then ``exited``, and may send ``kill`` and
``resize``. When he goes, the process stays; when the container ends, it ends.
"""

from __future__ import annotations

import contextlib
import errno
import os
import signal
import socket
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from dockerkit.daemon.kernel import failpoints, namespaces, processes, terminal
from dockerkit.daemon.kernel.cgroups import Cgroup
from dockerkit.daemon.logs.records import STDERR, STDOUT
from dockerkit.daemon.runtime import wire
from dockerkit.daemon.runtime.child import entry, steps
from dockerkit.daemon.runtime.child.birth import Birth, Place, Progress
from dockerkit.daemon.runtime.keeper.audience import Audience
from dockerkit.daemon.runtime.keeper.control import Control
from dockerkit.daemon.runtime.keeper.journal import Journal
from dockerkit.daemon.runtime.keeper.loop import READ, Loop, Timer
from dockerkit.daemon.runtime.keeper.streams import Output, make_pipes
from dockerkit.daemon.runtime.launch import Execution, Launch, Rootfs

PATIENCE = 30.0
"""Seconds in which a process must have come to its program; one that hangs (memory out, container frozen) is killed then."""

AFTERMATH = 2.0
"""Seconds its listeners are still served by what it left running behind it; dockerd's figure."""


@dataclass(slots=True)
class Container:
    """What its keeper knows of the container a process comes into."""

    launch: Launch
    place: Place
    cgroup: Cgroup | None
    init: int
    """pidfd of its first process."""
    host: int
    """The keeper's own pid namespace."""


class Exec:
    """A process.

    :param reply: the socket of who asked for it.
    :param reaped: called when its status has been taken, and `gone` when nothing is left of it, perhaps more than once.
    :ivar exit_code: None until its end was told; `heard`: somebody was there to hear it.
    """

    def __init__(
        self,
        loop: Loop,
        container: Container,
        execution: Execution,
        reply: socket.socket,
        *,
        reaped: Callable[[Exec], None],
        gone: Callable[[Exec], None],
    ) -> None:
        self._loop, self._container, self._reaped, self._gone = loop, container, reaped, gone
        self._launch = _as_launch(container.launch, execution)
        self._execution = execution
        self._audience = Audience(loop, self._launch, Journal(None), served=self._served, patient=True)
        self._control = Control(loop, {"kill": self._kill, "resize": self._resize}, left=self._stream_ended)
        self._control.connect(reply)
        self._progress = Progress(len(entry.STEPS))
        self._status: socket.socket | None = None
        self._pidfd, self._terminal, self._slave = -1, -1, -1
        self._failure: wire.Message | None = None
        self._timer: Timer | None = None
        self._started, self._ended, self._killed, self._late, self._closing = False, False, False, False, False
        self._told = False
        self._oom_kills = 0
        self.id, self.pid = execution.id, 0
        self.exit_code: int | None = None
        self.heard = False

    def begin(self) -> None:
        """Make the process; what becomes of it is told when it is known."""
        theirs: list[int] = []
        try:
            failpoints.hit("keeper.exec")
            if self._container.cgroup:
                self._oom_kills = self._container.cgroup.oom_kills()
            if not self._launch.spec["process"].get("terminal"):
                theirs = self._make_streams()
            self._seat_listeners()
            self._clone(theirs)
        except (OSError, ValueError) as error:
            self._failure = steps.report("clone", error)
            self._finish_failed()
        finally:
            wire.close(set(theirs))

    def _seat_listeners(self) -> None:
        waiting = self._execution.attachments
        while waiting:
            self._audience.add(waiting[0])
            waiting.pop(0)  # the audience's from here on

    def _make_streams(self) -> list[int]:
        theirs, ours = make_pipes(with_input=self._execution.open_stdin)
        for descriptor, stream in zip(ours, (STDOUT, STDERR), strict=False):
            self._audience.outputs.append(Output(self._loop, descriptor, stream, self._audience.deliver, self._stream_ended))
        if len(ours) > 2:
            self._audience.open_input(ours[2])
        return theirs

    def _clone(self, theirs: list[int]) -> None:
        container = self._container
        ours, status = wire.pair()
        self._status = ours
        birth = Birth(self._launch, container.place, theirs, status, self._progress, init=container.init)
        birthplace = container.cgroup.birthplace() if container.cgroup else -1
        birth.inside = birthplace >= 0
        with status:
            namespaces.enter(container.init, namespaces.FLAGS["pid"])
            try:
                self.pid, self._pidfd = namespaces.clone3(cgroup=birthplace)
                if self.pid == 0:
                    steps.be_born(birth, entry.STEPS)
            finally:
                namespaces.enter(container.host, namespaces.FLAGS["pid"])
                if birth.inside:
                    os.close(birthplace)
        self._loop.watch(ours.fileno(), READ, self._status_says)
        self._loop.watch(self._pidfd, READ, self._has_ended)
        self._timer = self._loop.after(PATIENCE, self._lose_patience)

    # -- until its program runs ----------------------------------------------------------------------------------------------

    def _status_says(self, _events: int) -> None:
        assert self._status is not None
        message, fds = wire.receive(self._status)
        if message is None:
            self._loop.forget(self._status.fileno())
            self._status.close()
            self._status = None
            self._set_timer(None)
            self._started = not self._failure and len(self._progress.times()) == len(entry.STEPS)
            if self._started:
                failpoints.hit("keeper.exec-started")
                self._control.tell({"verb": "started", "pid": self.pid})
        elif message["verb"] == "terminal":
            self._open_terminal(*fds)
        else:
            self._failure = message

    def _open_terminal(self, master: int, slave: int) -> None:
        self._terminal, self._slave = master, slave
        output = Output(self._loop, os.dup(master), STDOUT, self._audience.deliver, self._stream_ended)
        self._audience.outputs.append(output)
        if self._execution.open_stdin:
            self._audience.open_input(os.dup(master))

    def _lose_patience(self) -> None:
        if self._status is not None:
            message = f"the process had not come to its program after {PATIENCE:.0f} seconds"
            self._failure = self._failure or self._report(errno.ETIMEDOUT, message)
            self.kill()
            self._control.tell(self._failure)  # a frozen process ends when it is thawed: nobody waits for that

    def _report(self, code: int, message: str) -> wire.Message:
        reached = len(self._progress.times())
        step = entry.NAMES[max(0, reached - 1)]
        return {"verb": "failed", "step": step, "errno": code, "subject": "", "message": message}

    def _why_killed(self) -> wire.Message:
        cgroup = self._container.cgroup
        if cgroup and cgroup.oom_kills() > self._oom_kills:
            return self._report(errno.ENOMEM, "the process was killed while it was set up: the container's memory is used up")
        return self._report(errno.EINTR, "the process was killed while it was set up")

    # -- while it runs -------------------------------------------------------------------------------------------------------

    def kill(self, number: int = signal.SIGKILL) -> None:
        """Send it a signal."""
        if self._pidfd >= 0 and not self._ended:
            self._killed |= number == signal.SIGKILL
            with contextlib.suppress(ProcessLookupError):  # it has ended: what a signal could not change
                processes.send_signal(self._pidfd, number)

    @property
    def over(self) -> bool:
        """Whether its process has ended."""
        return self._ended

    def join(self, reply: socket.socket) -> None:
        """Have somebody who was not there at its start hear its end, signal it and size its terminal."""
        self._control.connect(reply)
        if self._started:
            self._control.tell({"verb": "started", "pid": self.pid})

    def dismiss(self) -> None:
        """Let go of those who still read, once the container has ended."""
        self._audience.dismiss()

    def _kill(self, message: wire.Message, _fds: list[int]) -> None:
        self.kill(message["signal"])

    def _resize(self, message: wire.Message, _fds: list[int]) -> None:
        if self._terminal >= 0:
            terminal.resize(self._terminal, message["rows"], message["columns"])

    # -- its end -------------------------------------------------------------------------------------------------------------

    def container_ended(self) -> None:
        """Come to an end with the container, in which every process has been killed."""
        if not self._ended:
            self._has_ended(0)
        for output in self._audience.outputs:
            output.drain()
            output.close()
        self._stream_ended()

    def _has_ended(self, _events: int) -> None:
        while self._status is not None:
            self._status_says(0)
        self._loop.forget(self._pidfd)
        ended = processes.reap(self._pidfd)
        os.close(self._pidfd)
        self._ended, self._pidfd = True, -1
        try:
            self._tell_end(ended)
        finally:
            self._reaped(self)

    def _tell_end(self, ended: processes.Ended) -> None:
        if not self._started:
            self._failure = self._failure or self._why_killed()
            self._finish_failed()
            return
        for output in self._audience.outputs:
            output.pause(False)
            output.drain()
        failpoints.hit("keeper.exec-ended")
        self.exit_code = ended.exit_code
        self._tell_listeners()
        self._control.tell({"verb": "exited", "exit_code": ended.exit_code})
        self.heard = not self._control.empty
        self._close_terminal()
        self._set_timer(self._loop.after(AFTERMATH, self._be_late))
        self._stream_ended()

    def _finish_failed(self) -> None:
        """Leave nothing behind, then say why."""
        self._ended = True
        if self._status is not None:
            self._loop.forget(self._status.fileno())
            self._status.close()
            self._status = None
        self._close_terminal()
        for output in self._audience.outputs:
            output.close()
        self._audience.dismiss(hang_up=False)
        wire.close(attachment.fd for attachment in self._execution.attachments)
        if self._failure is not None:
            self._control.tell(self._failure)
        self._control.close()
        self._set_timer(None)
        self._served()

    def _set_timer(self, timer: Timer | None) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = timer

    def _close_terminal(self) -> None:
        """End the terminal: its session is over. What somebody left in the background gets its hang-up, as on any terminal."""
        if self._terminal >= 0:
            for output in self._audience.outputs:
                output.close()
            wire.close((self._terminal, self._slave))
            self._terminal = self._slave = -1

    def _be_late(self) -> None:
        self._late = True
        self._control.close()
        self._stream_ended()

    def _stream_ended(self) -> None:
        """Let listeners go when there is nothing more for them: all streams have ended, or the process has, a while ago.

        Not before whoever asked has heard the exit code and hung up: a client whose stream has ended asks for it at once,
        unless it is told here.
        Streams that something left in the background still writes to are read on, for nobody: closing them would kill it.
        """
        over = self._tell_listeners()
        if over and (self._late or self._control.empty) and not self._closing:
            self._closing = True
            self._set_timer(None)
            self._audience.end(killed=self._killed)
        self._served()

    def _tell_listeners(self) -> bool:
        """Tell those who asked for it how it ended, once there is nothing more for them; return whether that is so."""
        if self.exit_code is None or not (self._late or self._streams_over()):
            return False
        if not self._told:
            self._told = True
            self._audience.tell_exit(self.exit_code)
        return True

    def _streams_over(self) -> bool:
        return all(output.ended for output in self._audience.outputs)

    def _served(self) -> None:
        if self._ended and self._audience.empty and self._control.empty and self._streams_over():
            self._gone(self)


def _as_launch(container: Launch, execution: Execution) -> Launch:
    """Return the launch a child's steps and an audience read, with this process in place of the container's first."""
    linux: dict[str, Any] = {"cgroupsPath": (container.spec.get("linux") or {}).get("cgroupsPath")}
    return Launch(
        id=container.id,
        directory="",
        spec={"process": execution.process, "linux": linux},
        rootfs=Rootfs((), "", ""),
        user=execution.user,
        groups=execution.groups,
        stdin_once=True,
        seccomp=execution.seccomp,
    )
