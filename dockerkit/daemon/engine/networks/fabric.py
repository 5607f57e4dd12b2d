"""What networks are made of: addresses, links, rules, published ports, names. The only file that touches ``daemon.networks``.

Everything is imported and made when it is needed first, so that a container without a network costs nothing. A mark in the data
root's ``run`` folder says that something was made, so that the next daemon knows to look for what this one left.
"""

from __future__ import annotations

import contextlib
import logging
import os
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from dockerkit.daemon.networks.addresses import Addresses, check_overlap, hardware_address, with_gateway
from dockerkit.daemon.networks.identity import bridge_name, pair_name
from dockerkit.daemon.networks.model import Address, Endpoint, Network, Published, Subnet

if TYPE_CHECKING:
    from dockerkit.daemon.engine.networks.portwords import Wish
    from dockerkit.daemon.networks.firewall import Firewall
    from dockerkit.daemon.networks.links import Links
    from dockerkit.daemon.networks.names import Names
    from dockerkit.daemon.networks.ports import Ports, Reservation
    from dockerkit.daemon.networks.sandboxes import Sandbox

__all__ = [
    "Address",
    "Endpoint",
    "Fabric",
    "Network",
    "Published",
    "Subnet",
    "check_overlap",
    "hardware_address",
    "pair_name",
    "with_gateway",
]
log = logging.getLogger(__name__)
Hand = TypeVar("Hand")
MARK = "networks"


@dataclass(frozen=True, slots=True)
class Resolving:
    """How one container's queries are answered.

    :ivar upstream: servers asked for what no container is called; nobody is when `internal`.
    :ivar host: those of them that are asked from the host's network namespace: its own loopback.
    :ivar networks: id → name, in the order in which names are looked for.
    :ivar links: names for this container only: alias → the other container's id.
    """

    upstream: tuple[str, ...]
    search: tuple[str, ...]
    options: tuple[str, ...]
    internal: bool
    networks: Mapping[str, str]
    links: Mapping[str, str] = field(default_factory=dict)
    host: tuple[str, ...] = ()


