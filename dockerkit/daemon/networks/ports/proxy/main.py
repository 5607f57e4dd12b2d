"""Be the proxy: hold what the daemon hands over, carry, answer; end when told, or when nothing is held and no daemon is there.

The daemon may die and come back: what is held stays, and the next one asks for the list.
"""

from __future__ import annotations

import os
import resource
import signal
import socket
import struct
from functools import partial
from typing import NamedTuple

from dockerkit.daemon.kernel import processes
from dockerkit.daemon.networks.ports import words
from dockerkit.daemon.networks.ports.proxy.datagrams import Datagrams
from dockerkit.daemon.networks.ports.proxy.loop import IN, Loop
from dockerkit.daemon.networks.ports.proxy.streams import Listener

_LAST_SIGNAL = 64
_NEVER_SET = (signal.SIGKILL, signal.SIGSTOP)
_CREDENTIALS = struct.Struct("3i")


class _Kept:
    """A socket of SCTP that only keeps others away: rules carry it."""

    def __init__(self, bound: socket.socket) -> None:
        self._socket = bound

    def close(self) -> None:
        """Give the port back."""
        self._socket.close()


_Server = Listener | Datagrams | _Kept


class _Held(NamedTuple):
    port: words.Message
    server: _Server | None


class Proxy:
    """What is held, and the daemons (one; two for a moment) that speak.

    :param listening: the socket at ``ROOT/run/ports.sock``.
    """

    def __init__(self, listening: socket.socket, directory: str) -> None:
        self._listening, self._directory = listening, directory
        self._loop = Loop()
        self._daemons: set[socket.socket] = set()
        self._held: dict[str, list[_Held]] = {}
        listening.setblocking(False)
        self._loop.watch(listening.fileno(), IN, self._greet)

    def serve(self) -> None:
        """Carry until the end; then the socket's name has gone before the socket has: the next daemon finds one or none."""
        self._loop.run()
        path = os.path.join(self._directory, words.NAME)
        try:
            os.unlink(path)
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
        self._loop.watch(daemon.fileno(), IN, partial(self._hear, daemon))

    def _hear(self, daemon: socket.socket, _: int) -> None:
        try:
            message, fds = words.receive(daemon)
            if message is not None:
                self._do(daemon, message, fds)
                return
        except (OSError, ValueError) as error:  # it is gone, or out of its mind: either way it is heard no more
            _complain(f"the daemon's connection: {error}")
        self._part(daemon)

    def _part(self, daemon: socket.socket) -> None:
        self._loop.forget(daemon.fileno())
        daemon.close()
        self._daemons.discard(daemon)
        if not self._daemons and not self._held:
            self._loop.stop()

    def _do(self, daemon: socket.socket, message: words.Message, fds: list[int]) -> None:
        verb = message["verb"]
        if verb == "hold":
            self._hold(message["container"], message["ports"], fds)
        elif verb == "release":
            self._release(message["container"], message["port"])
            words.send(daemon, {"verb": "released"})
        elif verb == "list":
            for container, held in self._held.items():
                words.send(daemon, {"verb": "holds", "container": container, "ports": [one.port for one in held]})
            words.send(daemon, {"verb": "end"})
        elif verb == "stop":
            for container in list(self._held):
                self._release(container, None)
            self._loop.stop()

    def _hold(self, container: str, ports: list[words.Message], fds: list[int]) -> None:
        sockets = iter(fds)
        for port in ports:
            server = self._serving(port, socket.socket(fileno=next(sockets))) if port["held"] else None
            self._held.setdefault(container, []).append(_Held(port, server))

    def _serving(self, port: words.Message, bound: socket.socket) -> _Server:
        bound.setblocking(False)
        target = (port["targets"][0], port["container_port"])
        if port["protocol"] == "tcp":
            return Listener(self._loop, bound, target)
        if port["protocol"] == "udp":
            return Datagrams(self._loop, bound, target)
        return _Kept(bound)

    def _release(self, container: str, which: list[object] | None) -> None:
        left = []
        for one in self._held.pop(container, []):
            key = [one.port["protocol"], one.port["host_address"], one.port["host_port"]]
            if which is not None and key != which:
                left.append(one)
            elif one.server:
                one.server.close()
        if left:
            self._held[container] = left


def _complain(what: str) -> None:
    os.write(2, f"{what}\n".encode())


def main(arguments: list[str]) -> None:
    """Be the proxy.

    :param arguments: descriptor of the listening socket, ``ROOT/run``, the data root's identity.
    """
    processes.reset_signals(number for number in range(1, _LAST_SIGNAL + 1) if number not in _NEVER_SET)
    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGPIPE):
        signal.signal(number, signal.SIG_IGN)
    processes.set_name("dockerkit-ports")
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))  # two a connection
    listening = socket.socket(fileno=int(arguments[0]))
    os.set_inheritable(listening.fileno(), False)
    Proxy(listening, arguments[1]).serve()
