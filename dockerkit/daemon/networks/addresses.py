"""Which subnet a network gets and which address a container: chosen, leased, given back. Pure, in memory; never touches a link.

The engine keeps the lasting record and leases every address again at start. One rule of our own: an address that was given back
rests as long as there is another one, because the kernel takes a dead container's interface away a little later than the
container (deleting it at once costs 17 ms), and neighbours remember its MAC.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from ipaddress import IPv4Network, IPv6Network
from itertools import chain
from typing import Literal

from dockerkit.daemon.networks.model import Address, Network, Pool, Subnet
from dockerkit.errors import Exhausted, Invalid, NotAllowed

_DEFAULTS = (*(IPv4Network((0xAC110000 + (number << 16), 16)) for number in range(15)), IPv4Network("192.168.0.0/16"))
"""172.17.0.0/16 … 172.31.0.0/16, and 192.168.0.0/16 in sixteen parts: Docker's ``default-address-pools``."""
_PART = 20
_RESTING = 256
"""So many given-back addresses of one pool are remembered, oldest forgotten first."""


@dataclass(slots=True)
class _Shelf:
    """One pool's leases, as integers."""

    pool: Pool
    taken: set[int] = field(default_factory=set)
    resting: dict[int, None] = field(default_factory=dict)
    last: int = -1
    """The address handed out last: the next is looked for behind it."""


class Addresses:
    """All pools of one data root and who holds what. Thread-safe; every method takes microseconds.

    :param identity: the data root's id: its IPv6 subnets are ``fdxx:xxxx:xxxx:n::/64`` with 40 bits drawn from it (RFC 4193).
    """

    def __init__(self, identity: str = "") -> None:
        self._lock = threading.Lock()
        self._shelves: dict[str, list[_Shelf]] = {}
        self._local = IPv6Network((0xFD << 120 | int(hashlib.sha256(identity.encode()).hexdigest()[:10], 16) << 80, 48))

    def choose_pool(self, ipv6: bool, taken: Iterable[Subnet]) -> Pool:
        """Return the first of Docker's default subnets that overlaps none of `taken`, with its first address as gateway.

        :param taken: what the host's routes cover and what other networks have.
        :raises Exhausted: every one is taken.
        """
        used = [subnet for subnet in taken if subnet.prefixlen]
        for subnet in self._local.subnets(new_prefix=64) if ipv6 else _default_subnets():
            if not any(_overlap(subnet, other) for other in used):
                return with_gateway(Pool(subnet, None))
        raise Exhausted("all predefined address pools have been fully subnetted", hint="give the network a subnet of its own")

    def lease(self, network: Network, wanted: Address | None = None, *, version: Literal[4, 6] = 4) -> Address:
        """Take an address of `network` and return it: `wanted`, or the next free one of `version`.

        :raises NotAllowed: `wanted` is held by a container, is the gateway, or is reserved.
        :raises Invalid: `wanted` lies in none of the network's subnets.
        :raises Exhausted: no free address is left in any pool of that version.
        """
        with self._lock:
            shelves = self._of(network)
            if wanted is not None:
                return _take(shelves, wanted)
            for shelf in shelves:
                number = _next(shelf) if shelf.pool.subnet.version == version else None
                if number is not None:
                    shelf.last = number
                    return _hand_out(shelf, number)
        raise Exhausted(
            f"no available IPv{version} addresses on this network's address pools: {network.name} ({network.id})",
            hint="remove containers from it, or make a network with a larger subnet",
        )

    def release(self, network: Network, address: Address) -> None:
        """Give `address` back; it rests while there are others. Nothing happens when nobody held it."""
        with self._lock:
            for shelf in self._holding(network, address):
                shelf.taken.remove(int(address))
                shelf.resting[int(address)] = None
                if len(shelf.resting) > _RESTING:
                    del shelf.resting[next(iter(shelf.resting))]

    def unlease(self, network: Network, address: Address) -> None:
        """Give `address` back as if it had never been leased: nobody has seen it, so it need not rest."""
        with self._lock:
            for shelf in self._holding(network, address):
                shelf.taken.remove(int(address))
                if shelf.last == int(address):
                    shelf.last -= 1

    def _holding(self, network: Network, address: Address) -> list[_Shelf]:
        return [shelf for shelf in self._of(network) if address in shelf.pool.subnet and int(address) in shelf.taken]

    def forget(self, network: Network) -> None:
        """Drop everything about a network that has been removed."""
        with self._lock:
            self._shelves.pop(network.id, None)

    def _of(self, network: Network) -> list[_Shelf]:
        """Return the shelves of `network`, made anew where its pools are not the ones known."""
        known = self._shelves.get(network.id)
        if known is None or tuple(shelf.pool for shelf in known) != network.pools:
            known = self._shelves[network.id] = [_Shelf(pool) for pool in network.pools]
        return known


