"""The daemon's end of one socket to a keeper: messages out, from any thread, and a closing that none of them can fall into."""

from __future__ import annotations

import contextlib
import socket
import threading

from dockerkit.daemon.runtime import wire


class Peer:
    """Somebody a keeper answers to. What comes back is read by the watcher.

    :ivar connection: the socket.
    """

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        self._lock = threading.Lock()  # between asking and the watcher's closing: a descriptor's number is soon another's

    def kill(self, signal: int) -> None:
        """Send the process a signal; nothing happens when it has ended.

        :raises ValueError: there is no such signal.
        """
        if not 1 <= signal <= 64:
            raise ValueError(f"no such signal: {signal}")
        self._ask({"verb": "kill", "signal": signal})

    def resize(self, rows: int, columns: int) -> None:
        """Set the terminal's size in characters; nothing happens when there is none."""
        self._ask({"verb": "resize", "rows": rows, "columns": columns})

    def disconnect(self) -> None:
        """Close the connection; what is asked after that is for nobody."""
        with self._lock:
            self.connection.close()

    def _ask(self, message: wire.Message, fds: list[int] | None = None) -> None:
        # EPIPE, ECONNRESET: the keeper is gone, which `gone` and on_exit tell
        with self._lock, contextlib.suppress(BrokenPipeError, ConnectionResetError):
            if self.connection.fileno() >= 0:
                wire.send(self.connection, message, fds or [])
