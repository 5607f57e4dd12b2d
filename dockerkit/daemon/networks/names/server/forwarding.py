"""Questions that nobody here can answer, asked of servers outside: one after another until one answers, its answer as it came.

Each question has a socket of its own, with a port nobody can guess, made in the container's network namespace: the container's
rules, routes and addresses are what such a question meets. Only a server at the host's own loopback is asked from the host's.
"""

from __future__ import annotations

import fcntl
import os
import socket
from collections.abc import Callable, Sequence
from functools import partial

from dockerkit.daemon.kernel import namespaces
from dockerkit.daemon.networks.companion.loop import Loop
from dockerkit.daemon.networks.names.server import wire
from dockerkit.daemon.networks.names.server.asked import Asked

_NETWORK = namespaces.FLAGS["network"]
_TELL_ERRORS = {socket.AF_INET: (socket.IPPROTO_IP, 11), socket.AF_INET6: (socket.IPPROTO_IPV6, 25)}
"""``IP_RECVERR``, ``IPV6_RECVERR``: that a router knows no way is told too, not only that nobody listens (ip(7))."""
_NAMESPACE_OF_SOCKET = 0x894C
"""``SIOCGSKNS``: a descriptor of the network namespace a socket belongs to."""
_PORT = 53
MOST_OPEN = 256
"""Questions of one container that are asked outside at once; further ones are refused."""
_MOST_SERVERS = 3

Deliver = Callable[[bytes], None]


class Forwarder:
    """One container's way outside.

    :param bound: a socket of the container's namespace.
    :param home: a descriptor of the host's namespace.
    """

    def __init__(self, loop: Loop, bound: socket.socket, home: int) -> None:
        self._loop, self._bound, self._home = loop, bound, home
        self._namespace = -1
        self._servers: list[tuple[str, bool]] = []
        self._open: set[Asked] = set()

    def change(self, upstream: Sequence[str], host: Sequence[str]) -> None:
        """Ask these from now on, those among them that are of `host` from the host's namespace."""
        self._servers = [(server, server in host) for server in upstream[:_MOST_SERVERS]]

    def close(self) -> None:
        """Wait for no answer any more."""
        for asked in list(self._open):
            asked.close()
        if self._namespace >= 0:
            os.close(self._namespace)
            self._namespace = -1

    def ask(self, query: bytes, question: wire.Question, *, datagram: bool, deliver: Deliver) -> None:
        """Have `deliver` called once: with an answer from outside, or with one that says that there is none."""
        if len(self._open) >= MOST_OPEN:
            deliver(wire.failure(query, question, wire.REFUSED))
            return

        def done(reply: bytes | None) -> None:
            self._open.discard(asked)
            deliver(reply or wire.failure(query, question, wire.SERVER_FAILURE))

        kind = socket.SOCK_DGRAM if datagram else socket.SOCK_STREAM
        asked = Asked(self._loop, query, question, [partial(self._dial, *server, kind) for server in self._servers], done)
        self._open.add(asked)
        asked.next()

    def _dial(self, server: str, from_host: bool, kind: int) -> socket.socket:
        """Return a socket that is connected or about to be.

        :raises OSError: there is no way there, or no descriptor.
        """
        family = socket.AF_INET6 if ":" in server else socket.AF_INET
        dialled = socket.socket(family, kind) if from_host else self._socket(family, kind)
        dialled.setblocking(False)
        if kind == socket.SOCK_DGRAM:
            dialled.setsockopt(*_TELL_ERRORS[family], 1)
        try:
            address, _, zone = server.partition("%")
            dialled.connect((address, _PORT, 0, socket.if_nametoindex(zone)) if zone else (address, _PORT))
        except BlockingIOError:  # EINPROGRESS: a stream takes its time
            return dialled
        except OSError:
            dialled.close()
            raise
        return dialled

    def _socket(self, family: int, kind: int) -> socket.socket:
        if self._namespace < 0:
            self._namespace = fcntl.ioctl(self._bound.fileno(), _NAMESPACE_OF_SOCKET)
        namespaces.enter(self._namespace, _NETWORK)
        try:
            return socket.socket(family, kind)
        finally:
            namespaces.enter(self._home, _NETWORK)
