"""The daemon's side of the runtime: start a container and be called when it ends. Threads welcome.

Example::

    runtime = Runtime("/var/lib/dockerkit/run", on_exit=lambda id, exit: print(id, exit.exit_code))
    runtime.start()
    keeper = runtime.spawn(launch)      # the program runs; Docker's "start" has happened
    keeper.kill(signal.SIGTERM)
    keeper.gone.result()                # its processes, mounts, cgroup and keeper are no more

It forks nothing itself: see ``shim``. What it never does: decide what a container may do, or write into a container's
directory, except for the exit of one whose keeper was killed.
"""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import threading
import time
from collections.abc import Callable

from dockerkit.daemon.kernel.cgroups import detect
from dockerkit.daemon.runtime import exits, wire
from dockerkit.daemon.runtime.exits import Exit, StartFailed
from dockerkit.daemon.runtime.keeper.control import SOCKET
from dockerkit.daemon.runtime.keepers import Keeper, dial
from dockerkit.daemon.runtime.launch import Attachment, Execution, Launch, Rootfs, launch_document
from dockerkit.daemon.runtime.process import Process
from dockerkit.daemon.runtime.shim.launching import start_shim
from dockerkit.daemon.runtime.watcher import Watcher

__all__ = ["Attachment", "Execution", "Exit", "Keeper", "Launch", "Process", "Rootfs", "Runtime", "StartFailed"]

KILLED = 137
_SHIM_ENDS = 5.0
_ATTEMPTS = 5
"""How many shims may die under one start."""


class Runtime:
    """Starts containers and hears of their ends.

    :param directory: the runtime's own; made if missing.
    :param on_exit: called once per container on the watcher's thread; it must not wait for another container.
    :param on_detach: called on the same thread with a container's id, when a client of it typed its detach keys.
    :param cgroup_parent: below which the containers' groups will be, if it is known: then the first start is as fast as all.
    """

    def __init__(
        self,
        directory: str,
        *,
        on_exit: Callable[[str, Exit], None],
        on_detach: Callable[[str], None] = lambda _id: None,
        cgroup_parent: str = "",
    ) -> None:
        self._directory, self._cgroup_parent = directory, cgroup_parent
        self._on_exit = on_exit
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._connection: socket.socket | None = None
        self._homes: dict[str, tuple[str, str]] = {}
        self._watcher = Watcher(
            ended=lambda keeper, ended: self._on_exit(keeper.id, ended),
            died=self._died,
            left=self._left,
            detached=lambda keeper: on_detach(keeper.id),
        )

    def start(self) -> None:
        """Start the shim (it is ready some 30 ms later; nobody needs to wait for it) and the thread that hears keepers.

        :raises OSError: no permission, no descriptors.
        """
        os.makedirs(self._directory, mode=0o700, exist_ok=True)
        self._watcher.start()
        with self._lock:
            self._shim()

    def spawn(self, launch: Launch) -> Keeper:
        """Start a container; returns when its program has been exec'ed, some 5 ms later. Thread-safe.

        :raises StartFailed: which step failed and why; nothing of the container is left then.
        """
        fds = [attachment.fd for attachment in launch.attachments]
        try:
            document, program = launch_document(launch)
            fds.insert(0, wire.pack(document, program))
            for _ in range(_ATTEMPTS):
                keeper = self._request(launch, fds)
                if keeper is not None:
                    return keeper
        finally:
            wire.close(fds)
        raise StartFailed("shim", 0, "", f"the shim does not live; see {self._directory}/shim.log")

    def adopt(self, id: str, directory: str) -> Keeper | Exit | None:
        """Find out about a container after a restart: its keeper, when it still runs; how it ended; None when nothing is known.

        A container whose keeper was killed is killed and cleaned up after; that is its exit then.

        :raises OSError: the directory cannot be used.
        """
        connection = dial(directory)
        keeper = self._greet(id, connection) if connection else None
        if keeper:
            self._homes[id] = (directory, (exits.read_running(directory) or {}).get("cgroup", ""))
            self._watcher.watch(keeper)
            return keeper
        ended = exits.read_ended(directory)
        if ended or not (record := exits.read_running(directory)):
            return ended
        return _bury(directory, record.get("cgroup", ""))

    def close(self) -> None:
        """Let the shim go, and hear nothing more. Keepers and their containers go on."""
        with self._lock:
            if self._connection:
                self._connection.close()
                self._connection = None
            process, self._process = self._process, None
        if process:
            _wait_or_kill(process)
        self._watcher.stop()

    def _request(self, launch: Launch, fds: list[int]) -> Keeper | None:
        """Ask the shim once; None when it died before it had forked, so it is safe to ask again."""
        cgroup = (launch.spec.get("linux") or {}).get("cgroupsPath") or ""
        ours, theirs = wire.pair()
        with theirs:
            process = self._send({"verb": "spawn", "cgroup_parent": cgroup.split("/")[0]}, [theirs.fileno(), *fds])
        answer = _answer(ours)
        if answer and answer["verb"] == "started":
            steps = tuple(answer["steps"])
            keeper = Keeper(launch.id, answer["pid"], answer["started_at"], ours, follow=self._watcher.follow, steps=steps)
            self._homes[launch.id] = (launch.directory, cgroup)
            self._watcher.watch(keeper)
            return keeper
        ours.close()
        if answer:
            raise StartFailed(answer["step"], answer["errno"], answer["subject"], answer["message"])
        if not _has_died(process):
            _clean(launch.directory, cgroup)
            exits.forget(launch.directory)
            raise StartFailed("keeper", 0, "", f"the keeper died; see {self._directory}/shim.log")
        return None

    def _send(self, message: wire.Message, fds: list[int]) -> subprocess.Popen[bytes]:
        """Hand a request to the shim, to a new one if the old one is gone; returns the process it went to."""
        with self._lock:
            process, connection = self._shim()
            try:
                wire.send(connection, message, fds)
            except (BrokenPipeError, ConnectionResetError):
                _has_died(process)
                self._connection = None
                process, connection = self._shim()
                wire.send(connection, message, fds)
        return process

    def _shim(self) -> tuple[subprocess.Popen[bytes], socket.socket]:
        if self._process is not None and self._connection is not None and self._process.poll() is None:
            return self._process, self._connection
        if self._connection is not None:
            self._connection.close()
        ours, theirs = wire.pair()
        with theirs:
            self._process = start_shim(theirs.fileno(), self._directory, self._cgroup_parent)
        self._connection = ours
        return self._process, ours

    def _greet(self, id: str, connection: socket.socket) -> Keeper | None:
        try:
            wire.send(connection, {"verb": "hello", "version": wire.VERSION})
            welcome, _ = wire.receive(connection)
        except OSError:
            welcome = None
        if not welcome or welcome["verb"] != "welcome":  # it was just about to go: what it wrote down tells the rest
            connection.close()
            return None
        return Keeper(id, welcome["pid"], welcome["started_at"], connection, follow=self._watcher.follow)

    def _died(self, keeper: Keeper) -> Exit:
        return _bury(*self._homes[keeper.id])

    def _left(self, keeper: Keeper, cleaned: bool) -> None:
        directory, cgroup = self._homes.pop(keeper.id)
        if not cleaned:
            _clean(directory, cgroup)


