"""Whether the proxy is still there: a thread that waits for its connection to hang up. Never reads from it, never writes."""

from __future__ import annotations

import select
import socket
import threading
from collections.abc import Callable


def watch(connection: socket.socket, ended: Callable[[socket.socket], None]) -> None:
    """Call `ended` with the connection, on a thread of its own, once either side has hung up."""
    arguments = (connection, connection.dup(), ended)
    threading.Thread(target=_wait, args=arguments, name="ports", daemon=True).start()


def _wait(connection: socket.socket, watched: socket.socket, ended: Callable[[socket.socket], None]) -> None:
    with watched:
        waiting = select.poll()
        waiting.register(watched.fileno(), 0)  # a hang-up is always told
        waiting.poll()
    ended(connection)
