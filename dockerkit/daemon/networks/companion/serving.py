"""A companion's end of the conversation: the daemons (one; two for a moment) that speak, and the end when nobody needs it.

It ends when it is told to, or when nothing is served and no daemon is there. A daemon may die and come back meanwhile.
"""

from __future__ import annotations

import os
import resource
import select
import signal
import socket
import struct
from collections.abc import Callable
from functools import partial

from dockerkit.daemon.kernel import processes
from dockerkit.daemon.networks.companion import messages
from dockerkit.daemon.networks.companion.kind import Kind
from dockerkit.daemon.networks.companion.loop import IN, Loop

_LAST_SIGNAL = 64
_NEVER_SET = (signal.SIGKILL, signal.SIGSTOP)
_CREDENTIALS = struct.Struct("3i")

Doing = Callable[[socket.socket, messages.Message, list[int]], None]


class Conversation:
    """Hears what daemons say and has it done.

    :param listening: the socket in ``ROOT/run``.
    :param do: what a message asks for; it owns the descriptors.
    :param busy: whether anything is served.
    """

    def __init__(self, kind: Kind, loop: Loop, listening: socket.socket, *, do: Doing, busy: Callable[[], bool]) -> None:
        self._kind, self._loop, self._listening, self._do, self._busy = kind, loop, listening, do, busy
        self._daemons: set[socket.socket] = set()
        listening.setblocking(False)
        loop.watch(listening.fileno(), IN, self._greet)

    def serve(self, directory: str) -> None:
        """Run until the end; then the socket's name has gone before the socket has: the next daemon finds one or none."""
        self._loop.run()
        try:
            os.unlink(os.path.join(directory, self._kind.socket))
        except FileNotFoundError:  # the data root was removed under us
            return

    def _greet(self, _: int) -> None:
        try:
            daemon, _ = self._listening.accept()
        except BlockingIOError:
            return
        _, uid, _ = _CREDENTIALS.unpack(daemon.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size))
        if uid != os.geteuid():
            daemon.close()
            return
        self._daemons.add(daemon)
        self._loop.watch(daemon.fileno(), IN, partial(self._hear, daemon), first=True)

    def _hear(self, daemon: socket.socket, _: int) -> None:
        """Do all that it has said by now: what it said first may need what it said next."""
        more = select.poll()
        more.register(daemon.fileno(), select.POLLIN)
        try:
            while (heard := messages.receive(daemon))[0] is not None:
                self._do(daemon, heard[0], heard[1])
                if not more.poll(0):
                    return
        except (OSError, ValueError) as error:  # it is gone, or out of its mind: either way it is heard no more
            complain(f"the daemon's connection: {error}")
        self._part(daemon)

    def _part(self, daemon: socket.socket) -> None:
        self._loop.forget(daemon.fileno())
        daemon.close()
        self._daemons.discard(daemon)
        if not self._daemons and not self._busy():
            self._loop.stop()


def complain(what: str) -> None:
    """Write a line to the companion's log."""
    os.write(2, f"{what}\n".encode())


def become(name: str, listening: int) -> socket.socket:
    """Make this process a companion: signals, name, as many descriptors as may be; return its listening socket."""
    processes.reset_signals(number for number in range(1, _LAST_SIGNAL + 1) if number not in _NEVER_SET)
    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGPIPE):
        signal.signal(number, signal.SIG_IGN)
    processes.set_name(name)
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    os.set_inheritable(listening, False)
    return socket.socket(fileno=listening)