def _bury(directory: str, cgroup: str) -> Exit:
    """Clean up what a killed keeper left; return the exit it wrote, or write the one it could not."""
    _clean(directory, cgroup)
    ended = Exit(KILLED, False, time.time_ns(), error="keeper died")
    if exits.read_running(directory) is None:
        return exits.read_ended(directory) or ended
    exits.write_ended(directory, ended)
    return ended


def _clean(directory: str, cgroup: str) -> None:
    """Kill what a dead keeper's container still runs, and remove its group and socket."""
    with contextlib.suppress(FileNotFoundError):
        os.unlink(os.path.join(directory, SOCKET))
    if cgroup:
        _remove_group(cgroup)


def _remove_group(path: str) -> None:
    cgroups = detect(path.split("/", maxsplit=1)[0])
    try:
        group = cgroups.open(path)
        group.kill()
        group.remove()
    finally:
        cgroups.close()


def _answer(connection: socket.socket) -> wire.Message | None:
    """Wait for a keeper's first word; after a failure also for its end, so that nothing is left when the failure is told."""
    try:
        answer, _ = wire.receive(connection)
        if answer and answer["verb"] != "started":
            wire.receive(connection)
    except ConnectionResetError:
        return None
    return answer


def _has_died(process: subprocess.Popen[bytes]) -> bool:
    """Return whether the shim has died; its sockets close a moment before it can be waited for."""
    try:
        process.wait(0.2)
    except subprocess.TimeoutExpired:
        return False
    return True


def _wait_or_kill(process: subprocess.Popen[bytes]) -> None:
    try:
        process.wait(_SHIM_ENDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
