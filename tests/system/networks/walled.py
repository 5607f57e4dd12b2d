"""A lan with four networks and the firewall of its host: what the firewall's tests begin with."""

from __future__ import annotations

from ipaddress import ip_interface, ip_network

from dockerkit.daemon.networks.firewall import Firewall, Rules
from dockerkit.daemon.networks.model import Endpoint, Network, Pool, Published
from tests.system.networks.netns import Lan, Namespace

HOST, HOST6 = "198.51.100.2", "fd33::2"


def network(number: int, **differs: object) -> Network:
    subnets = (ip_network(f"172.28.{number}.0/24"), ip_network(f"fd28:{number}::/64"))
    pools = tuple(Pool(subnet, subnet[1]) for subnet in subnets)
    return Network(f"{number:064x}", f"n{number}", "bridge", f"dkt{number}", pools, **differs)  # type: ignore[arg-type]


def endpoint(number: int, last: int) -> Endpoint:
    addresses = (ip_interface(f"172.28.{number}.{last}/24"), ip_interface(f"fd28:{number}::{last}/64"))
    return Endpoint(f"{last:064x}", f"{number:064x}", f"{last:064x}", "eth0", "", addresses, (), f"v{number}x{last}")


def publish(number: int, last: int, port: int, to: int, at: str = "0.0.0.0", protocol: str = "tcp"):  # type: ignore[no-untyped-def]
    return endpoint(number, last), network(number), Published(protocol, to, at, port)  # type: ignore[arg-type]


class World:
    """Two open networks (1, 2), an internal one (3) and a closed one (4), two containers each, and the firewall of the host."""

    def __init__(self, made: Lan) -> None:
        self.lan, self.host, self.outside = made, made.host, made.outside
        self.containers: dict[tuple[int, int], Namespace] = {}
        for number in (1, 2, 3, 4):
            made.bridge(number)
            for last in (2, 3):
                self.containers[number, last] = made.container(number, last)
        self.networks = (network(1), network(2), network(3, internal=True), network(4, icc=False))
        self.firewall = Firewall("feedbeef")
        assert self.host.run(lambda: self.firewall.why) == ""

    def apply(self, *published: object, partitions: tuple = ()) -> None:  # type: ignore[type-arg]
        self.host.run(self.firewall.apply, Rules(self.networks, published, partitions))  # type: ignore[arg-type]
