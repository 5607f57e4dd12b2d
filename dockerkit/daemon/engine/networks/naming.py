"""What containers are called on networks of somebody's own, told to the name server. Never answers a query itself."""

from __future__ import annotations

from dockerkit.daemon.engine.core import Core
from dockerkit.daemon.engine.networks import hostfiles
from dockerkit.daemon.engine.networks.fabric import Resolving
from dockerkit.daemon.engine.networks.linking import parse
from dockerkit.daemon.engine.networks.wishes import user_defined
from dockerkit.daemon.engine.record import Record
from dockerkit.errors import NotFound
from dockerkit.schema.network import EndpointSettings


def names(record: Record, settings: EndpointSettings) -> list[str]:
    """Return what a container is called on a network: its name, its aliases, its short id, its hostname."""
    return list(
        dict.fromkeys([record.name, *(settings.aliases or ()), record.id[:12], *filter(None, [record.config.hostname])])
    )


def dns_names(record: Record, network: str) -> list[str] | None:
    """Return ``DNSNames`` of inspect; None on networks without names."""
    return names(record, record.wishes[network]) if user_defined(network) else None


def serve(core: Core, record: Record, namespace: int) -> None:
    """Have a container's queries answered, and its own names known; nothing where it is on no network of somebody's own.

    :param namespace: a descriptor of its network namespace.
    """
    served = in_order(core, record)
    if not served:
        return
    outside = hostfiles.resolving(record, loopback=True)
    core.fabric.serve_names(
        record.id,
        namespace,
        Resolving(
            upstream=tuple(outside.servers),
            search=tuple(outside.search),
            options=tuple(outside.options),
            internal=_internal(core, record),
            host=tuple(server for server in outside.servers if not record.host_config.dns and hostfiles.is_loopback(server)),
            networks={record.places[name].network: name for name in served},
            links=_links(core, record),
        ),
    )
    tell(core, record)


def in_order(core: Core, record: Record) -> list[str]:
    """Return the networks with names that a container is on, as they are looked through: dockerd's order of endpoints.

    The highest priority first, internal ones last, then by name (moby ``libnetwork`` ``Endpoint.Less``).
    """

    def rank(name: str) -> tuple[int, bool, str]:
        entry = core.networks.find(record.places[name].network)
        priority = record.wishes[name].gw_priority if name in record.wishes else 0
        return -priority, entry is not None and entry.record.internal, name

    return sorted(filter(user_defined, record.places), key=rank)


def tell(core: Core, record: Record) -> None:
    """Tell what a container is called now on each of its networks."""
    for name in record.places:
        publish(core, record, name)


def publish(core: Core, record: Record, network: str) -> None:
    """Tell a container's names on one network."""
    if user_defined(network):
        place = record.places[network]
        addresses = [text.partition("/")[0] for text in place.addresses]
        core.fabric.publish_names(place.network, record.id, names(record, record.wishes[network]), addresses)


def withdraw(core: Core, record: Record, network: str) -> None:
    """Take a container's names on one network back."""
    if user_defined(network):
        core.fabric.withdraw_names(record.places[network].network, record.id)


def forget(core: Core, record: Record) -> None:
    """Take all names of a container back and answer it no more."""
    served = [name for name in record.places if user_defined(name)]
    for name in served:
        withdraw(core, record, name)
    if served:
        core.fabric.forget_names(record.id)


def _internal(core: Core, record: Record) -> bool:
    """Whether nothing outside may be asked: every network it is on is internal."""
    entries = [core.networks.find(place.network) for place in record.places.values()]
    return all(entry is not None and entry.record.internal for entry in entries)


def _links(core: Core, record: Record) -> dict[str, str]:
    """Return the names that only this container uses: alias → what the other is called, or will be when it comes."""
    found = {}
    for wish in record.wishes.values():
        for name, alias in map(parse, wish.links or ()):
            try:
                found[alias] = core.entries.resolve(name).record.name
            except NotFound:  # it may come later; dockerd says nothing either
                found[alias] = name
    return found
