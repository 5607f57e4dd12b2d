"""Bridges: made, mended and removed, in idempotent steps. Somebody else's is used when named, never changed or removed.

A crash between any two steps leaves a bridge that carries our group, and ``make`` goes on from there.
"""

from __future__ import annotations

import errno
from collections.abc import Sequence
from ipaddress import IPv4Interface, IPv6Interface

from dockerkit.daemon.kernel.netlink import interfaces, routing
from dockerkit.daemon.kernel.netlink.wire import Request
from dockerkit.daemon.networks import identity as ours
from dockerkit.daemon.networks.endpoints import Port, place
from dockerkit.daemon.networks.model import Interface, Network, Pool
from dockerkit.daemon.networks.sandboxes import Sandbox
from dockerkit.daemon.networks.vanishing import Vanishing
from dockerkit.errors import Conflict, Invalid

_NAME_LIMIT = 15
_NO_ADDRESS = "com.docker.network.bridge.inhibit_ipv4"
_LINK_LOCAL = IPv6Interface("fe80::1/64")


class Bridges:
    """The bridges of one data root.

    :param host: the host's network namespace.
    """

    def __init__(self, identity: str, host: Sandbox, vanishing: Vanishing) -> None:
        self._identity = identity
        self._group = ours.group(identity)
        self._host = host
        self._vanishing = vanishing

    def make(self, network: Network) -> int:
        """Bring the network's bridge to what it should be, whatever is there, and return its index.

        :raises Conflict: its name belongs to another network of ours, or to something that is no bridge.
        :raises Invalid: the name is too long for an interface.
        :raises OSError: the kernel refused.
        """
        found = self.find(network.interface) or self._create(network)
        self._judge(found, network)
        if found.group == self._group:
            self._set_up_ipv6(network)
            self._host.channel.ask(self._looks(network, found))
        _ask_idempotently(self._host, [*self._addresses(network, found.index), interfaces.change(found.name, up=True)])
        return found.index

    def port(self, network: Network, bridge: int) -> Port:
        """Return what a port of the network's bridge carries."""
        return Port(bridge, self._group, ours.alias(self._identity, network.id))

    def find(self, name: str) -> interfaces.Interface | None:
        """Return the host's interface `name`, if there is one."""
        if len(name) > _NAME_LIMIT:
            raise Invalid(f"bridge name {name} is too long: an interface's name has at most {_NAME_LIMIT} letters")
        answer = self._host.channel.fetch(interfaces.find(name))
        return interfaces.read(answer) if answer else None

    def remove(self, network: Network) -> None:
        """Delete the network's bridge if it is ours; one that is gone, or was there before us, is left alone."""
        found = self.find(network.interface)
        if found and found.group == self._group and found.kind == "bridge":
            self._vanishing.delete([found.name])

    def _create(self, network: Network) -> interfaces.Interface:
        """Make the bridge; two threads may come here at once, and both go on with the one made."""
        mac = ours.bridge_mac(network.id)
        alias = interfaces.change(network.interface, alias=ours.alias(self._identity, network.id))
        made = interfaces.make_bridge(network.interface, mac=mac, group=self._group)
        _ask_idempotently(self._host, [made, alias])
        found = self.find(network.interface)
        if found is None:
            raise OSError(errno.ENODEV, "the bridge was deleted while it was being made", network.interface)
        self._take_back_ports(network, found.index)
        return found

    def _take_back_ports(self, network: Network, bridge: int) -> None:
        """Give a bridge that was deleted by hand the containers it had."""
        port = self.port(network, bridge)
        for link in self._host.links():
            if link.group == self._group and link.alias == port.alias and link.kind == "veth" and not link.master:
                for refused in self._host.channel.try_all(place(link.name, network, port)):
                    if refused and refused.errno != errno.ENODEV:  # its container may end meanwhile
                        raise refused

    def _judge(self, found: interfaces.Interface, network: Network) -> None:
        if found.kind != "bridge":
            raise Conflict(f"existing interface {found.name} is not a bridge", hint="choose another bridge name")
        whose = found.alias.removeprefix("dockerkit ").split()
        if found.group == self._group and whose[1:] not in ([], [network.id]):
            raise Conflict(
                f"cannot create network {network.id} ({found.name}): conflicts with network {whose[-1]} ({found.name}): "
                "networks have same bridge name"
            )

    def _looks(self, network: Network, found: interfaces.Interface) -> list[Request]:
        alias = ours.alias(self._identity, network.id)
        return [interfaces.change(found.name, mtu=network.mtu if network.mtu != found.mtu else 0, alias=alias)]

    def _set_up_ipv6(self, network: Network) -> None:
        """Say before it is up whether it speaks IPv6: else it would announce an address of its own."""
        if network.ipv6:
            self._host.need_ipv6()
            self._host.set_ipv6(network.interface, "accept_dad", 0)
        self._host.set_ipv6(network.interface, "accept_ra", 0)  # CVE-2020-13401: no container is the host's router
        self._host.set_ipv6(network.interface, "disable_ipv6", 0 if network.ipv6 else 1)

    def _addresses(self, network: Network, index: int) -> list[Request]:
        hidden = network.options.get(_NO_ADDRESS, "").lower() in ("true", "1", "t")
        wanted = [gateway_interface(pool) for pool in network.pools if not (hidden and pool.subnet.version == 4)]
        if network.ipv6:
            wanted.append(_LINK_LOCAL)
        return [routing.add_address(index, address, network.interface) for address in wanted if address]


def gateway_interface(pool: Pool) -> Interface | None:
    """Return a pool's gateway with the prefix length of its subnet, as the bridge carries it."""
    if pool.gateway is None:
        return None
    if pool.gateway.version == 6:
        return IPv6Interface((pool.gateway, pool.subnet.prefixlen))
    return IPv4Interface((pool.gateway, pool.subnet.prefixlen))


def _ask_idempotently(host: Sandbox, requests: Sequence[Request]) -> None:
    """Have `requests` done; what is so already is no failure."""
    for refused in host.channel.try_all(requests):
        if refused and refused.errno != errno.EEXIST:
            raise refused
