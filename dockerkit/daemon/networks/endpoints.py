"""A container's interface on a bridge network: a pair of links, one end a port of the bridge, the other in the sandbox.

Three round trips: the pair and its place on the bridge; its index inside; up, addresses and default routes there. Never chooses
an address, a name or a route: the endpoint says them all.
"""

from __future__ import annotations

from dataclasses import dataclass

from dockerkit.daemon.kernel.netlink import interfaces, routing
from dockerkit.daemon.kernel.netlink.wire import Request
from dockerkit.daemon.networks.model import Endpoint, Network
from dockerkit.daemon.networks.sandboxes import Sandbox


@dataclass(frozen=True, slots=True)
class Port:
    """What the host's end of a pair belongs to."""

    bridge: int
    """Index of the network's bridge."""
    group: int
    """Ours."""
    alias: str
    """Says whose network it is, so that a bridge made again finds its ports."""


def join(host: Sandbox, sandbox: Sandbox, network: Network, endpoint: Endpoint, port: Port) -> None:
    """Put the pair in place and configure its end in the sandbox.

    :raises FileExistsError: an interface of that name is there, in the sandbox or on the host.
    :raises OSError: ENODEV and the like when the bridge is gone; nothing is left of the pair then.
    """
    made, *placed = host.channel.try_all(_pair(sandbox, network, endpoint, port))
    if made:
        raise made
    failures = [failure for failure in placed if failure]
    if not failures:
        failures = _configured(sandbox, network, endpoint)
    if failures:
        host.channel.try_all([interfaces.delete(endpoint.host_interface)])
        raise failures[0]


def _pair(sandbox: Sandbox, network: Network, endpoint: Endpoint, port: Port) -> list[Request]:
    pair = interfaces.make_pair(
        endpoint.host_interface,
        peer=endpoint.interface,
        peer_mac=endpoint.mac,
        namespace=sandbox.fd,
        mtu=network.mtu,
        group=port.group,
    )
    return [pair, *place(endpoint.host_interface, network, port)]


def place(host_interface: str, network: Network, port: Port) -> list[Request]:
    """Return what makes the host's end of a pair a port of its network's bridge; without ``icc`` it hears the host only."""
    isolated = [] if network.icc else [interfaces.port(host_interface, isolated=True)]
    return [interfaces.join_bridge(host_interface, port.bridge, alias=port.alias), *isolated]


def _configured(sandbox: Sandbox, network: Network, endpoint: Endpoint) -> list[OSError]:
    try:
        configure(sandbox, endpoint, routers=network.driver != "bridge")
    except OSError as failure:
        return [failure]
    return []


def configure(sandbox: Sandbox, endpoint: Endpoint, *, routers: bool, device_route: bool = False) -> None:
    """Give the endpoint's interface inside its addresses, set it up, and add its default routes.

    :param routers: routers on this link may be believed (macvlan); on a bridge another container could pretend to be one.
    :param device_route: the interface itself is the way out: no gateway (ipvlan's layer 3).
    :raises OSError: the kernel refused.
    """
    ipv6 = any(address.version == 6 for address in endpoint.addresses)
    if ipv6:
        sandbox.need_ipv6()
        if not routers:
            sandbox.set_ipv6(endpoint.interface, "accept_ra", 0)
            sandbox.set_ipv6(endpoint.interface, "accept_dad", 0)  # its own link-local address, too, is usable at once
    sandbox.set_ipv6(endpoint.interface, "disable_ipv6", 0 if ipv6 else 1)
    index = sandbox.index(endpoint.interface)
    up = interfaces.change(endpoint.interface, index=index, up=True)
    addresses = [routing.add_address(index, address, endpoint.interface) for address in endpoint.addresses]
    routes = [routing.set_default(gateway) for gateway in endpoint.gateways]
    if device_route:
        routes = [routing.set_default_device(index, version) for version in {one.version for one in endpoint.addresses}]
    sandbox.channel.ask([up, *addresses, *routes])
