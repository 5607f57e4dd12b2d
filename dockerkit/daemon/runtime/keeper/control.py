"""Who asks: the daemon that started the container, and any that comes later through ``keeper.sock``. Does no verb itself."""

from __future__ import annotations

import contextlib
import os
import socket
import struct
from collections.abc import Callable, Mapping

from dockerkit.daemon.runtime import wire
from dockerkit.daemon.runtime.keeper.loop import READ, Loop

SOCKET = "keeper.sock"

Verb = Callable[[wire.Message, list[int]], wire.Message | None]
"""Takes a message and its descriptors and returns an answer or None; what it keeps, it takes out of the list."""


def address(directory: int) -> str:
    """Return the address of the socket in an open directory: whatever its path is, it fits into 107 bytes."""
    return f"/proc/self/fd/{directory}/{SOCKET}"


class Control:
    """The listening socket in the container's directory, and everybody connected.

    :param left: called when the last of those connected has gone.
    """

    def __init__(self, loop: Loop, verbs: Mapping[str, Verb], *, left: Callable[[], None] = lambda: None) -> None:
        self._loop, self._verbs, self._left = loop, verbs, left
        self._connections: dict[int, socket.socket] = {}
        self._listener: socket.socket | None = None

    def listen(self, directory: str) -> None:
        """Make ``keeper.sock``; only root may connect.

        :raises OSError: the directory is gone.
        """
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET | socket.SOCK_NONBLOCK)
        folder = os.open(directory, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        mask = os.umask(0o177)
        try:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(SOCKET, dir_fd=folder)
            self._listener.bind(address(folder))
        finally:
            os.umask(mask)
            os.close(folder)
        self._listener.listen(16)
        self._loop.watch(self._listener.fileno(), READ, self._accept)

    def connect(self, connection: socket.socket) -> None:
        """Serve somebody who is connected already."""
        connection.setblocking(False)
        self._connections[connection.fileno()] = connection
        self._loop.watch(connection.fileno(), READ, lambda _: self._receive(connection))

    def tell(self, message: wire.Message, fds: list[int] | None = None) -> None:
        """Send a message to everybody."""
        for connection in tuple(self._connections.values()):
            self._send(connection, message, fds or [])

    @property
    def empty(self) -> bool:
        """Whether nobody is connected."""
        return not self._connections

    def close(self) -> None:
        """Hang up on everybody."""
        for connection in tuple(self._connections.values()):
            self._hang_up(connection)

    def finish(self, directory: str) -> None:
        """Take what was already asked for, and no more."""
        for connection in tuple(self._connections.values()):
            self._receive(connection)
        if self._listener is not None:
            self._loop.forget(self._listener.fileno())
            self._listener.close()
            self._listener = None
            with contextlib.suppress(FileNotFoundError):
                os.unlink(os.path.join(directory, SOCKET))

    def _accept(self, _events: int) -> None:
        if self._listener is not None:
            with contextlib.suppress(BlockingIOError, ConnectionAbortedError):  # it went away before we came
                self.connect(self._listener.accept()[0])

    def _receive(self, connection: socket.socket) -> None:
        while connection.fileno() >= 0:
            try:
                message, fds = wire.receive(connection)
            except BlockingIOError:
                return
            except (OSError, ValueError):  # not somebody who speaks our language
                message, fds = None, []
            if message is None:
                self._hang_up(connection)
                return
            self._act(connection, message, fds)

    def _act(self, connection: socket.socket, message: wire.Message, fds: list[int]) -> None:
        verb = self._verbs.get(str(message.get("verb")))
        if verb is None:  # a newer daemon's word
            wire.close(fds)
            return
        try:
            answer = verb(message, fds)
        except (OSError, ValueError, KeyError, TypeError, struct.error) as error:
            # whoever sends what makes no sense must not end a container, nor lose the connection over which its end is told
            os.write(2, f"keeper: {message.get('verb')}: {type(error).__name__}: {error}\n".encode())
            wire.close(fds)
            return
        if answer:
            self._send(connection, answer, [])

    def _send(self, connection: socket.socket, message: wire.Message, fds: list[int]) -> None:
        try:
            wire.send(connection, message, fds)
        except OSError:  # it is gone, or does not read: either way there is nobody to tell
            self._hang_up(connection)

    def _hang_up(self, connection: socket.socket) -> None:
        if self._connections.pop(connection.fileno(), None):
            self._loop.forget(connection.fileno())
            connection.close()
            if not self._connections:
                self._left()
