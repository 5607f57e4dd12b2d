"""``network inspect``: one network's record in Docker's shape, with the containers that are on it now."""

from __future__ import annotations

from dockerkit.daemon.engine.core import Core
from dockerkit.daemon.engine.networks.default import settle
from dockerkit.daemon.engine.networks.entries import NetworkEntry
from dockerkit.schema.network import IPAM, ConfigReference, NetworkContainer, NetworkInspect
from dockerkit.schema.units import rfc3339


def inspect(core: Core, entry: NetworkEntry, *, containers: bool = True) -> NetworkInspect:
    """Return everything known of a network.

    :param containers: with those that are on it.
    """
    settle(core, entry)
    record = entry.record
    return NetworkInspect(
        name=record.name,
        id=record.id,
        created=rfc3339(record.created),
        driver=record.driver,
        enable_ipv4=record.ipv4,
        enable_ipv6=record.ipv6,
        ipam=IPAM(driver=record.ipam.driver, options=record.ipam.options, config=record.ipam.config),
        internal=record.internal,
        attachable=record.attachable,
        ingress=record.ingress,
        config_from=ConfigReference(network=record.config_from),
        config_only=record.config_only,
        containers=_containers(core, entry) if containers else {},
        options=record.options,
        labels=record.labels,
    )


def _containers(core: Core, entry: NetworkEntry) -> dict[str, NetworkContainer]:
    names = {container.record.id: container.record.name for container in core.entries.all()}
    return {
        id: NetworkContainer(
            name=names.get(id, ""),
            endpoint_id=place.endpoint,
            mac_address=place.mac,
            ipv4_address=_with_prefix(*place.address(4)),
            ipv6_address=_with_prefix(*place.address(6)),
        )
        for id, place in list(entry.members.items())
    }


def _with_prefix(address: str, prefix: int) -> str:
    return f"{address}/{prefix}" if address else ""
