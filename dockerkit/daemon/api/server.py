"""Listens on the daemon's socket, and leaves it in good order.

The caller holds the data root's lock, so a socket file that is in the way is nobody's. Never starts or stops an engine.
"""

from __future__ import annotations

import asyncio
import contextlib
import grp
import os
import socket
from concurrent.futures import Executor, ThreadPoolExecutor

from dockerkit.daemon.api import (
    absent,
    archives,
    changing,
    containers,
    events,
    execs,
    extensions,
    imagearchives,
    images,
    imagetransfers,
    networks,
    observing,
    registries,
    streams,
    system,
    volumes,
)
from dockerkit.daemon.api.application import Application
from dockerkit.daemon.api.connection import Connection
from dockerkit.daemon.api.router import Router
from dockerkit.daemon.api.verbs import Engine
from dockerkit.errors import Invalid

IMAGES = (images, imagetransfers, imagearchives, registries)
NOUNS = (
    system,
    events,
    containers,
    changing,
    observing,
    streams,
    execs,
    archives,
    *IMAGES,
    networks,
    volumes,
    absent,
    extensions,
)
ROUTES = tuple(route for noun in NOUNS for route in noun.ROUTES)
VERB_THREADS = 16
TRANSFER_THREADS = 4
BODY_THREADS = 32
BACKLOG = 1024
"""Connections that may wait to be accepted; a test run with many workers connects all at once."""
GRACE = 2.0
"""Seconds that requests under way get when the server closes."""


class Server:
    """Serves the Engine API for one engine on the running event loop.

    :param executor: where the engine's blocking verbs run; its owner shuts it down. Without one the server makes its own.
    """

    def __init__(self, engine: Engine, *, executor: Executor | None = None) -> None:
        transfers = ThreadPoolExecutor(TRANSFER_THREADS, thread_name_prefix="transfer")
        bodies = ThreadPoolExecutor(BODY_THREADS, thread_name_prefix="body")
        self._own_executors = [transfers, bodies]
        if executor is None:
            executor = ThreadPoolExecutor(VERB_THREADS, thread_name_prefix="verb")
            self._own_executors.append(executor)
        self._application = Application(engine, Router(ROUTES), executor, transfers, bodies)
        self._listeners: list[asyncio.Server] = []
        self._socket_files: dict[str, int] = {}

    @property
    def connections(self) -> int:
        """How many clients are connected, sessions included."""
        return len(self._application.members)

    @property
    def last_activity(self) -> float:
        """When a client last asked for something, came or went, on the clock of :func:`time.monotonic`."""
        return self._application.last_activity

    async def listen_unix(self, path: str, group: str | int | None = None) -> None:
        """Listen on a unix socket at `path`: mode 0600, or 0660 for `group`, whose members thereby are as good as root.

        :raises Invalid: no such group.
        :raises OSError: the socket cannot be made there.
        """
        bound = _bind(path, _group_id(group))
        try:
            listener = await asyncio.get_running_loop().create_unix_server(
                lambda: Connection(self._application), sock=bound, backlog=BACKLOG
            )
            # last: whoever finds the file can connect, and the file of a daemon that died is replaced in one step
            os.rename(_temporary(path), path)
        except BaseException:
            bound.close()
            with contextlib.suppress(FileNotFoundError):  # the rename itself may be what has been done
                os.unlink(_temporary(path))
            raise
        self._listeners.append(listener)
        self._socket_files[path] = os.stat(path).st_ino

    async def close(self, grace: float = GRACE) -> None:
        """Stop listening, answer what is under way for at most `grace` seconds, close everything. Containers stay."""
        for listener in self._listeners:
            listener.close()
        self._remove_files()
        for member in list(self._application.members):
            member.finish()
        with contextlib.suppress(TimeoutError):  # those that are left are cut off next
            await asyncio.wait_for(self._application.empty(), grace)
        for member in list(self._application.members):
            member.abort()
        await self._application.empty()
        await self._application.settle()
        for executor in self._own_executors:
            await asyncio.to_thread(executor.shutdown)

    def _remove_files(self) -> None:
        for path, inode in self._socket_files.items():
            with contextlib.suppress(FileNotFoundError):  # somebody tidied up before us
                if os.stat(path).st_ino == inode:
                    os.unlink(path)
        self._socket_files.clear()


async def serve(engine: Engine, socket_path: str, *, stop: asyncio.Event, group: str | int | None = None) -> None:
    """Serve `engine` on `socket_path` until `stop` is set."""
    server = Server(engine)
    try:
        await server.listen_unix(socket_path, group)
        await stop.wait()
    finally:
        await server.close()


def _temporary(path: str) -> str:
    return f"{path}.new"


def _bind(path: str, group: int | None) -> socket.socket:
    """Bind beside `path`. Nobody can connect before listen(2), so the mode is right before anybody gets in."""
    beside = _temporary(path)
    with contextlib.suppress(FileNotFoundError):  # left by a daemon that died between bind and rename
        os.unlink(beside)
    bound = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
    try:
        bound.bind(beside)
        if group is not None:
            os.chown(beside, -1, group)
        os.chmod(beside, 0o600 if group is None else 0o660)
    except BaseException:
        bound.close()
        raise
    return bound


def _group_id(group: str | int | None) -> int | None:
    if group is None or isinstance(group, int):
        return group
    try:
        return grp.getgrnam(group).gr_gid
    except KeyError:
        raise Invalid(f"no such group: {group}", hint="name a group of /etc/group whose members may use this daemon") from None
