"""A container's place on one network while it runs, as its record keeps it. A value; never acts."""

from __future__ import annotations

from ipaddress import ip_address, ip_interface

import msgspec
from msgspec import field

from dockerkit.daemon.networks.model import Address, Endpoint


class Place(msgspec.Struct, kw_only=True, frozen=True):
    """What a container has on a network. On ``host`` and ``none`` there is an id only.

    :ivar endpoint: 64 hex digits, new for each start.
    :ivar addresses: with their prefix lengths, ``172.17.0.2/16``; IPv4 first.
    :ivar gateways: of the network, whether or not the container's default route leads there.
    """

    network: str
    endpoint: str
    interface: str = ""
    mac: str = ""
    addresses: list[str] = field(default_factory=list)
    gateways: list[str] = field(default_factory=list)
    host_interface: str = ""

    def endpoint_of(self, container: str, *, default: bool) -> Endpoint:
        """Return it as those see it who make links and rules.

        :param default: the container's default route leads through here.
        """
        return Endpoint(
            id=self.endpoint,
            network=self.network,
            container=container,
            interface=self.interface,
            mac=self.mac,
            addresses=tuple(map(ip_interface, self.addresses)),
            gateways=tuple(map(ip_address, self.gateways)) if default else (),
            host_interface=self.host_interface,
        )

    @property
    def leases(self) -> list[Address]:
        """Its addresses, without their prefix lengths."""
        return [ip_interface(text).ip for text in self.addresses]

    def address(self, version: int) -> tuple[str, int]:
        """Return its first address of an IP version and the prefix length; ``("", 0)`` when it has none."""
        for text in self.addresses:
            interface = ip_interface(text)
            if interface.version == version and not interface.ip.is_link_local:
                return str(interface.ip), interface.network.prefixlen
        return "", 0

    def gateway(self, version: int) -> str:
        """Return its network's gateway of an IP version, empty when there is none."""
        return next((text for text in self.gateways if ip_address(text).version == version), "")
