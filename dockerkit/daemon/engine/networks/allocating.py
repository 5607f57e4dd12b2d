"""Addresses leased and places made for a container on its networks; given back; leased again after a crash. Memory only."""

from __future__ import annotations

import dataclasses
import logging
import secrets
from collections.abc import Iterable, Mapping
from ipaddress import ip_address, ip_interface, ip_network

from dockerkit.daemon.engine.core import Core
from dockerkit.daemon.engine.networks import rules
from dockerkit.daemon.engine.networks.default import settle
from dockerkit.daemon.engine.networks.entries import NetworkEntry
from dockerkit.daemon.engine.networks.fabric import Address, Endpoint, hardware_address, pair_name
from dockerkit.daemon.engine.networks.place import Place
from dockerkit.errors import Conflict, DockerkitError, NotAllowed
from dockerkit.schema.network import EndpointSettings

log = logging.getLogger(__name__)
_LINK_LOCAL = {4: 16, 6: 64}


def allocate(core: Core, entry: NetworkEntry, container: str, settings: EndpointSettings, interface: str) -> Place:
    """Give a container a place on a network and write it down among the network's members.

    :param interface: its name inside.
    :raises NotAllowed: the address that was asked for is somebody's, or the container is here already.
    :raises Exhausted: no address is left.
    :raises NotFound: the network is being removed.
    """
    if not entry.record.linked:
        place = Place(network=entry.record.id, endpoint=secrets.token_hex(32))
        core.networks.join(entry, container, place)
        return place
    place = draft(core, entry, settings, interface)
    occupy(core, entry, container, place)
    return place


def draft(core: Core, entry: NetworkEntry, settings: EndpointSettings, interface: str) -> Place:
    """Lease addresses and make a place of them that is nobody's yet.

    :raises NotAllowed: the address that was asked for is somebody's.
    :raises Exhausted: no address is left.
    """
    settle(core, entry)
    endpoint, leased = secrets.token_hex(32), _lease(core, entry, settings)
    return Place(
        network=entry.record.id,
        endpoint=endpoint,
        interface=interface,
        mac=settings.mac_address.lower().replace("-", ":") or hardware_address(leased[0]),
        addresses=[_with_prefix(entry, address) for address in leased] + _link_local(settings),
        gateways=[str(gateway) for gateway in _gateways(entry)],
        host_interface=pair_name(endpoint) if entry.record.driver == "bridge" else "",
    )


def occupy(core: Core, entry: NetworkEntry, container: str, place: Place) -> None:
    """Write a container down among a network's members, with a place that was drafted.

    :raises NotAllowed: it is here already. :raises NotFound: the network is being removed. The place's leases are gone then.
    """
    try:
        core.networks.join(entry, container, place)
    except DockerkitError:
        _release(core, entry, place.leases)
        raise
    try:
        rules.part(core, entry, container)
    except OSError:
        free(core, entry, container)
        raise


def abandon(core: Core, entry: NetworkEntry, place: Place) -> None:
    """Take the leases of a drafted place back that nobody ever had."""
    for address in place.leases:
        core.fabric.addresses.unlease(entry.record.network(), address)


def _lease(core: Core, entry: NetworkEntry, settings: EndpointSettings) -> list[Address]:
    """Lease one address of each family the network has."""
    network, ipam = entry.record.network(), settings.ipam_config
    wanted = {4: ipam.ipv4_address, 6: ipam.ipv6_address} if ipam else {4: "", 6: ""}
    leased: list[Address] = []
    try:
        for version in (4, 6):
            if any(pool.subnet.version == version for pool in network.pools):
                asked = ip_address(wanted[version]) if wanted[version] else None
                leased.append(core.fabric.addresses.lease(network, asked, version=version))
    except Conflict as taken:
        _release(core, entry, leased)
        raise NotAllowed(taken.message, hint=taken.hint) from None
    except DockerkitError:
        _release(core, entry, leased)
        raise
    return leased


def _release(core: Core, entry: NetworkEntry, leased: Iterable[Address]) -> None:
    for address in leased:
        core.fabric.addresses.release(entry.record.network(), address)


def _with_prefix(entry: NetworkEntry, address: Address) -> str:
    subnets = [pool.subnet for pool in entry.record.network().pools]
    return f"{address}/{next(subnet.prefixlen for subnet in subnets if address in subnet)}"


def _link_local(settings: EndpointSettings) -> list[str]:
    given = map(ip_address, settings.ipam_config.link_local_ips if settings.ipam_config else [])
    return [f"{address}/{_LINK_LOCAL[address.version]}" for address in given]


def _gateways(entry: NetworkEntry) -> list[Address]:
    network = entry.record.network()
    if network.internal:
        return []
    found: dict[int, Address] = {}
    for pool in network.pools:
        if pool.gateway is not None:
            found.setdefault(pool.subnet.version, pool.gateway)
    return list(found.values())


def free(core: Core, entry: NetworkEntry, container: str) -> Place | None:
    """Give a container's place back; None when it had none."""
    place = core.networks.leave(entry, container)
    if place is not None and entry.record.linked:
        try:
            rules.part(core, entry, container)  # before its address can be another's
        except OSError:
            log.exception("the addresses of container %s are still parted from others", container)
        _release(core, entry, place.leases)
    return place


def restore(core: Core, entry: NetworkEntry, container: str, place: Place) -> None:
    """Take a place that a living container has into memory again."""
    network = entry.record.network()
    core.networks.join(entry, container, place)
    for text in place.addresses if entry.record.linked else ():
        interface = ip_interface(text)
        if any(interface.ip in ip_network(pool.subnet) for pool in network.pools):
            core.fabric.addresses.lease(network, interface.ip)


def ways_out(places: Mapping[str, Place], wishes: Mapping[str, EndpointSettings]) -> dict[int, str]:
    """Return through which network the default route of each IP version leads: highest priority first, then by name."""

    def rank(name: str) -> tuple[int, str]:
        return -wishes[name].gw_priority if name in wishes else 0, name

    return {
        version: name for version in (6, 4) for name in sorted(places, key=rank, reverse=True) if places[name].gateway(version)
    }


def next_interface(places: Iterable[Place]) -> str:
    """Return the first of ``eth0``, ``eth1`` … that none of the places has."""
    taken = {place.interface for place in places}
    return next(name for number in range(len(taken) + 1) if (name := f"eth{number}") not in taken)


def endpoints(container: str, places: Mapping[str, Place], wishes: Mapping[str, EndpointSettings]) -> dict[str, Endpoint]:
    """Return places as links and rules are made of them: each family's default route leads through one of them."""
    out = ways_out(places, wishes)
    found = {}
    for name, place in places.items():
        endpoint = place.endpoint_of(container, default=True)
        gateways = tuple(gateway for gateway in endpoint.gateways if out.get(gateway.version) == name)
        found[name] = dataclasses.replace(endpoint, gateways=gateways)
    return found
