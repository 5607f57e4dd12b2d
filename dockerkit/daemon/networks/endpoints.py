"""A container's interface on a bridge network: a pair of links, one end a port of the bridge, the other in the sandbox.

Two round trips in all: the pair and its place on the bridge; then, inside, up, addresses and default route. Never chooses an
address, a name or a route: the endpoint says them all.
"""

from __future__ import annotations

import errno

from dockerkit.daemon.kernel.netlink import interfaces, routing
from dockerkit.daemon.kernel.netlink.wire import Request
from dockerkit.daemon.networks.model import Endpoint, Network
from dockerkit.daemon.networks.sandboxes import Sandbox

_TAKEN = (errno.EEXIST, errno.EBUSY)


def join(host: Sandbox, sandbox: Sandbox, network: Network, endpoint: Endpoint, *, bridge: int, group: int) -> None:
    """Put the pair in place; afterwards only the sandbox is left to be configured.

    :param bridge: index of the network's bridge.
    :raises FileExistsError: an interface of that name is there, in the sandbox or on the host.
    :raises OSError: ENODEV and the like when the bridge is gone; nothing is left of the pair then.
    """
    index = sandbox.next_index()
    made, *placed = host.channel.try_all(_pair(sandbox, network, endpoint, index, bridge=bridge, group=group))
    if made and made.errno in _TAKEN:  # somebody inside made an interface, or the name is taken
        sandbox.look()
        index = sandbox.next_index()
        made, *placed = host.channel.try_all(_pair(sandbox, network, endpoint, index, bridge=bridge, group=group))
    if made:
        raise made
    failures = [failure for failure in placed if failure]
    if not failures:
        failures = _configured(sandbox, network, endpoint, index)
    if failures:
        host.channel.try_all([interfaces.delete(endpoint.host_interface)])
        raise failures[0]


def _pair(sandbox: Sandbox, network: Network, endpoint: Endpoint, index: int, *, bridge: int, group: int) -> list[Request]:
    pair = interfaces.make_pair(
        endpoint.host_interface,
        peer=endpoint.interface,
        peer_index=index,
        peer_mac=endpoint.mac,
        namespace=sandbox.fd,
        mtu=network.mtu,
        group=group,
    )
    isolated = [] if network.icc else [interfaces.port(endpoint.host_interface, isolated=True)]
    return [pair, interfaces.join_bridge(endpoint.host_interface, bridge), *isolated]


def _configured(sandbox: Sandbox, network: Network, endpoint: Endpoint, index: int) -> list[OSError]:
    try:
        configure(sandbox, endpoint, index, routers=network.driver != "bridge")
    except OSError as failure:
        return [failure]
    return []


def configure(sandbox: Sandbox, endpoint: Endpoint, index: int, *, routers: bool, device_route: bool = False) -> None:
    """Give the interface `index` inside its addresses, set it up, and add its default routes.

    :param routers: routers on this link may be believed (macvlan); on a bridge another container could pretend to be one.
    :param device_route: the interface itself is the way out: no gateway (ipvlan's layer 3).
    :raises OSError: the kernel refused.
    """
    ipv6 = any(address.version == 6 for address in endpoint.addresses)
    if ipv6:
        sandbox.need_ipv6()
        if not routers:
            sandbox.set_ipv6(endpoint.interface, "accept_ra", 0)
    sandbox.set_ipv6(endpoint.interface, "disable_ipv6", 0 if ipv6 else 1)
    up = interfaces.change(endpoint.interface, index=index, up=True)
    addresses = [routing.add_address(index, address, endpoint.interface) for address in endpoint.addresses]
    routes = [routing.set_default(gateway) for gateway in endpoint.gateways]
    if device_route:
        routes = [routing.set_default_device(index, version) for version in {one.version for one in endpoint.addresses}]
    sandbox.channel.ask([up, *addresses, *routes])
