"""Be the name server: hold the sockets the daemon hands over, answer what arrives there, know what the daemon says.

The daemon may die and come back: what is held is answered all the while. A new daemon says everything anew, and what it did not
repeat goes.
"""

from __future__ import annotations

import gc
import os
import socket
from collections.abc import Sequence

from dockerkit.daemon.networks.companion.loop import Loop
from dockerkit.daemon.networks.companion.serving import Conversation, become
from dockerkit.daemon.networks.names import words
from dockerkit.daemon.networks.names.resolver import Resolver
from dockerkit.daemon.networks.names.server.answering import Answering
from dockerkit.daemon.networks.names.server.datagrams import Datagrams
from dockerkit.daemon.networks.names.server.forwarding import Forwarder
from dockerkit.daemon.networks.names.server.streams import Listener
from dockerkit.daemon.networks.names.server.tables import Tables


class _Client:
    """A container that is answered.

    :ivar told: which daemon, counted from 0, spoke of it last.
    """

    __slots__ = ("answering", "datagrams", "forwarder", "listener", "namespace", "told")

    def __init__(self, loop: Loop, home: int, sockets: Sequence[socket.socket], answering: Answering) -> None:
        datagrams, listening = sockets
        self.namespace, self.told = 0, 0
        self.answering = answering
        self.forwarder = Forwarder(loop, datagrams, home)
        self.datagrams = Datagrams(loop, datagrams, answering, self.forwarder)
        self.listener = Listener(loop, listening, answering, self.forwarder)
        self.change(answering.resolver)

    def change(self, resolver: Resolver) -> None:
        self.answering.change(resolver)
        self.forwarder.change(resolver.upstream, resolver.host)

    def close(self) -> None:
        self.forwarder.close()
        self.datagrams.close()
        self.listener.close()


class Server:
    """Who is answered, and what is known.

    :param listening: the socket at ``ROOT/run/names.sock``.
    """

    def __init__(self, listening: socket.socket, directory: str) -> None:
        self._directory = directory
        self._home = os.open("/proc/self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        self._loop, self._tables = Loop(), Tables()
        self._clients: dict[str, _Client] = {}
        self._published: dict[tuple[str, str], int] = {}
        self._daemon = 0
        self._conversation = Conversation(words.KIND, self._loop, listening, do=self._do, busy=lambda: bool(self._clients))

    def serve(self) -> None:
        """Answer until the end."""
        self._conversation.serve(self._directory)

    def _do(self, daemon: socket.socket, message: words.Message, fds: list[int]) -> None:
        sockets = [socket.socket(fileno=fd) for fd in fds]
        verb = message.pop("verb")
        if verb == "hold":
            self._hold(sockets=sockets, **message)
        elif verb == "change":
            self._change(**message)
        elif verb == "publish":
            self._publish(**message)
        elif verb == "withdraw":
            self._withdraw(**message)
        elif verb == "forget":
            self._forget(**message)
        elif verb == "adopt":
            self._adopt(daemon)
        elif verb == "settle":
            self._settle()
        elif verb == "stop":
            for container in list(self._clients):
                self._forget(container)
            self._loop.stop()

    def _hold(self, container: str, namespace: int, resolver: words.Message, sockets: Sequence[socket.socket]) -> None:
        self._forget(container)
        client = _Client(self._loop, self._home, sockets, Answering(self._tables, Resolver(**resolver)))
        client.namespace, client.told = namespace, self._daemon
        self._clients[container] = client

    def _change(self, container: str, resolver: words.Message) -> None:
        client = self._clients[container]
        client.change(Resolver(**resolver))
        client.told = self._daemon

    def _forget(self, container: str) -> None:
        client = self._clients.pop(container, None)
        if client:
            client.close()

    def _publish(self, network: str, container: str, names: list[str], addresses: list[str], more: bool) -> None:
        self._tables.publish(network, container, names, addresses, more)
        self._published[network, container] = self._daemon
        self._changed(network)

    def _withdraw(self, network: str, container: str) -> None:
        self._tables.withdraw(network, container)
        self._published.pop((network, container), None)
        self._changed(network)

    def _changed(self, network: str) -> None:
        for client in self._clients.values():
            if client.answering.sees(network):
                client.answering.known.clear()

    def _adopt(self, daemon: socket.socket) -> None:
        self._daemon += 1
        for container, client in self._clients.items():
            holds = {"verb": "holds", "container": container, "namespace": client.namespace}
            words.send(daemon, holds, [client.datagrams.fileno(), client.listener.fileno()])
        words.send(daemon, {"verb": "end"})

    def _settle(self) -> None:
        for container in [one for one, client in self._clients.items() if client.told != self._daemon]:
            self._forget(container)
        for network, container in [key for key, told in self._published.items() if told != self._daemon]:
            self._withdraw(network, container)


def main(arguments: list[str]) -> None:
    """Be the name server.

    :param arguments: descriptor of the listening socket, ``ROOT/run``, the data root's identity.
    """
    server = Server(become("dockerkit-names", int(arguments[0])), arguments[1])
    gc.collect()
    gc.freeze()  # what is loaded stays: the collector need not look at it again
    server.serve()
