"""A session's connection: as long as it is open, and its process lives, what the session owns may live."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import struct
from typing import cast

from dockerkit.daemon.api import errors
from dockerkit.daemon.api.application import Application
from dockerkit.schema import wire

log = logging.getLogger(__name__)
SO_PEERPIDFD = 77
"""Linux 6.5 and newer: a pidfd of the process that connected, without a race over its number."""
_CREDENTIALS = struct.Struct("3i")


def peer(connected: socket.socket) -> tuple[int | None, int]:
    """Return a pidfd of the process at the other end, the caller's to close, and its number (unix(7), SO_PEERCRED).

    :returns: ``(None, pid)`` when the process has gone or is out of sight, ``(None, 0)`` when the socket is no unix socket.
    """
    if connected.family != socket.AF_UNIX:
        return None, 0
    raw = connected.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    pid = _CREDENTIALS.unpack(raw)[0]
    try:
        return connected.getsockopt(socket.SOL_SOCKET, SO_PEERPIDFD), pid
    except OSError:
        pass  # an older kernel, or the process has been reaped: the second way tells them apart
    try:
        return os.pidfd_open(pid), pid
    except OSError:
        return None, pid


class SessionConnection(asyncio.Protocol):
    """Opens a session when it gets the connection, tells its id in one line, closes it when the connection ends.

    :param reclaim: the session to go on with, of a client whose daemon went; empty opens a new one.
    """

    def __init__(self, application: Application, reclaim: str = "") -> None:
        self._application = application
        self._reclaim = reclaim
        self._id = ""
        self._lost = self._kept = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin the session."""
        self._transport = cast(asyncio.Transport, transport)
        self._application.joined(self)
        pidfd, pid = peer(self._transport.get_extra_info("socket"))
        opening = self._application.run(self._application.engine.sessions.open, pidfd, pid, reclaim=self._reclaim)
        opening.add_done_callback(self._opened)
        self._application.background(opening, "opening a session")

    def data_received(self, data: bytes) -> None:
        """Let the client say what it likes: a session only listens for its end."""

    def connection_lost(self, exc: Exception | None) -> None:
        """End the session, unless it is the daemon that leaves."""
        self._lost = True
        self._application.left(self)
        self._close()

    def finish(self) -> None:
        """Leave without ending the session: its client may come back to the next daemon."""
        self._kept = True
        self._transport.close()

    def abort(self) -> None:
        """As :meth:`finish`, at once."""
        self._kept = True
        self._transport.abort()

    def _opened(self, opening: asyncio.Future[str]) -> None:
        if opening.cancelled():
            self._transport.abort()
        elif (error := opening.exception()) is not None:
            self._transport.write(wire.encode(errors.document(error)) + b"\n")
            self._transport.close()
        else:
            self._id = opening.result()
            if self._lost:
                self._close()
            else:
                self._transport.write(wire.encode({"Id": self._id}) + b"\n")

    def _close(self) -> None:
        if self._id and not self._kept:
            id, self._id = self._id, ""
            self._application.background(
                self._application.run(self._application.engine.sessions.close, id), "closing a session"
            )
