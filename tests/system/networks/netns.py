"""Private network namespaces for tests, each with a thread that lives in it: sockets, sysctls and ``ip`` happen there.

A socket belongs to the namespace of the thread that made it; it may be used from anywhere. Nothing of the machine's is touched.
"""

from __future__ import annotations

import contextlib
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from dockerkit.daemon.kernel import loopback, namespaces

T = TypeVar("T")
SILENCE = 0.25
"""Seconds after which a connection attempt in a private namespace has met a drop."""


class Namespace:
    """A network namespace with ``lo`` up; gone with its thread and its sockets."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1)
        self.tid: int = self.run(self._enter)

    def _enter(self) -> int:
        namespaces.unshare(namespaces.FLAGS["network"])
        loopback.bring_up()
        for whose in ("all", "default"):
            _sysctl(f"/proc/sys/net/ipv6/conf/{whose}/accept_dad", "0")  # an address is good at once
        return threading.get_native_id()

    def run(self, act: Callable[..., T], *arguments: Any, **named: Any) -> T:
        """Do `act` inside, and return what it returned."""
        return self._thread.submit(act, *arguments, **named).result()

    def ip(self, words: str) -> str:
        """Run ``ip`` inside."""
        return self.run(_program, ["ip", *words.split()])

    def program(self, *words: str) -> str:
        """Run a program inside and return what it wrote."""
        return self.run(_program, list(words))

    def sysctl(self, name: str, value: str | None = None) -> str:
        """Write a sysctl below ``net``, or read it."""
        return self.run(_sysctl, f"/proc/sys/net/{name}", value)

    def listen(self, address: str, port: int, kind: int = socket.SOCK_STREAM) -> socket.socket:
        """Return a bound socket of the namespace (listening, when it is a stream)."""
        return self.run(_listen, address, port, kind)

    def client(self, family: int = socket.AF_INET, kind: int = socket.SOCK_STREAM) -> socket.socket:
        """Return an unconnected socket of the namespace that waits no longer than :data:`SILENCE`."""
        made = self.run(socket.socket, family, kind)
        made.settimeout(SILENCE)
        return made

    def close(self) -> None:
        """End the thread: with it and the sockets, the namespace and its interfaces go."""
        self._thread.shutdown()


def _program(words: list[str]) -> str:
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{' '.join(words)}: {done.stderr}"
    return done.stdout


def _sysctl(path: str, value: str | None) -> str:
    if value is not None:
        with open(path, "w") as file:
            file.write(value)
    with open(path) as file:
        return file.read().strip()


def _listen(address: str, port: int, kind: int) -> socket.socket:
    made = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, kind)
    if made.family == socket.AF_INET6:
        made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    made.bind((address, port))
    if kind == socket.SOCK_STREAM:
        made.listen()
    made.settimeout(5)
    return made


class Lan:
    """A host with bridges, containers on them, and somebody outside; every address is of IPv4 and IPv6.

    ``host`` is 198.51.100.2 and fd33::2, ``outside`` ends in 1; bridge n is 172.28.n.1 and fd28:n::1, containers end in 2, 3…
    """

    def __init__(self) -> None:
        self._made: list[Namespace] = []
        self._index = 1000
        self.host, self.outside = self.namespace(), self.namespace()
        self._pair(self.host, "eth0", self.outside, "eth0", "198.51.100.2/24 fd33::2/64", "198.51.100.1/24 fd33::1/64")
        self.host.sysctl("ipv4/ip_forward", "1")
        self.host.sysctl("ipv6/conf/all/forwarding", "1")

    def namespace(self) -> Namespace:
        """Make one more namespace, closed with the rest."""
        self._made.append(Namespace())
        return self._made[-1]

    def _pair(self, one: Namespace, name: str, other: Namespace, other_name: str, mine: str, theirs: str) -> None:
        """A veth pair between two namespaces, both ends up.

        Where both ends have the same index, the kernel tells of their carrier up to a second later (linkwatch): hence ours.
        """
        self._index += 1
        one.ip(f"link add {name} index {self._index} type veth peer name {other_name} netns {other.tid}")
        for space, link, addresses in ((one, name, mine), (other, other_name, theirs)):
            for address in addresses.split():
                space.ip(f"addr add {address} dev {link}{' nodad' if ':' in address else ''}")
            space.ip(f"link set {link} up")

    def bridge(self, number: int) -> str:
        """Make bridge n on the host, and the outside's route to it; return its name."""
        name = f"dkt{number}"
        self.host.ip(f"link add {name} type bridge")
        self.host.ip(f"addr add 172.28.{number}.1/24 dev {name}")
        self.host.ip(f"addr add fd28:{number}::1/64 dev {name} nodad")
        self.host.ip(f"link set {name} up")
        self.outside.ip(f"route add 172.28.{number}.0/24 via 198.51.100.2")
        self.outside.ip(f"route add fd28:{number}::/64 via fd33::2")
        return name

    def container(self, number: int, last: int) -> Namespace:
        """Make a container on bridge n with an address that ends in `last`, and a default route."""
        made = self.namespace()
        veth = f"v{number}x{last}"
        self._pair(self.host, veth, made, "eth0", "", f"172.28.{number}.{last}/24 fd28:{number}::{last}/64")
        self.host.ip(f"link set {veth} master dkt{number}")
        made.ip(f"route add default via 172.28.{number}.1")
        made.ip(f"route add default via fd28:{number}::1")
        return made

    def close(self) -> None:
        """End every namespace."""
        for space in self._made:
            space.close()


@contextlib.contextmanager
def lan() -> Iterator[Lan]:
    """A :class:`Lan` for one test."""
    made = Lan()
    try:
        yield made
    finally:
        made.close()


def reaches(space: Namespace, server: socket.socket, address: str, port: int) -> str:
    """Return whom `server` saw when a connection was made from inside to address and port; empty when none came through."""
    with space.client(socket.AF_INET6 if ":" in address else socket.AF_INET) as client:
        try:
            client.connect((address, port))
        except OSError:  # dropped, refused or no route: it does not reach
            return ""
        with contextlib.suppress(TimeoutError):
            server.settimeout(SILENCE)
            connection, peer = server.accept()
            with connection:
                connection.sendall(b"hello")
                client.recv(5, socket.MSG_WAITALL)
            return str(peer[0])
    return ""


def hears(space: Namespace, server: socket.socket, address: str, port: int) -> bool:
    """Whether a datagram from inside gets to `server` and its answer comes back from where it was sent."""
    client = space.client(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM)
    with client, contextlib.suppress(OSError):
        client.connect((address, port))
        client.send(b"question")
        server.settimeout(SILENCE)
        question, peer = server.recvfrom(64)
        server.sendto(question, peer)
        return client.recv(64) == b"question"
    return False


__all__ = ["SILENCE", "Lan", "Namespace", "hears", "lan", "reaches"]
