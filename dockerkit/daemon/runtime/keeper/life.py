"""One container's life as its keeper lives it: conceive, birth, life, end. Read from top to bottom, it is in that order.

A keeper is forked by the shim and never execs; it runs one loop until the container has ended and everybody who listens has
been served, and then is gone, with its cgroup and sockets. It depends neither on the shim nor on the daemon that asked for
it.
"""

from __future__ import annotations

import contextlib
import errno
import os
import signal
import socket
import time
import traceback
from dataclasses import asdict, replace
from typing import NoReturn

from dockerkit.daemon.kernel import failpoints, processes, terminal
from dockerkit.daemon.kernel.cgroups import Cgroup
from dockerkit.daemon.logs.records import STDERR, STDOUT
from dockerkit.daemon.runtime import exits, wire
from dockerkit.daemon.runtime.child import steps
from dockerkit.daemon.runtime.child.birth import Place
from dockerkit.daemon.runtime.keeper.audience import Audience
from dockerkit.daemon.runtime.keeper.conception import Conception, NotBorn, Order
from dockerkit.daemon.runtime.keeper.control import Control
from dockerkit.daemon.runtime.keeper.exec import Container
from dockerkit.daemon.runtime.keeper.execs import Execs, tell
from dockerkit.daemon.runtime.keeper.journal import Journal
from dockerkit.daemon.runtime.keeper.loop import READ, Loop
from dockerkit.daemon.runtime.keeper.orphans import bury_orphans
from dockerkit.daemon.runtime.keeper.seat import Seat
from dockerkit.daemon.runtime.keeper.streams import Output
from dockerkit.daemon.runtime.launch import read_attachment


