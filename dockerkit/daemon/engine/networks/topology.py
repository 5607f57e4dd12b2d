"""Who is on a network, with which addresses and routes, under which rules, and who can reach whom. Ours; looks, never acts."""

from __future__ import annotations

from typing import Any

from dockerkit.daemon.engine.core import Core
from dockerkit.daemon.engine.networks.allocating import endpoints
from dockerkit.daemon.engine.networks.default import settle
from dockerkit.daemon.engine.networks.entries import NetworkEntry
from dockerkit.daemon.engine.networks.portwords import name as port_name
from dockerkit.daemon.engine.record import Record


def topology(core: Core, entry: NetworkEntry) -> dict[str, Any]:
    """Return a network as it is now.

    ``Reach`` has a row for each ordered pair of containers: whether one may send to the other, and why not.
    """
    settle(core, entry)
    record = entry.record
    known = {one.record.id: one.record for one in core.entries.all()}
    members = [known[id] for id in list(entry.members) if id in known]
    return {
        "Id": record.id,
        "Name": record.name,
        "Driver": record.driver,
        "Interface": record.interface,
        "Internal": record.internal,
        "Subnets": [{"Subnet": pool.subnet, "Gateway": pool.gateway} for pool in record.ipam.config],
        "Containers": [_container(core, entry, one) for one in members],
        "Reach": [_reach(entry, one, other) for one in members for other in members if one is not other],
        "Partitions": [[sorted(here), sorted(there)] for here, there in entry.partitions],
        "Rules": core.fabric.rules() if entry.made else [],
    }


def _container(core: Core, entry: NetworkEntry, record: Record) -> dict[str, Any]:
    place = entry.members[record.id]
    mine = next((one for one in endpoints(record.id, record.places, record.wishes).values() if one.id == place.endpoint), None)
    publication = core.networks.publications.get(record.id)
    through = publication is not None and publication.endpoint.id == place.endpoint
    return {
        "Id": record.id,
        "Name": record.name,
        "Interface": place.interface,
        "HostInterface": place.host_interface,
        "MacAddress": place.mac,
        "Addresses": place.addresses,
        "Gateways": list(map(str, mine.gateways)) if mine else [],
        "Ports": [
            {"Port": port_name(one.container_port, one.protocol), "HostIp": one.host_address, "HostPort": one.host_port}
            for one in (publication.published if publication and through else ())
        ],
        "Shaped": record.id in entry.shaped,
    }


def _reach(entry: NetworkEntry, one: Record, other: Record) -> dict[str, Any]:
    parted = any(
        (one.id in here and other.id in there) or (one.id in there and other.id in here) for here, there in entry.partitions
    )
    why = "partition" if parted else "" if entry.record.network().icc else "icc is off"
    return {"From": one.name, "To": other.name, "Reaches": not why, "Why": why}
