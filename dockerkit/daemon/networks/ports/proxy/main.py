"""Be the proxy: hold what the daemon hands over, carry, answer; end when told, or when nothing is held and no daemon is there.

The daemon may die and come back: what is held stays, and the next one asks for the list.
"""

from __future__ import annotations

import socket
from typing import NamedTuple

from dockerkit.daemon.networks.companion.loop import Loop
from dockerkit.daemon.networks.companion.serving import Conversation, become
from dockerkit.daemon.networks.ports import words
from dockerkit.daemon.networks.ports.proxy.datagrams import Datagrams
from dockerkit.daemon.networks.ports.proxy.streams import Listener


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
    """What is held.

    :param listening: the socket at ``ROOT/run/ports.sock``.
    """

    def __init__(self, listening: socket.socket, directory: str) -> None:
        self._directory = directory
        self._loop = Loop()
        self._held: dict[str, list[_Held]] = {}
        self._conversation = Conversation(words.KIND, self._loop, listening, do=self._do, busy=lambda: bool(self._held))

    def serve(self) -> None:
        """Carry until the end."""
        self._conversation.serve(self._directory)

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


def main(arguments: list[str]) -> None:
    """Be the proxy.

    :param arguments: descriptor of the listening socket, ``ROOT/run``, the data root's identity.
    """
    Proxy(become("dockerkit-ports", int(arguments[0])), arguments[1]).serve()
