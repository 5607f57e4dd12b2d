"""The daemon's end of one further process in a container (Docker's exec): signal it, size its terminal, hear of its end."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Callable

from dockerkit.daemon.runtime import wire
from dockerkit.daemon.runtime.exits import StartFailed
from dockerkit.daemon.runtime.peers import Peer

KILLED = 137


class Process(Peer):
    """A process that came into a running container.

    :ivar pid: as the host sees it.
    """

    def __init__(self, pid: int, connection: socket.socket, on_exit: Callable[[int], None]) -> None:
        super().__init__(connection)
        self.pid = pid
        self._on_exit = on_exit

    def hear(self) -> None:
        """Read the one message that comes, or the silence of a keeper that died, and tell of the end; then hang up.

        The keeper lets the process's listeners go when we have: by then whoever asks has been told the exit code.
        """
        message: wire.Message | None = None
        fds: list[int] = []
        with contextlib.suppress(OSError, ValueError):  # ECONNRESET: it was killed with our messages unread
            message, fds = wire.receive(self.connection)
        wire.close(fds)
        try:
            self._on_exit(message["exit_code"] if message and message["verb"] == "exited" else KILLED)
        finally:
            self.disconnect()


def await_process(connection: socket.socket, on_exit: Callable[[int], None]) -> Process:
    """Wait until a keeper says that a process has come to its program.

    :raises StartFailed: it has not, and nothing is left of it.
    """
    message: wire.Message | None = None
    with contextlib.suppress(ConnectionResetError):
        message, _ = wire.receive(connection)
    if message is None:
        raise StartFailed("clone", 0, "", "the container's keeper has gone")
    if message["verb"] != "started":
        raise StartFailed(message["step"], message["errno"], message["subject"], message["message"])
    return Process(message["pid"], connection, on_exit)


def rejoined(connection: socket.socket, on_exit: Callable[[int], None]) -> Process | int | None:
    """Wait until a keeper says what became of a process it was asked about: it runs, how it ended, or that it never ran."""
    message: wire.Message | None = None
    with contextlib.suppress(ConnectionResetError):
        message, _ = wire.receive(connection)
    if message is None:
        return KILLED
    if message["verb"] == "started":
        return Process(message["pid"], connection, on_exit)
    return int(message["exit_code"]) if message["verb"] == "exited" else None