class Life:
    """A container between its keeper's birth and its keeper's end.

    :param seat: a child made ahead, or None.
    """

    def __init__(self, order: Order, place: Place, seat: Seat | None) -> None:
        self._launch = order.launch
        self._place = place
        self._child = Conception(order, place, seat)
        self._loop = Loop()
        verbs = {
            "hello": self._hello,
            "attach": self._attach,
            "kill": self._kill,
            "resize": self._resize,
            "release": self._release,
            "execute": self._execute,
            "rejoin": self._rejoin,
        }
        self._control = Control(self._loop, verbs)
        self._control.connect(order.connection)
        self._terminal, self._namespace = -1, -1
        self._held: list[int] = []
        self._started_at = 0
        self._failure: wire.Message | None = None
        self._ended: processes.Ended | None = None
        self._killed = False
        self._execs: Execs | None = None

    def run(self) -> None:
        """Live the container's life; returns when all is over.

        :raises NotBorn: it could not be started; nothing of it is left.
        """
        try:
            self._conceive()
            self._wait_for_birth()
        except NotBorn as error:
            self._undo(error)
            raise
        while self._ended is None:
            self._loop.turn()
        self._end(self._ended)
        while not (self._audience.empty and (self._execs is None or self._execs.empty)):
            self._loop.turn()

    # -- conceive: a child, and what can be done while it works --------------------------------------------------------------

    def _conceive(self) -> None:
        self._child.run()
        self._loop.watch(self._child.status.fileno(), READ, self._status_says)
        self._loop.watch(self._child.pidfd, READ, self._has_ended)
        for step, act in (("log", self._open_streams), ("record", self._write_down)):
            try:
                failpoints.hit(f"keeper.{step}")
                act()
            except OSError as error:
                raise NotBorn(steps.report(step, error)) from error

    def _open_streams(self) -> None:
        launch = self._launch
        self._journal = Journal(launch.log, max_size=launch.log_max_size, max_files=launch.log_max_files)
        detached = {"verb": "detached"}
        self._audience = Audience(self._loop, self._launch, self._journal, detached=lambda: self._control.tell(detached))
        for descriptor, stream in zip(self._child.ours, (STDOUT, STDERR), strict=False):
            self._audience.outputs.append(Output(self._loop, descriptor, stream, self._audience.deliver))
        if len(self._child.ours) > 2:
            self._audience.open_input(self._child.ours[2])
        for attachment in self._launch.attachments:
            self._audience.add(attachment)

    def _write_down(self) -> None:
        """Say who keeps this container, for daemons to come, and hold its mounts, so that its end need not wait for a disk."""
        path = self._child.cgroup.path if self._child.cgroup else ""
        document = {"version": wire.VERSION, "keeper": os.getpid(), "pid": self._child.pid, "cgroup": path}
        exits.write_running(self._launch.directory, document)
        self._control.listen(self._launch.directory)
        with contextlib.suppress(FileNotFoundError, PermissionError):  # it is gone already, or hidden: then it must wait
            self._namespace = os.open(f"/proc/{self._child.pid}/ns/mnt", os.O_RDONLY | os.O_CLOEXEC)

    # -- birth: what the child says until its program runs -------------------------------------------------------------------

    def _wait_for_birth(self) -> None:
        while not self._started_at:
            self._loop.turn()
        if self._failure:
            raise NotBorn(self._failure)
        times = self._child.progress.times()
        if len(times) < len(steps.STEPS):
            raise NotBorn(self._killed_at(steps.NAMES[max(0, len(times) - 1)]))
        failpoints.hit("keeper.born")
        self._control.tell({"verb": "started", "pid": self._child.pid, "started_at": self._started_at, "steps": times})
        failpoints.hit("keeper.started")

    def _killed_at(self, step: str) -> wire.Message:
        starved = bool(self._child.cgroup and self._child.cgroup.oom_kills())
        message = "the process was killed while it was set up" + (": its memory limit is too low for that" if starved else "")
        return {
            "verb": "failed",
            "step": step,
            "errno": errno.ENOMEM if starved else errno.EINTR,
            "subject": "",
            "message": message,
        }

    def _status_says(self, _events: int) -> None:
        try:
            message, fds = wire.receive(self._child.status)
        except ConnectionResetError:  # told once, of one that ended before it had read all: what it said comes next
            return
        if message is None:
            self._loop.forget(self._child.status.fileno())
            self._child.status.close()
            self._started_at = time.time_ns()
        elif message["verb"] == "terminal":
            self._open_terminal(*fds)
        else:
            self._failure = message

    def _open_terminal(self, master: int, slave: int) -> None:
        # the slave is held so that a container that closes its terminal for a moment does not lose it
        self._terminal = master
        self._held.append(slave)
        self._audience.outputs.append(Output(self._loop, os.dup(master), STDOUT, self._audience.deliver))
        if self._launch.open_stdin:
            self._audience.open_input(os.dup(master))

    def _undo(self, cause: NotBorn) -> None:
        """Leave nothing behind; a second failure is told beside the first, not instead of it."""
        try:
            self._child.undo(ended=self._ended is not None)
            exits.forget(self._launch.directory)
            self._control.finish(self._launch.directory)
        except OSError as error:
            cause.report["message"] += f" (and cleaning up failed: {error})"
        if hasattr(self, "_audience"):
            self._audience.dismiss()

    # -- life: what is asked for ---------------------------------------------------------------------------------------------

    def _hello(self, _message: wire.Message, _fds: list[int]) -> wire.Message:
        return {"verb": "welcome", "version": wire.VERSION, "pid": self._child.pid, "started_at": self._started_at}

    def _attach(self, _message: wire.Message, fds: list[int]) -> None:
        document, _ = wire.unpack(fds[0])
        self._audience.add(read_attachment(document, fds[1]))
        os.close(fds[0])
        fds.clear()

    def _kill(self, message: wire.Message, _fds: list[int]) -> None:
        if self._ended is None:
            self._killed |= message["signal"] == signal.SIGKILL
            with contextlib.suppress(ProcessLookupError):  # it has ended: what a signal could not change
                processes.send_signal(self._child.pidfd, message["signal"])

    def _resize(self, message: wire.Message, _fds: list[int]) -> None:
        if self._terminal >= 0:
            terminal.resize(self._terminal, message["rows"], message["columns"])

    def _execute(self, message: wire.Message, fds: list[int]) -> None:
        if self._execs is None:
            host = os.open("/proc/self/ns/pid", os.O_RDONLY | os.O_CLOEXEC)
            container = Container(self._launch, self._place, self._child.cgroup, self._child.pidfd, host)
            self._execs = Execs(self._loop, container, self._child.reaped_by_pidfd)
        if self._ended is not None or not self._started_at:
            self._execs.end()
        self._execs.execute(message, fds)

    def _rejoin(self, message: wire.Message, fds: list[int]) -> None:
        if self._execs is not None:
            self._execs.rejoin(message, fds)
        else:
            with socket.socket(fileno=fds.pop(0)) as reply:
                tell(reply, {"verb": "unknown"})

    def _release(self, _message: wire.Message, _fds: list[int]) -> None:
        """Once the container has ended, let go of those who still read."""
        if self._ended is not None:
            self._audience.dismiss()
            if self._execs is not None:
                self._execs.dismiss()

    # -- end: drain, write down, tell, clean up ------------------------------------------------------------------------------

    def _has_ended(self, _events: int) -> None:
        self._loop.forget(self._child.pidfd)
        self._ended = processes.reap(self._child.pidfd)

    def _end(self, ended: processes.Ended) -> None:
        failpoints.hit("keeper.ended")
        if self._child.cgroup is not None and not self._child.owns_processes:
            self._child.cgroup.kill()  # without a pid namespace of its own, its children outlive it
        if self._execs is not None:
            self._execs.end()
        for output in self._audience.outputs:
            output.pause(False)
            output.drain()
        self._tell_end(ended)
        cleaned = self._child.cgroup is None or self._remove_cgroup(self._child.cgroup)
        self._control.finish(self._launch.directory)
        if cleaned:
            self._control.tell({"verb": "cleaned"})  # or the daemon does it, when we are gone
        failpoints.hit("keeper.cleaned")
        for output in self._audience.outputs:
            output.close()
        wire.close(self._held)
        if self._namespace >= 0:
            os.close(self._namespace)  # everything is unmounted here, the upper directory synced: nobody waits for that
        self._audience.end(killed=self._killed)

    def _tell_end(self, ended: processes.Ended) -> None:
        killed = bool(self._child.cgroup and self._child.cgroup.oom_kills())
        unheard = self._execs.unheard if self._execs is not None else {}
        record = exits.Exit(ended.exit_code, killed, time.time_ns(), log_lost=self._journal.lost, execs=unheard)
        try:
            failpoints.hit("keeper.exit-record")
            exits.write_ended(self._launch.directory, record)
        except FileNotFoundError:  # the container's directory was taken away: then nobody will ask
            pass
        except OSError as error:
            record = replace(record, error=f"the exit could not be written down: {error}")
        failpoints.hit("keeper.exit-written")
        me = os.pidfd_open(os.getpid())
        self._control.tell({"verb": "exit", **asdict(record)}, [me])
        os.close(me)
        failpoints.hit("keeper.exit-told")

    def _remove_cgroup(self, cgroup: Cgroup) -> bool:
        try:
            failpoints.hit("keeper.cgroup")
            if not self._child.owns_processes:
                bury_orphans()
            cgroup.remove()
        except OSError as error:
            os.write(2, f"container {self._launch.id}: {error}\n".encode())
            return False
        return True


def keep(life: Life, connection: socket.socket) -> NoReturn:
    """Live `life` to its end and be gone; what could not be started is told through `connection`."""
    code = 0
    copy = socket.socket(fileno=os.dup(connection.fileno()))
    try:
        try:
            life.run()
        except NotBorn as error:
            with contextlib.suppress(OSError):  # whoever asked is gone
                wire.send(copy, error.report)
    except BaseException:
        os.write(2, traceback.format_exc().encode())
        code = 1
    finally:
        os._exit(code)
