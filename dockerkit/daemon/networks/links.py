"""Everything the daemon does to interfaces, under one roof: networks, sandboxes and what joins them.

Verbs are called from many threads. Two things are locked: a socket, for the time of a batch; a sandbox, while an interface is
added to it or taken away. Never writes a firewall rule, never binds a port, never remembers a network: it is told each time.
"""

from __future__ import annotations

import errno
from collections.abc import Iterable, Sequence

from dockerkit.daemon.kernel.netlink import Visitor, interfaces, routing
from dockerkit.daemon.networks import endpoints
from dockerkit.daemon.networks import identity as ours
from dockerkit.daemon.networks.above import Above
from dockerkit.daemon.networks.bridges import Bridges
from dockerkit.daemon.networks.model import Address, Endpoint, Network, Subnet
from dockerkit.daemon.networks.sandboxes import Sandbox, Sandboxes
from dockerkit.daemon.networks.shaping import Shaping
from dockerkit.daemon.networks.vanishing import Vanishing
from dockerkit.errors import Unsupported

_NO_ROUTE = (errno.ESRCH, errno.ENOENT, errno.EAFNOSUPPORT, errno.EOPNOTSUPP)
_NO_BRIDGE = (errno.ENODEV, errno.EINVAL, errno.EOPNOTSUPP)


