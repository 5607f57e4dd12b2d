"""A host of one's own: a network namespace nobody else is in, and Links that take it for the host's. Pytest stays out."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from dataclasses import dataclass, field
from ipaddress import ip_interface, ip_network
from typing import TypeVar

from dockerkit.daemon.kernel import namespaces
from dockerkit.daemon.kernel.netlink import Visitor
from dockerkit.daemon.networks import identity
from dockerkit.daemon.networks.addresses import Addresses, hardware_address, with_gateway
from dockerkit.daemon.networks.links import Links
from dockerkit.daemon.networks.model import Endpoint, Network, Pool
from dockerkit.daemon.networks.sandboxes import Sandbox

IDENTITY = "0badcafe"
Result = TypeVar("Result")


def new_namespace() -> int:
    """Return a descriptor of a fresh network namespace."""
    visitor = Visitor()

    def leave() -> int:
        namespaces.unshare(namespaces.FLAGS["network"])
        return os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)

    try:
        return visitor.leaving(leave).result()
    finally:
        visitor.close()


@dataclass
class Lab:
    """Links in a private host, with networks and endpoints made to order."""

    namespace: int
    links: Links
    addresses: Addresses = field(default_factory=lambda: Addresses(IDENTITY))
    visitor: Visitor = field(default_factory=Visitor)
    open: list[Sandbox] = field(default_factory=list)

    def network(self, *subnets: str, **changes: object) -> Network:
        """Return a network of these subnets; the bridge is not made yet."""
        id = os.urandom(32).hex()
        pools = tuple(with_gateway(Pool(ip_network(subnet), None)) for subnet in subnets)
        fields: dict[str, object] = {
            "id": id,
            "name": id[:6],
            "driver": "bridge",
            "interface": identity.bridge_name(IDENTITY, id),
        }
        return Network(**{**fields, "pools": pools, **changes})  # type: ignore[arg-type]

    def made(self, *subnets: str, **changes: object) -> Network:
        """Return such a network with its bridge."""
        network = self.network(*subnets, **changes)
        self.links.make(network)
        return network

    def endpoint(self, network: Network, **changes: object) -> Endpoint:
        """Return an endpoint with a lease of every pool and default routes by the gateways."""
        leases = [self.addresses.lease(network, version=pool.subnet.version) for pool in network.pools]
        addresses = tuple(ip_interface((a, p.subnet.prefixlen)) for a, p in zip(leases, network.pools, strict=True))
        gateways = () if network.internal else tuple(pool.gateway for pool in network.pools if pool.gateway)
        id = os.urandom(32).hex()
        fields: dict[str, object] = {"container": os.urandom(32).hex(), "interface": "eth0", "mac": hardware_address(leases[0])}
        fields |= {"addresses": addresses, "gateways": gateways, "host_interface": identity.pair_name(id)}
        return Endpoint(**{"id": id, "network": network.id, **fields, **changes})  # type: ignore[arg-type]

    def joined(self, network: Network, sandbox: Sandbox | None = None, **changes: object) -> tuple[Sandbox, Endpoint]:
        """Return a sandbox, fresh unless given, connected to `network`."""
        sandbox = sandbox or self.sandbox()
        endpoint = self.endpoint(network, **changes)
        self.links.connect(sandbox, network, endpoint)
        return sandbox, endpoint

    def sandbox(self) -> Sandbox:
        """Return a fresh one, closed with the lab."""
        self.open.append(self.links.sandbox())
        return self.open[-1]

    def inside(self, sandbox: Sandbox | None, work: Callable[[], Result]) -> Result:
        """Return what `work` returns in the sandbox's namespace; None = on the lab's host."""
        return self.visitor.at(sandbox.fd if sandbox else self.namespace, work)

    def read(self, sandbox: Sandbox | None, path: str) -> str:
        """Return a file of ``/proc/sys/net`` as seen from a namespace."""

        def read() -> str:
            with open(f"/proc/sys/net/{path}") as file:
                return file.read().strip()

        return self.inside(sandbox, read)

    def listen(self, sandbox: Sandbox | None, address: str) -> socket.socket:
        """Return a TCP socket that listens in a namespace."""
        family = socket.AF_INET6 if ":" in address else socket.AF_INET

        def bind() -> socket.socket:
            listener = socket.socket(family, socket.SOCK_STREAM)
            listener.bind((address, 0))
            listener.listen()
            return listener

        return self.inside(sandbox, bind)

    def dial(self, sandbox: Sandbox | None, address: tuple[str, int], *, seconds: float = 5) -> socket.socket:
        """Return a TCP connection from a namespace."""
        family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        connection = self.inside(sandbox, lambda: socket.socket(family, socket.SOCK_STREAM))
        connection.settimeout(seconds)
        try:
            connection.connect(address[:2])
        except OSError:
            connection.close()
            raise
        return connection

    def talks(self, here: Sandbox | None, there: Sandbox | None, address: str, *, seconds: float = 5) -> bool:
        """Say whether bytes get from `here` to `there` and back."""
        with self.listen(there, address) as listener:
            try:
                connection = self.dial(here, listener.getsockname(), seconds=seconds)
            except OSError:
                return False
            listener.settimeout(5)
            accepted, _ = listener.accept()
            with connection, accepted:
                connection.sendall(b"ping")
                accepted.sendall(accepted.recv(4)[::-1])
                return connection.recv(4) == b"gnip"

    def close(self) -> None:
        """Let go of everything; the namespaces die, and take their interfaces along."""
        for sandbox in self.open:
            sandbox.close()
        self.links.close()
        self.visitor.close()
        os.close(self.namespace)
