"""A container's networks as ``inspect`` and ``ps`` show them: what it asked for, and what it has while it runs."""

from __future__ import annotations

from msgspec.structs import replace

from dockerkit.daemon.engine.core import Core
from dockerkit.daemon.engine.lifecycle import Phase
from dockerkit.daemon.engine.networks import naming, portwords
from dockerkit.daemon.engine.networks.portwords import port
from dockerkit.daemon.engine.networks.wishes import DEFAULT
from dockerkit.daemon.engine.record import Record
from dockerkit.schema.container import NetworkSettings, Port
from dockerkit.schema.network import EndpointSettings


def settings(core: Core, record: Record) -> NetworkSettings:
    """Return ``NetworkSettings``; its own addresses are those on the default bridge, as since Docker 1.9."""
    networks = endpoints(core, record)
    default = networks.get(DEFAULT, EndpointSettings())
    return NetworkSettings(
        sandbox_id=record.sandbox,
        sandbox_key=f"/proc/{record.state.pid}/ns/net" if record.sandbox and record.state.pid else "",
        ports=record.ports,
        endpoint_id=default.endpoint_id,
        gateway=default.gateway,
        global_ipv6_address=default.global_ipv6_address,
        global_ipv6_prefix_len=default.global_ipv6_prefix_len,
        ip_address=default.ip_address,
        ip_prefix_len=default.ip_prefix_len,
        ipv6_gateway=default.ipv6_gateway,
        mac_address=default.mac_address if default.endpoint_id else "",
        networks=networks,
    )


def endpoints(core: Core, record: Record) -> dict[str, EndpointSettings]:
    """Return a container's places on networks by name."""
    return {name: _endpoint(core, record, name, wish) for name, wish in record.wishes.items()}


def _endpoint(core: Core, record: Record, name: str, wish: EndpointSettings) -> EndpointSettings:
    place = record.places.get(name)
    if place is None:
        known = core.networks.find(name) if record.phase is not Phase.CREATED else None
        return replace(wish, network_id=known.record.id if known else "", dns_names=naming.dns_names(record, name))
    ip_address, ip_prefix_len = place.address(4)
    ipv6_address, ipv6_prefix_len = place.address(6)
    return replace(
        wish,
        mac_address=place.mac,
        network_id=place.network,
        endpoint_id=place.endpoint,
        gateway=place.gateway(4),
        ip_address=ip_address,
        ip_prefix_len=ip_prefix_len,
        ipv6_gateway=place.gateway(6),
        global_ipv6_address=ipv6_address,
        global_ipv6_prefix_len=ipv6_prefix_len,
        dns_names=naming.dns_names(record, name),
    )


def rows(record: Record) -> list[Port]:
    """Return the ports of a row in the list, by number; one for each binding."""
    found = []
    for (number, protocol), places in sorted((port(text), places) for text, places in record.ports.items()):
        if not places:
            found.append(Port(private_port=number, type=protocol))
        for place in places or ():
            found.append(Port(ip=place.host_ip, private_port=number, public_port=int(place.host_port), type=protocol))
    return found


def published(record: Record) -> list[tuple[int, str]]:
    """Return the ports of the host that lead to a container, with their protocols."""
    return [(one.host_port, one.protocol) for one in portwords.published_of(record.ports)]


def exposed(record: Record) -> list[tuple[int, str]]:
    """Return the ports a container says it listens on, with their protocols."""
    return [port(text) for text in portwords.exposed(record.config)]


def on_network(core: Core, record: Record, value: str) -> bool:
    """Tell whether a container is on a network of this name, or whose id begins so."""
    ids = [entry.record.id for name in record.wishes if (entry := core.networks.find(name)) is not None]
    return value in record.wishes or any(value and id.startswith(value) for id in ids)
