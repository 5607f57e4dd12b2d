"""The daemon's end of one keeper: ask it, and be told when it is gone. Sends only; what comes back is read by the watcher."""

from __future__ import annotations

import contextlib
import os
import socket
import threading
from concurrent.futures import Future

from dockerkit.daemon.runtime import wire
from dockerkit.daemon.runtime.keeper.control import address
from dockerkit.daemon.runtime.launch import Attachment, attachment_document


class Keeper:
    """A running container's keeper.

    :ivar pid: of the container's init, as the host sees it.
    :ivar started_at: nanoseconds since 1970.
    :ivar gone: done when keeper, cgroup and sockets are no more; nothing of the container's processes or mounts is left then.
    :ivar steps: when each step of the birth began (monotonic ns), in the order of ``child.steps.NAMES``; empty when adopted.
    """

    def __init__(self, id: str, pid: int, started_at: int, connection: socket.socket, steps: tuple[int, ...] = ()) -> None:
        self.id, self.pid, self.started_at, self.steps = id, pid, started_at, steps
        self.gone: Future[None] = Future()
        self.connection = connection
        self._lock = threading.Lock()  # between asking and the watcher's closing: a descriptor's number is soon another's

    def attach(self, attachment: Attachment) -> None:
        """Have somebody listen or type; its descriptor is the keeper's from now on.

        When the container has ended meanwhile, the descriptor is simply closed.
        """
        fds = [attachment.fd]
        try:
            fds.append(wire.pack(attachment_document(attachment)))
            self._ask({"verb": "attach"}, fds[::-1])
        finally:
            wire.close(fds)

    def kill(self, signal: int) -> None:
        """Send the container's init a signal; nothing happens when it has ended.

        :raises ValueError: there is no such signal.
        """
        if not 1 <= signal <= 64:
            raise ValueError(f"no such signal: {signal}")
        self._ask({"verb": "kill", "signal": signal})

    def resize(self, rows: int, columns: int) -> None:
        """Set the terminal's size in characters; nothing happens when there is none."""
        self._ask({"verb": "resize", "rows": rows, "columns": columns})

    def release(self) -> None:
        """Once the container has ended: do not wait for clients that still have output to read."""
        self._ask({"verb": "release"})

    def disconnect(self) -> None:
        """Close the connection; what is asked after that is for nobody."""
        with self._lock:
            self.connection.close()

    def _ask(self, message: wire.Message, fds: list[int] | None = None) -> None:
        # EPIPE, ECONNRESET: the keeper is gone, which `gone` and on_exit tell
        with self._lock, contextlib.suppress(BrokenPipeError, ConnectionResetError):
            if self.connection.fileno() >= 0:
                wire.send(self.connection, message, fds or [])


def dial(directory: str) -> socket.socket | None:
    """Connect to the keeper that serves `directory`; None when there is none."""
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    try:
        folder = os.open(directory, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            connection.connect(address(folder))
        finally:
            os.close(folder)
    except (FileNotFoundError, ConnectionRefusedError):
        connection.close()
        return None
    except OSError:
        connection.close()
        raise
    return connection
