"""What a network, an endpoint and a published port are, once every word of a request has been judged. Values; never acts.

The engine makes them out of its records; links, firewall, ports and names read them and do what they say.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Interface, IPv4Network, IPv6Address, IPv6Interface, IPv6Network
from typing import Literal

Address = IPv4Address | IPv6Address
Subnet = IPv4Network | IPv6Network
Interface = IPv4Interface | IPv6Interface
"""An address and the prefix length of the subnet it lives in, as ``ip addr`` shows it."""

Protocol = Literal["tcp", "udp", "sctp"]


@dataclass(frozen=True, slots=True)
class Pool:
    """One subnet of a network (Docker's ``IPAM.Config`` entry), and which of its addresses are whose."""

    subnet: Subnet
    gateway: Address | None
    """The bridge's own address and the containers' default route; the outer router's on macvlan and ipvlan."""
    range: Subnet | None = None
    """Addresses nobody asked for by number come from here (``IPRange``); None = from the whole subnet."""
    reserved: Mapping[str, Address] = field(default_factory=dict)
    """``AuxiliaryAddresses``: never given to a container; name → address."""


@dataclass(frozen=True, slots=True)
class Network:
    """One network with every default filled in."""

    id: str
    """64 hex digits."""
    name: str
    driver: str
    """``bridge``, ``macvlan`` or ``ipvlan``."""
    interface: str
    """The bridge's name; on macvlan and ipvlan the parent's."""
    pools: tuple[Pool, ...]
    internal: bool = False
    """No way out: containers get no default route, the firewall lets nothing pass."""
    icc: bool = True
    """Containers of this network may talk to each other."""
    masquerade: bool = True
    mtu: int = 1500
    host_binding: str = "0.0.0.0"
    """Where ports are published that name no host address."""
    options: Mapping[str, str] = field(default_factory=dict)
    """Docker's driver options as given (``com.docker.network.…``, ``macvlan_mode``, ``ipvlan_mode``)."""

    @property
    def ipv6(self) -> bool:
        """One of the pools is of IPv6."""
        return any(pool.subnet.version == 6 for pool in self.pools)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One container's place in one network."""

    id: str
    """64 hex digits."""
    network: str
    """The network's id."""
    container: str
    """The container's id."""
    interface: str
    """Its name in the container, ``eth0``."""
    mac: str
    addresses: tuple[Interface, ...]
    gateways: tuple[Address, ...]
    """Default routes through this endpoint, at most one of each family; none = no default route here."""
    host_interface: str
    """The other end of the pair, on the host; empty on macvlan and ipvlan."""


@dataclass(frozen=True, slots=True)
class Published:
    """A container's port that the host answers for."""

    protocol: Protocol
    container_port: int
    host_address: str
    """``0.0.0.0``, ``::``, ``127.0.0.1`` …"""
    host_port: int
