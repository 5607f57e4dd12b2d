"""What the engine knows of one network, as it is stored, and what links and rules are made from."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import ip_address, ip_network

import msgspec
from msgspec import field

from dockerkit.daemon.networks.model import Network, Pool
from dockerkit.schema.network import IPAM, IPAMConfig

PREFIX = "com.docker.network."
BRIDGE_NAME, MTU = f"{PREFIX}bridge.name", f"{PREFIX}driver.mtu"
ICC, MASQUERADE = f"{PREFIX}bridge.enable_icc", f"{PREFIX}bridge.enable_ip_masquerade"
HOST_BINDING = f"{PREFIX}bridge.host_binding_ipv4"
DEFAULT_BRIDGE = f"{PREFIX}bridge.default_bridge"
WITHOUT_LINKS = ("host", "null")
"""Drivers under which the engine makes nothing."""


class NetworkRecord(msgspec.Struct, kw_only=True, frozen=True):
    """One network. A value: a change makes a new one.

    ``created`` is in nanoseconds since 1970. ``ipam`` has every subnet and gateway that was chosen; it is empty on the default
    bridge until that is needed first. ``session`` owns it, or nobody.
    """

    id: str
    name: str
    created: int
    driver: str = "bridge"
    interface: str = ""
    ipv4: bool = True
    ipv6: bool = False
    ipam: IPAM = field(default_factory=IPAM)
    internal: bool = False
    attachable: bool = False
    ingress: bool = False
    config_only: bool = False
    config_from: str = ""
    options: dict[str, str] = field(default_factory=dict)
    labels: dict[str, str] = field(default_factory=dict)
    session: str = ""

    @property
    def linked(self) -> bool:
        """Whether containers get an interface on it."""
        return self.driver not in WITHOUT_LINKS

    @property
    def default(self) -> bool:
        """Whether it is the bridge that containers are on when nothing was said: the one without names and aliases."""
        return DEFAULT_BRIDGE in self.options

    def network(self) -> Network:
        """Return it as those see it who make links and rules."""
        options = self.options
        return Network(
            id=self.id,
            name=self.name,
            driver=self.driver,
            interface=self.interface,
            pools=tuple(pool for pool in map(pool_of, self.ipam.config) if self.ipv6 or pool.subnet.version == 4),
            internal=self.internal,
            icc=flag(options, ICC),
            masquerade=flag(options, MASQUERADE),
            mtu=int(options.get(MTU) or 1500),
            host_binding=options.get(HOST_BINDING) or "0.0.0.0",
            options=options,
        )


def flag(options: Mapping[str, str], name: str) -> bool:
    """Return an option that is on unless it was switched off, in Go's words for truth."""
    return options.get(name, "true") in TRUE


TRUE, FALSE = ("1", "t", "T", "true", "TRUE", "True"), ("0", "f", "F", "false", "FALSE", "False")


def pool_of(config: IPAMConfig) -> Pool:
    """Return one subnet of a network, judged already."""
    return Pool(
        subnet=ip_network(config.subnet, strict=False),
        gateway=ip_address(config.gateway.partition("/")[0]) if config.gateway else None,
        range=ip_network(config.ip_range, strict=False) if config.ip_range else None,
        reserved={name: ip_address(address) for name, address in config.auxiliary_addresses.items()},
    )


def config_of(pool: Pool) -> IPAMConfig:
    """Return a subnet as Docker shows it."""
    return IPAMConfig(
        subnet=str(pool.subnet),
        ip_range=str(pool.range) if pool.range else "",
        gateway=str(pool.gateway) if pool.gateway else "",
        auxiliary_addresses={name: str(address) for name, address in pool.reserved.items()},
    )
