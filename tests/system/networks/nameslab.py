"""A name server, containers' namespaces that ask it, and servers outside, all in private networks."""

from __future__ import annotations

import contextlib
import os
import socket
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import dns.flags
import dns.message
import dns.query
import dns.rcode
import dns.rrset

from dockerkit.daemon.kernel.processes import send_signal
from dockerkit.daemon.networks.names import Names, Resolver
from tests.system.networks.netns import Namespace

IDENTITY = "feedbeef"
SERVER = "127.0.0.11"


class Upstream:
    """A server at port 53 of an address in a namespace: a name says what becomes of it.

    ``nx…`` does not exist, ``fail…`` and ``refuse…`` are not helped with, ``dead…`` is silence, ``big…`` fits into no datagram,
    ``fat…`` does not either and comes nevertheless; everything else is 192.0.2.7.
    """

    def __init__(self, space: Namespace, address: str) -> None:
        self.heard: list[tuple[str, dns.message.Message]] = []
        self._udp = space.listen(address, 53, socket.SOCK_DGRAM)
        self._tcp = space.listen(address, 53)
        for one in (self._udp, self._tcp):
            one.settimeout(None)
        self._threads = ThreadPoolExecutor(2)
        self._done = [self._threads.submit(self._datagrams), self._threads.submit(self._streams)]

    def _datagrams(self) -> None:
        while True:
            message, peer = self._udp.recvfrom(4096)
            if not message:
                return
            if reply := self._reply(message, "udp"):
                self._udp.sendto(reply, peer)

    def _streams(self) -> None:
        while True:
            connection, _ = self._tcp.accept()
            with connection:
                message = connection.recv(4096)
                if not message:
                    return
                if reply := self._reply(message[2:], "tcp"):
                    connection.sendall(len(reply).to_bytes(2, "big") + reply)

    def _reply(self, message: bytes, way: str) -> bytes:
        query = dns.message.from_wire(message)
        self.heard.append((way, query))
        name = query.question[0].name.to_text()
        reply = dns.message.make_response(query, recursion_available=True)
        codes = {"nx": dns.rcode.NXDOMAIN, "fail": dns.rcode.SERVFAIL, "refuse": dns.rcode.REFUSED}
        for start, code in codes.items():
            if name.startswith(start):
                reply.set_rcode(code)
                return reply.to_wire()
        if name.startswith("dead"):
            return b""
        if name.startswith(("big", "fat")) and (way == "tcp" or name.startswith("fat")):
            reply.answer = [dns.rrset.from_text(name, 60, "IN", "A", *(f"10.9.{n // 200}.{n % 200}" for n in range(300)))]
        elif name.startswith("big"):
            reply.flags |= dns.flags.TC
        else:
            reply.answer = [dns.rrset.from_text(name, 60, "IN", "A", "192.0.2.7")]
        return reply.to_wire(max_size=65535)

    def close(self) -> None:
        """End both threads."""
        self._udp.sendto(b"", self._udp.getsockname())
        self._tcp.shutdown(socket.SHUT_RDWR)
        self._threads.shutdown()
        self._udp.close()
        self._tcp.close()


class Container:
    """A namespace that asks."""

    def __init__(self, id: str, space: Namespace) -> None:
        self.id, self.space = id, space
        self.fd = space.run(os.open, "/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)

    def ask(self, name: str, kind: str = "A", *, tcp: bool = False, size: int = 0, seconds: float = 5) -> dns.message.Message:
        """Ask at 127.0.0.11 and return what came back."""
        query = dns.message.make_query(name, kind, use_edns=bool(size), payload=size or None)  # type: ignore[arg-type]
        if tcp:
            return self.space.run(dns.query.tcp, query, SERVER, timeout=seconds)
        return self.space.run(dns.query.udp, query, SERVER, timeout=seconds)

    def finds(self, name: str, kind: str = "A", **how: bool) -> list[str] | str:
        """Return the answer's data, or the code when there is none."""
        answer = self.ask(name, kind, **how)  # type: ignore[arg-type]
        return [one.to_text() for rrset in answer.answer for one in rrset] or dns.rcode.to_text(answer.rcode())

    def stream(self) -> socket.socket:
        """Return a TCP connection to the name server."""
        made = self.space.client()
        made.settimeout(5)
        made.connect((SERVER, 53))
        return made


class Lab:
    """Everything, closed together."""

    def __init__(self, directory: str, closing: contextlib.ExitStack) -> None:
        self.directory, self._closing = directory, closing
        self.host = self.namespace()
        self.names = self.new_names()

    def new_names(self) -> Names:
        """Return another daemon's Names, on the same data root."""
        return Names(self.directory, IDENTITY)

    def namespace(self) -> Namespace:
        """Return a new one."""
        made = Namespace()
        self._closing.callback(made.close)
        return made

    def container(self, number: int) -> Container:
        """Return a new one, not served yet."""
        made = Container(f"{number:064x}", self.namespace())
        self._closing.callback(os.close, made.fd)
        return made

    def upstream(self, space: Namespace, address: str) -> Upstream:
        """Return a server outside."""
        made = Upstream(space, address)
        self._closing.callback(made.close)
        return made

    def serve(self, container: Container, **settings: object) -> None:
        """Have a container answered; the process starts on the host of the lab."""
        fields: dict[str, object] = {"networks": {"n1": "one"}, **settings}
        self.host.run(self.names.serve, container.id, container.fd, Resolver(**fields))  # type: ignore[arg-type]

    def served(self, number: int, *names: str, address: str = "", **settings: object) -> Container:
        """Return a container that is answered and found."""
        made = self.container(number)
        self.serve(made, **settings)
        self.names.publish("n1", made.id, names or [f"c{number}"], [address or f"10.1.0.{number}"])
        return made

    def pid(self) -> int:
        """Return the name server's process."""
        found = [int(pid) for pid in filter(str.isdigit, os.listdir("/proc")) if self._is_ours(pid)]
        assert len(found) == 1, found
        return found[0]

    def _is_ours(self, pid: str) -> bool:
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as words:
                return self.directory.encode() in words.read().split(b"\0")
        except (FileNotFoundError, ProcessLookupError):
            return False

    def kill(self, number: int) -> int:
        """Send the name server a signal; return its pidfd, for the caller to close."""
        pidfd = os.pidfd_open(self.pid())
        send_signal(pidfd, number)
        return pidfd


@contextlib.contextmanager
def names_lab() -> Iterator[Lab]:
    """A lab; at its end the server has ended and has complained of nothing."""
    with contextlib.ExitStack() as closing:
        directory = closing.enter_context(tempfile.TemporaryDirectory(prefix="dkt-names-"))
        lab = Lab(directory, closing)
        try:
            yield lab
        finally:
            lab.names.close(stop=True)
        if os.path.exists(f"{directory}/names.log"):
            with open(f"{directory}/names.log") as log:
                assert log.read() == ""


Asking = Callable[[], list[str]]
