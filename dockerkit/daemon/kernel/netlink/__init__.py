"""Netlink: what the daemon says to the kernel's network: interfaces, addresses, routes.

*Wire* packs and unpacks, *interfaces* and *routing* spell out one request a function, a *channel* sends a batch of them and
collects every answer, a *visitor* opens channels in other network namespaces.

Why our own words and not pyroute2's: a container's start passes through here. pyroute2 costs 135 ms at its first import and
about 2.7 ms a call through its event loop; these few hundred lines cost 7 ms to load and about 1.3 ms for a container's whole
connection (pair, port, address, route: three round trips, 1 ms of it the kernel's). What no start passes through (queueing
disciplines) is pyroute2's, in ``daemon/networks``. Standard library only, like all of the kernel package.

Example, a bridge with an address::

    channel = Channel()
    channel.ask([interfaces.make_bridge("dk0", mac="02:42:00:00:00:01", group=1)])
    bridge = interfaces.read(channel.fetch(interfaces.find("dk0")))
    channel.ask([
        routing.add_address(bridge.index, ip_interface("172.17.0.1/16"), "dk0"),
        interfaces.change("dk0", up=True),
    ])

Everything raises :class:`OSError` with the kernel's explanation, and with what the request was about as ``filename``.
"""

from dockerkit.daemon.kernel.netlink.channel import Channel
from dockerkit.daemon.kernel.netlink.visiting import Visitor

__all__ = ["Channel", "Visitor"]