class Links:
    """The interfaces of one data root.

    :param identity: the data root's id, :func:`dockerkit.schema.endpoint.root_id`; everything made on the host carries it.
    :param namespace: a descriptor of the network namespace that counts as the host's; None = the daemon's own.
    :raises OSError: no socket or descriptor.
    """

    def __init__(self, identity: str, namespace: int | None = None) -> None:
        self._group = ours.group(identity)
        self._visitor = Visitor(namespace)
        self._host = self._visitor.at_home(Sandbox)
        self._vanishing = Vanishing(self._visitor.home)
        self._sandboxes = Sandboxes(self._visitor)
        self._bridges = Bridges(identity, self._host, self._vanishing)
        self._above = Above(identity, self._host, self._sandboxes, self._vanishing)
        self._shaping = Shaping(self._visitor)
        self._indexes: dict[str, int] = {}

    # networks

    def host_routes(self) -> list[Subnet]:
        """Return what the host's routes cover, default routes apart; a new network should not overlap any."""
        routes = (routing.read_route(answer) for answer in self._host.channel.dump(routing.every_route()))
        return [route.destination for route in routes if route and route.destination.prefixlen]

    def make(self, network: Network) -> None:
        """Bring the host's side of a network to what it should be: made, mended, or as it was.

        :raises Unsupported: the kernel has no such driver, or no IPv6.
        :raises Conflict: the bridge's name is another's.
        :raises Invalid: the name of a bridge or parent, or a mode, makes no sense.
        :raises OSError: the kernel refused.
        """
        self._indexes[network.interface] = self._driver(network).make(network)

    def remove(self, network: Network) -> None:
        """Take the host's side of a network away, where we made it; returns when it is out of sight (3 ms).

        :raises OSError: the kernel refused.
        """
        self._indexes.pop(network.interface, None)
        self._driver(network).remove(network)

    def names(self) -> list[str]:
        """Return the host's interfaces that carry our identity: bridges, ends of pairs, parents we made."""
        return [link.name for link in self._host.links() if link.group == self._group]

    def discard(self, names: Iterable[str]) -> None:
        """Delete those of `names` that carry our identity: what a crash left and nobody owns."""
        unwanted = set(names)
        self._vanishing.delete([name for name in self.names() if name in unwanted])

    # sandboxes

    def warm(self) -> None:
        """Have sandboxes made ahead; does not wait. For the moment after the daemon is ready."""
        self._sandboxes.warm()

    def sandbox(self) -> Sandbox:
        """Return a fresh network namespace with ``lo`` up; the caller closes it once the container runs or failed to.

        :raises OSError: ENOSPC, EMFILE.
        """
        return self._sandboxes.take()

    def enter(self, pid: int) -> Sandbox:
        """Return the namespace of the process `pid`; the caller closes it.

        :raises ProcessLookupError: it has gone.
        """
        return self._sandboxes.enter(pid)

    # endpoints

    def connect(self, sandbox: Sandbox, network: Network, endpoint: Endpoint) -> None:
        """Give the sandbox its interface on `network`, usable when this returns; all or nothing.

        A bridge that was deleted by hand is made again.

        :raises FileExistsError: the sandbox or the host has an interface of that name.
        :raises Unsupported: the kernel lacks what the network needs.
        :raises OSError: the kernel refused.
        """
        with sandbox.lock:
            if network.driver != "bridge":
                self._above.join(sandbox, network, endpoint)
                return
            known = self._indexes.get(network.interface)
            if known is not None:
                try:
                    self._join(sandbox, network, endpoint, known)
                except OSError as refused:
                    there = self._bridges.find(network.interface)
                    if refused.errno not in _NO_BRIDGE or (there and there.index == known):
                        raise
                else:
                    return
            self.make(network)
            self._join(sandbox, network, endpoint, self._indexes[network.interface])

    def intact(self, network: Network, host_interface: str) -> bool:
        """Tell whether a network's bridge is the one that was made, and the host's end of a pair there (5 µs)."""
        known = self._indexes.get(network.interface)
        return known is not None and self._vanishing.index(network.interface) == known and self._vanishing.seen(host_interface)

    def disconnect(self, sandbox: Sandbox, endpoint: Endpoint) -> None:
        """Take the endpoint's interface out of the sandbox, and its routes with it; one that is gone is no failure.

        A container that has ended needs none of this: its namespace takes its interfaces along.

        :raises OSError: the kernel refused.
        """
        with sandbox.lock:
            if endpoint.host_interface:
                self._vanishing.delete([endpoint.host_interface])
            else:
                self._above.leave(sandbox, endpoint)

    def move_default(self, sandbox: Sandbox, gateways: Sequence[Address]) -> None:
        """Make `gateways`, at most one of each family, the default routes; families without one lose theirs.

        :raises OSError: ENETUNREACH when no interface leads to one of them.
        """
        given = {gateway.version for gateway in gateways}
        with sandbox.lock:
            for version in (4, 6):
                if version not in given:
                    (refused,) = sandbox.channel.try_all([routing.delete_default(version)])
                    if refused and refused.errno not in _NO_ROUTE:
                        raise refused
            sandbox.channel.ask([routing.set_default(gateway) for gateway in gateways])

    def hairpin(self, endpoint: Endpoint, on: bool = True) -> None:
        """Let the container reach itself through the bridge, as it does by a port it published; off until asked for.

        :raises OSError: the endpoint is not connected.
        """
        self._host.channel.ask([interfaces.port(endpoint.host_interface, hairpin=on)])

    # faults

    def shape(self, endpoint: Endpoint, *, delay_ms: float = 0, loss_percent: float = 0.0, rate_bits: int = 0) -> None:
        """Make what is sent to the endpoint late, lost or slow; see :meth:`Shaping.shape`."""
        self._shaping.shape(endpoint, delay_ms=delay_ms, loss_percent=loss_percent, rate_bits=rate_bits)

    def unshape(self, endpoint: Endpoint) -> None:
        """Undo :meth:`shape`."""
        self._shaping.unshape(endpoint)

    def close(self) -> None:
        """End the threads, close the sockets, give the warm sandboxes back. Interfaces stay."""
        self._sandboxes.close()
        self._vanishing.close()
        self._host.close()
        self._visitor.close()

    def _driver(self, network: Network) -> Bridges | Above:
        if network.driver == "bridge":
            return self._bridges
        if network.driver in ("macvlan", "ipvlan"):
            return self._above
        raise Unsupported(f"network driver {network.driver} makes no links")

    def _join(self, sandbox: Sandbox, network: Network, endpoint: Endpoint, bridge: int) -> None:
        endpoints.join(self._host, sandbox, network, endpoint, self._bridges.port(network, bridge))