def check_overlap(pool: Pool, others: Iterable[Subnet]) -> None:
    """Refuse a given subnet that overlaps another network's; the host's own routes are no reason, as in Docker.

    :raises NotAllowed: they overlap.
    """
    for other in others:
        if _overlap(pool.subnet, other):
            raise NotAllowed(
                "invalid pool request: Pool overlaps with other one on this address space",
                hint=f"{pool.subnet} overlaps {other}",
            )


def with_gateway(pool: Pool) -> Pool:
    """Return `pool` with its gateway filled in: the first address that is usable, of the range when there is one.

    :raises Exhausted: the subnet or range has no usable address.
    """
    if pool.gateway is not None:
        return pool
    number = _next(_Shelf(pool))
    if number is None:
        message = "failed to allocate gateway (): No available addresses on this pool"
        raise Exhausted(message, hint=f"{pool.range or pool.subnet} is too small")
    return replace(pool, gateway=pool.subnet[number - int(pool.subnet.network_address)])


def hardware_address(address: Address) -> str:
    """Return the MAC Docker derives from an IPv4 address: ``02:42`` and its four bytes; of IPv6, its last four."""
    return ":".join(f"{byte:02x}" for byte in b"\x02\x42" + address.packed[-4:])


def _default_subnets() -> Iterator[Subnet]:
    return chain(_DEFAULTS[:-1], _DEFAULTS[-1].subnets(new_prefix=_PART))


def _overlap(one: Subnet, other: Subnet) -> bool:
    return one.version == other.version and one.overlaps(other)


def _bounds(shelf: _Shelf) -> tuple[int, int]:
    """Return the first and the last address that may be chosen: the subnet's ends never are, the range's are."""
    subnet = shelf.pool.subnet
    first, last = int(subnet.network_address) + 1, int(subnet.broadcast_address) - (subnet.version == 4)
    if shelf.pool.range is None:
        return first, last
    within = shelf.pool.range
    return max(first, int(within.network_address)), min(last, int(within.broadcast_address))


def _kept(pool: Pool) -> set[int]:
    """Return the addresses of a pool that are nobody's to have: its gateway and the reserved ones."""
    return {int(address) for address in (*filter(None, [pool.gateway]), *pool.reserved.values())}


def _next(shelf: _Shelf) -> int | None:
    """Return the first free address behind the last one; a resting one only when there is no other, the oldest then."""
    first, last = _bounds(shelf)
    taken, kept, resting = shelf.taken, _kept(shelf.pool), shelf.resting
    avoided = len(taken) + len(kept) + len(resting)
    start = shelf.last + 1 if first <= shelf.last < last else first
    for number in chain(range(start, min(last, start + avoided) + 1), range(first, min(start - 1, first + avoided) + 1)):
        if number not in taken and number not in kept and number not in resting:
            return number
    return next((number for number in resting if first <= number <= last and number not in kept), None)


def _take(shelves: list[_Shelf], wanted: Address) -> Address:
    """Take exactly `wanted`."""
    for shelf in shelves:
        if wanted in shelf.pool.subnet:
            subnet, number = shelf.pool.subnet, int(wanted)
            if number in shelf.taken or number in _kept(shelf.pool) or wanted == subnet.network_address:
                raise NotAllowed(
                    "Address already in use", hint=f"{wanted} is held by a container, the gateway or a reservation"
                )
            if subnet.version == 4 and wanted == subnet.broadcast_address:
                raise NotAllowed("Address already in use", hint=f"{wanted} is the broadcast address of {subnet}")
            return _hand_out(shelf, number)
    raise Invalid(
        f"Invalid address {wanted}: It does not belong to any of this network's subnets",
        hint="its subnets: " + ", ".join(str(shelf.pool.subnet) for shelf in shelves),
    )


def _hand_out(shelf: _Shelf, number: int) -> Address:
    shelf.taken.add(number)
    shelf.resting.pop(number, None)
    subnet = shelf.pool.subnet
    return subnet[number - int(subnet.network_address)]
