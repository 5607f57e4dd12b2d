"""Sending a signal to a program that ``exec`` or ``popen`` started, which Docker's API has no word for.

Three ways, the first that works:

1. our own engine has a route for it;
2. the engine's record names the process on its host; when that is this host, and the process is seen here and belongs to the
   container (its cgroup says so), it is signalled through a pidfd, so that a number used again hurts nobody;
3. on a foreign engine every such program carries a mark in its environment, ``DOCKERKIT_EXEC``, and a shell inside signals
   whatever carries it: the program and what it started. The container needs ``sh`` and ``grep`` for it.
"""

from __future__ import annotations

import os
import secrets
import signal as signals
import time
from typing import Any

import msgspec

from dockerkit.client.engine import Engine, segment
from dockerkit.errors import Conflict, NotFound, Unsupported
from dockerkit.schema.signals import parse_signal

MARK = "DOCKERKIT_EXEC"
_LOOKS, _GRACE, _BETWEEN = 200, 20, 0.01
_SWEEP = 'for p in /proc/[0-9]*; do grep -q "$0" "$p/environ" 2>/dev/null && kill -"$1" "${p#/proc/}"; done; true'


class Target:
    """A program inside a container, to be signalled.

    :param container: the container's id.
    """

    def __init__(self, engine: Engine, container: str) -> None:
        self._engine = engine
        self.container = container
        """The container's id."""
        self.id = ""
        """The exec's id, once it has one."""
        self.mark = secrets.token_hex(8) if engine.foreign else ""
        """What the program carries in its environment, on a foreign engine."""

    def kill(self, signal: str | int = "KILL") -> None:
        """Send it a signal; nothing happens when it has ended.

        :raises Unsupported: none of the ways is open; it runs on.
        """
        number = parse_signal(str(signal))
        try:
            signalled = self._by_engine(number) or self._by_pid(number) or self._by_mark(number)
            if not signalled and not self._just_ended():
                raise Unsupported(
                    f"the program {self.id[:12]} in container {self.container[:12]} could not be signalled: it runs on",
                    hint="the engine runs elsewhere, and the container has no sh and grep",
                )
        except NotFound:
            return  # the container has gone, and the program with it

    def _by_engine(self, number: int) -> bool:
        if self._engine.foreign:
            return False
        if not self._started().get("Running"):
            return True
        try:
            self._engine.post(self._engine.extension(f"/exec/{self.id}/kill", word="exec"), signal=number)
        except Unsupported:
            return False
        except Conflict:
            return True  # it has ended in this moment
        return True

    def _started(self) -> dict[str, Any]:
        """Return the record, once it names a process: one that is just being started has none yet."""
        for _ in range(_LOOKS):
            record: dict[str, Any] = self._engine.get(f"/exec/{self.id}/json")
            if record.get("Pid") or not record.get("Running"):
                break
            time.sleep(_BETWEEN)
        return record

    def _just_ended(self) -> bool:
        """Tell whether it is nowhere to be found because it has ended, which the engine may hear a moment later."""
        for _ in range(_GRACE):
            if not self._engine.get(f"/exec/{self.id}/json").get("Running"):
                return True
            time.sleep(_BETWEEN)
        return False

    def _by_pid(self, number: int) -> bool:
        record = self._started()
        if not record.get("Running"):
            return True
        pid = int(record.get("Pid") or 0)
        if not pid or not self._engine.local or not hasattr(os, "pidfd_open"):
            return False
        try:
            pidfd = os.pidfd_open(pid)
        except OSError:
            return False
        try:
            # The order counts: the descriptor is held, so what is true of the number now is true of what is signalled.
            if not belongs(pid, self.container) or not self._engine.get(f"/exec/{self.id}/json").get("Running"):
                return False
            signals.pidfd_send_signal(pidfd, number)
        except (PermissionError, ProcessLookupError):
            return False
        finally:
            os.close(pidfd)
        return True

    def _by_mark(self, number: int) -> bool:
        if not self.mark:
            return False
        body = {"Cmd": ["sh", "-c", _SWEEP, f"{MARK}={self.mark}", str(number)], "User": "0", "AttachStdout": True}
        made = self._engine.post(f"/containers/{segment(self.container)}/exec", json=body)
        sweep = str(msgspec.json.decode(made)["Id"])
        stream = self._engine.upgrade(f"/exec/{sweep}/start", json={"Detach": False, "Tty": False})
        try:
            stream.socket.settimeout(self._engine.timeout)
            while stream.socket.recv(4096):
                pass
        finally:
            stream.close()
        return bool(self._engine.get(f"/exec/{sweep}/json").get("ExitCode") == 0)


def belongs(pid: int, container: str) -> bool:
    """Tell whether a process of this host is one of a container's: its cgroup has the container's id (cgroups(7))."""
    try:
        with open(f"/proc/{pid}/cgroup", encoding="utf-8") as file:
            return container in file.read()
    except OSError:
        return False
