"""What the firewall is asked for, and what its sets hold then. Pure.

Every set has one kind of content: keys, keys with values, or ranges of addresses. The names are those of ``skeleton``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import product
from typing import NamedTuple

from dockerkit.daemon.kernel.nftables import words
from dockerkit.daemon.networks.model import Address, Endpoint, Network, Published

Key = tuple[bytes, ...]
Range = tuple[bytes, bytes]
EVERYWHERE = ("", "0.0.0.0", "::")
"""Host addresses that mean all of them."""
PLACES = ("any4", "any6", "at4", "at6")


@dataclass(frozen=True, slots=True)
class Rules:
    """The whole wish: what exists, what is published, and who may not reach whom.

    :ivar partitions: pairs of groups of addresses that are cut off from each other, both ways.
    """

    networks: tuple[Network, ...] = ()
    published: tuple[tuple[Endpoint, Network, Published], ...] = ()
    partitions: tuple[tuple[frozenset[Address], frozenset[Address]], ...] = ()


@dataclass(frozen=True, slots=True)
class Contents:
    """Elements by set: keys, entries of maps, ranges."""

    keys: Mapping[str, frozenset[Key]] = field(default_factory=dict)
    entries: Mapping[str, Mapping[Key, Key]] = field(default_factory=dict)
    ranges: Mapping[str, frozenset[Range]] = field(default_factory=dict)


class Lead(NamedTuple):
    """A published port as the sets know it.

    :ivar place: ``any4``, ``at6`` …: what tells ports of all addresses, or of one, from each other.
    :ivar value: where a rule leads it; None when none can, and the proxy carries all of it.
    :ivar own: what the container itself sends there; None when no proxy carries it.
    :ivar near: what its own network sends there.
    """

    place: str
    key: Key
    value: Key | None
    own: Key | None
    near: Key


Memory = dict[int, tuple[Endpoint, Published, Lead]]
"""What was worked out for the wish before, by the identity of its values: of two hundred ports, one is new."""


def contents(rules: Rules, memory: Memory | None = None) -> Contents:
    """Return what the sets of the main table hold for this wish."""
    leads = _leads(rules, {} if memory is None else memory)
    bridges = [network for network in rules.networks if network.driver == "bridge"]
    return Contents(
        keys={
            "bridges": frozenset((words.name(one.interface),) for one in bridges),
            "internal": frozenset((words.name(one.interface),) for one in bridges if one.internal),
            "same": frozenset(_pair(one) for one in bridges),
            "open": frozenset(_pair(one) for one in bridges if one.icc),
            **_apart(rules),
            **_carried(leads),
        },
        entries=_ports(leads),
        ranges={
            "subnets4": _subnets(bridges, 4),
            "subnets6": _subnets(bridges, 6),
            "leaving4": _subnets(_leaving(bridges), 4),
            "leaving6": _subnets(_leaving(bridges), 6),
        },
    )


def beneath(rules: Rules) -> Contents:
    """Return what the sets of the bridge table hold: what never comes up to be routed."""
    closed = [network for network in rules.networks if network.driver == "bridge" and not network.icc]
    ranges = {"closed4": _subnets(closed, 4), "closed6": _subnets(closed, 6)}
    return Contents(keys=_apart(rules), ranges=ranges)


def is_empty(what: Contents) -> bool:
    """Whether no set holds anything."""
    return not any((*what.keys.values(), *what.entries.values(), *what.ranges.values()))


def target(endpoint: Endpoint, published: Published) -> Address | None:
    """Return the address a rule can send this port to: the container's of the same family, or none (a proxy carries it)."""
    version = 6 if ":" in published.host_address else 4
    for one in endpoint.addresses:
        if one.version == version:
            return one.ip
    return None


def through_loopback(rules: Rules) -> frozenset[str]:
    """Return the bridges that packets to 127.0.0.0/8 are sent on to."""
    everywhere = EVERYWHERE[:2]
    return frozenset(
        network.interface
        for endpoint, network, published in rules.published
        if (published.host_address in everywhere or published.host_address.startswith("127.")) and target(endpoint, published)
    )


def _pair(network: Network) -> Key:
    return words.name(network.interface), words.name(network.interface)


def _leaving(bridges: Iterable[Network]) -> Iterator[Network]:
    return (one for one in bridges if one.masquerade and not one.internal)


def _subnets(networks: Iterable[Network], version: int) -> frozenset[Range]:
    subnets = (pool.subnet for network in networks for pool in network.pools)
    return frozenset((one[0].packed, one[-1].packed) for one in subnets if one.version == version)


def _leads(rules: Rules, memory: Memory) -> list[Lead]:
    """Return what the sets know of each published port; what is in `memory` is not worked out again."""
    found = []
    before = dict(memory)
    memory.clear()
    for endpoint, network, published in rules.published:
        known = before.get(id(published))
        if known is None or known[0] is not endpoint or known[1] is not published:
            known = endpoint, published, _lead(endpoint, network, published)
        memory[id(published)] = known
        found.append(known[2])
    return found


def _lead(endpoint: Endpoint, network: Network, published: Published) -> Lead:
    address = target(endpoint, published)
    version = 6 if ":" in published.host_address else 4
    key: Key = (bytes([words.PROTOCOLS[published.protocol]]), words.service(published.host_port))
    place = f"any{version}"
    if published.host_address not in EVERYWHERE:
        place, key = f"at{version}", (words.address(published.host_address), *key)
    value = own = None
    if address:
        value = (address.packed, words.service(published.container_port))
        own = None if published.protocol == "sctp" else (address.packed, *key)
    return Lead(place, key, value, own, (words.name(network.interface), *key))


def _ports(leads: Iterable[Lead]) -> dict[str, dict[Key, Key]]:
    """Where ports lead: by number alone, or by host address and number."""
    found: dict[str, dict[Key, Key]] = {place: {} for place in PLACES}
    for lead in leads:
        if lead.value:
            found[lead.place][lead.key] = lead.value
    return found


def _carried(leads: Iterable[Lead]) -> dict[str, frozenset[Key]]:
    """What the proxy may carry: the ports it holds, who is near enough to them, and what is sent to oneself."""
    found: dict[str, set[Key]] = {f"{kind}-{place}": set() for kind in ("own", "near", "held") for place in PLACES}
    for lead in leads:
        found[f"held-{lead.place}"].add(lead.key)
        found[f"near-{lead.place}"].add(lead.near)
        if lead.own:
            found[f"own-{lead.place}"].add(lead.own)
    return {name: frozenset(keys) for name, keys in found.items()}


def _apart(rules: Rules) -> dict[str, frozenset[Key]]:
    pairs: dict[str, set[Key]] = {"apart4": set(), "apart6": set()}
    for here, there in rules.partitions:
        for one, other in product(here, there):
            if one.version == other.version:
                pairs[f"apart{one.version}"] |= {(one.packed, other.packed), (other.packed, one.packed)}
    return {name: frozenset(keys) for name, keys in pairs.items()}