class Fabric:
    """The networks' hands. Thread-safe.

    :param run: the data root's ``run`` folder.
    :param identity: the data root's id, which every name outside the root carries.
    """

    def __init__(self, run: str, identity: str) -> None:
        self._run, self._identity = run, identity
        self._making = threading.RLock()
        self._hands: dict[str, Any] = {}
        self.addresses = Addresses(identity)

    def bridge_name(self, network: str = "") -> str:
        """Return the name of a network's bridge; without an id, of the default one."""
        return bridge_name(self._identity, network)

    # what outlives the daemon

    @property
    def touched(self) -> bool:
        """Whether a daemon of this data root has made anything that may still be there."""
        return os.path.exists(f"{self._run}/{MARK}")

    def touch(self) -> None:
        """Say that something is about to be made."""
        with contextlib.suppress(FileExistsError):
            os.close(os.open(f"{self._run}/{MARK}", os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600))

    def untouch(self) -> None:
        """Say that nothing is left."""
        with contextlib.suppress(FileNotFoundError):
            os.unlink(f"{self._run}/{MARK}")

    # links

    def host_routes(self) -> list[Subnet]:
        """Return what the host's routes cover."""
        return self._links.host_routes()

    def make(self, network: Network) -> None:
        """Bring the host's side of a network to what it should be, and have the host forward for it.

        :raises Unsupported: the kernel has no such driver.
        :raises Conflict: the bridge's name is another's.
        """
        self._links.make(network)
        if not network.internal:
            for switched in self._firewall.forwarding(ipv6=network.ipv6):
                log.warning("switched on for network %s: %s", network.name, switched)

    def remove(self, network: Network) -> None:
        """Take the host's side of a network away."""
        self._links.remove(network)

    def sandbox(self) -> Sandbox:
        """Return a fresh network namespace; the caller closes it."""
        return self._links.sandbox()

    def warm(self) -> None:
        """Have namespaces made ahead; does not wait."""
        self._links.warm()

    def enter(self, pid: int) -> Sandbox:
        """Return the namespace of a process; the caller closes it.

        :raises ProcessLookupError: it has gone.
        """
        return self._links.enter(pid)

    def connect(self, sandbox: Sandbox, network: Network, endpoint: Endpoint) -> None:
        """Give a sandbox its interface on a network."""
        self._links.connect(sandbox, network, endpoint)

    def intact(self, network: Network, host_interface: str) -> bool:
        """Tell whether a bridge is the one that was made, and an interface there still."""
        return self._links.intact(network, host_interface)

    def disconnect(self, sandbox: Sandbox, endpoint: Endpoint) -> None:
        """Take an interface out of a sandbox."""
        self._links.disconnect(sandbox, endpoint)

    def move_default(self, sandbox: Sandbox, gateways: Sequence[Address]) -> None:
        """Make these the default routes of a sandbox."""
        self._links.move_default(sandbox, gateways)

    def hairpin(self, endpoint: Endpoint) -> None:
        """Let a container reach itself by a port it published."""
        self._links.hairpin(endpoint)

    def shape(self, endpoint: Endpoint, *, delay_ms: float, loss_percent: float, rate_bits: int) -> None:
        """Make what is sent to an endpoint late, lost or slow; nothing of it at zeros.

        :raises Unsupported: the kernel has no such queueing discipline.
        """
        self._links.shape(endpoint, delay_ms=delay_ms, loss_percent=loss_percent, rate_bits=rate_bits)

    def sweep(self, kept: Iterable[str]) -> list[str]:
        """Delete the interfaces that carry our identity but for `kept`; return which."""
        strays = sorted(set(self._links.names()) - set(kept))
        self._links.discard(strays)
        return strays

    # rules

    def apply(
        self,
        networks: Iterable[Network],
        published: Iterable[tuple[Endpoint, Network, Published]],
        partitions: Iterable[tuple[frozenset[Address], frozenset[Address]]],
        *,
        afresh: bool = False,
    ) -> None:
        """Have the host's rules be those of what exists, is published and is parted."""
        from dockerkit.daemon.networks.firewall import Rules  # noqa: PLC0415 - as the hands below

        self._firewall.apply(Rules(tuple(networks), tuple(published), tuple(partitions)), afresh=afresh)

    def rules(self) -> list[str]:
        """Return the rules as the kernel has them, as text."""
        return self._firewall.text()

    def warnings(self) -> list[str]:
        """Return what keeps networks from working on this host, a sentence each; without looking where nothing was made yet."""
        if "firewall" not in self._hands:
            return []
        why = self._firewall.why
        return [f"WARNING: {why}"] if why else [f"WARNING: {text}" for text in self._firewall.warnings()]

    # ports

    def reserve(self, wishes: Iterable[Wish], endpoint: str) -> list[Reservation]:
        """Make ports of the host ours, all or none.

        :param endpoint: ``NAME (ID)``, for Docker's words.
        :raises Conflict: one is taken. :raises Exhausted: none of a range is free.
        """
        from dockerkit.daemon.networks.ports import Wanted  # noqa: PLC0415 - as the hands below

        return self._ports.reserve([Wanted(*wish) for wish in wishes], endpoint)

    def cancel(self, reservations: Sequence[Reservation]) -> None:
        """Give back ports that were reserved and never served."""
        self._ports.cancel(reservations)

    def serve(self, container: str, reservations: Sequence[Reservation], targets: Iterable[Address]) -> None:
        """Have the proxy hold ports, and carry to `targets` what comes to them and no rule takes.

        :raises OSError: there can be no proxy; the reservations stay the caller's.
        """
        self._ports.serve(container, reservations, list(map(str, targets)))

    def release(self, container: str, published: Iterable[Published] | None = None) -> None:
        """Give back a container's ports, or some of them."""
        if published is None:
            self._ports.release(container)
        for one in published or ():
            self._ports.release(container, one)

    def adopt(self, expected: Mapping[str, Iterable[Published]]) -> dict[str, list[Published]]:
        """Find what an earlier daemon's proxy holds, have it let go of what nobody has; return what it holds and shall."""
        held = self._ports.adopt()
        for container, ports in held.items():
            strays = [one for one in ports if one not in set(expected.get(container, ()))]
            self.release(container, strays)
        return held

    def hold_again(self, container: str, published: Sequence[Published], targets: Iterable[Address]) -> None:
        """Have a proxy hold those of a container's ports that none holds: an earlier daemon's died while there was none."""
        self._ports.restore(container, published, list(map(str, targets)))

    # names

    def serve_names(self, container: str, namespace: int, resolving: Resolving) -> None:
        """Answer a container's queries at 127.0.0.11, from inside its namespace.

        :raises OSError: no socket there, or there can be no server.
        """
        from dockerkit.daemon.networks.names import Resolver  # noqa: PLC0415 - as the hands below

        self._names.serve(container, namespace, Resolver(**asdict(resolving)))

    def publish_names(self, network: str, container: str, names: Sequence[str], addresses: Sequence[str]) -> None:
        """Have the containers of a network find one of them under these names."""
        self._names.publish(network, container, names, addresses)

    def withdraw_names(self, network: str, container: str) -> None:
        """Have a container found on a network no more."""
        self._names.withdraw(network, container)

    def forget_names(self, container: str) -> None:
        """Answer a container no more."""
        self._names.forget(container)

    def adopt_names(self) -> None:
        """Find the name server of an earlier daemon; then everything is said again, and :meth:`settle_names`."""
        self._names.adopt()

    def settle_names(self) -> None:
        """Everything has been said: what an earlier daemon said and this one did not is forgotten."""
        self._names.settle()

    # the hands, made when they are needed first

    @property
    def _links(self) -> Links:
        from dockerkit.daemon.networks.links import Links  # noqa: PLC0415 - a container without a network does without

        return self._hand("links", lambda: Links(self._identity))

    @property
    def _firewall(self) -> Firewall:
        from dockerkit.daemon.networks.firewall import Firewall  # noqa: PLC0415

        return self._hand("firewall", lambda: Firewall(self._identity))

    @property
    def _ports(self) -> Ports:
        from dockerkit.daemon.networks.ports import Ports  # noqa: PLC0415

        return self._hand("ports", lambda: Ports(self._run, self._identity))

    @property
    def _names(self) -> Names:
        from dockerkit.daemon.networks.names import Names  # noqa: PLC0415

        return self._hand("names", lambda: Names(self._run, self._identity))

    def _hand(self, name: str, make: Callable[[], Hand]) -> Hand:
        found: Hand | None = self._hands.get(name)
        if found is None:
            with self._making:
                if name not in self._hands:
                    self.touch()
                    self._hands[name] = make()
                found = self._hands[name]
        return found

    def close(self) -> None:
        """Let go of everything; what the containers that live on need stays."""
        for hand in reversed(self._hands.values()):
            hand.close()
        self._hands.clear()
