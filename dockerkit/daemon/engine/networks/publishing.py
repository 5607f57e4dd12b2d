"""A container's ports on the host: reserved, led to the container by rules and by the proxy, withdrawn.

Ports lead through the endpoint that the container's default route leads through, as in Docker. A port is published once it is
reserved *and* ruled *and* served; if any of it fails, nothing is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import msgspec

from dockerkit.daemon.engine.core import Core
from dockerkit.daemon.engine.entries import Entry
from dockerkit.daemon.engine.networks import portwords, rules
from dockerkit.daemon.engine.networks.allocating import endpoints as endpoints_of
from dockerkit.daemon.engine.networks.entries import NetworkEntry, Publication
from dockerkit.daemon.engine.networks.fabric import Endpoint, Published
from dockerkit.daemon.engine.networks.portwords import Wish
from dockerkit.daemon.engine.record import Record
from dockerkit.errors import Conflict, DockerkitError
from dockerkit.schema.network import PortBinding

_EVERYWHERE = ("", "0.0.0.0")


def publish(core: Core, entry: Entry, networks: Mapping[str, NetworkEntry], endpoints: Mapping[str, Endpoint]) -> None:
    """Publish what a container's record asks for, through the endpoint its default route leads through.

    :raises Conflict: a port of the host is taken; in Docker's words.
    """
    record = entry.record
    if not (record.host_config.port_bindings or record.host_config.publish_all_ports):
        return
    name = outlet({name: networks[name] for name in endpoints}, endpoints)
    if name is None:
        return
    network = networks[name].record.network()
    everywhere = "" if network.host_binding in _EVERYWHERE else network.host_binding
    if wishes := portwords.wishes(record.config, record.host_config, everywhere):
        _publish(core, record, Publication(network, endpoints[name], ()), wishes)


def outlet(networks: Mapping[str, NetworkEntry], endpoints: Mapping[str, Endpoint]) -> str | None:
    """Return the network through which ports are published: a bridge, the one with the default route first; None without."""
    bridges = [name for name in endpoints if networks[name].record.driver == "bridge" and not networks[name].record.internal]
    return next((name for name in bridges if endpoints[name].gateways), bridges[0] if bridges else None)


def _publish(core: Core, record: Record, through: Publication, wishes: Sequence[Wish]) -> list[Published]:
    """Reserve, rule, serve; or nothing of it."""
    reservations = core.fabric.reserve(wishes, f"{record.name} ({through.endpoint.id})")
    found = [one.published for one in reservations]
    before = core.networks.publications.get(record.id)
    core.networks.publications[record.id] = replace(through, published=(*through.published, *found))
    try:
        if before is None:
            core.fabric.hairpin(through.endpoint)
        rules.apply(core)
        core.fabric.serve(record.id, reservations, [address.ip for address in through.endpoint.addresses])
    except BaseException:
        core.fabric.cancel(reservations)
        _forget(core, record.id, before)
        raise
    return found


def _forget(core: Core, id: str, before: Publication | None) -> None:
    if before is None:
        core.networks.publications.pop(id, None)
    else:
        core.networks.publications[id] = before
    rules.apply(core)


def withdraw(core: Core, id: str) -> None:
    """Take back everything a container has published; harmless when it is nothing."""
    if core.networks.publications.pop(id, None) is not None:
        rules.apply(core)
        core.fabric.release(id)


def shown(core: Core, record: Record) -> dict[str, list[PortBinding] | None]:
    """Return ``NetworkSettings.Ports`` of a container that has its places."""
    publication = core.networks.publications.get(record.id)
    return portwords.shown(publication.published if publication else (), portwords.exposed(record.config))


def further(core: Core, entry: Entry, bindings: Mapping[str, list[PortBinding] | None]) -> dict[str, list[PortBinding] | None]:
    """Publish more ports of a running container; return all it has. They last until it ends.

    :raises Conflict: it does not run, is on no bridge, or a port is taken. :raises Invalid: malformed.
    """
    wishes = portwords.bound({text: places or [PortBinding()] for text, places in bindings.items()})
    with entry.lock:
        record = entry.record
        if not record.alive:
            raise Conflict(f"container {record.id} is not running", hint="start it, or give the ports to create")
        before = core.networks.publications.get(record.id)
        found = _publish(core, record, before or _through(core, record), wishes) if wishes else []
        changed = msgspec.structs.replace(record, ports=shown(core, record))
        try:
            core.commit(entry, changed)
        except DockerkitError:
            core.fabric.release(record.id, found)
            _forget(core, record.id, before)
            raise
        return changed.ports


def _through(core: Core, record: Record) -> Publication:
    found = endpoints_of(record.id, record.places, record.wishes)
    networks = {name: core.networks.resolve(record.places[name].network) for name in found}
    name = outlet(networks, found)
    if name is None:
        raise Conflict(
            f"container {record.id} is on no network that ports can be published from", hint="connect it to a bridge"
        )
    return Publication(networks[name].record.network(), found[name], ())


def move(core: Core, entry: Entry, networks: Mapping[str, NetworkEntry], endpoints: Mapping[str, Endpoint]) -> None:
    """Lead a running container's ports through the endpoint that its default route leads through now.

    :raises Conflict: somebody took a port in the moment between.
    """
    record = entry.record
    before = core.networks.publications.get(record.id)
    name = outlet({name: networks[name] for name in endpoints}, endpoints)
    if before is None or (name is not None and endpoints[name].id == before.endpoint.id):
        return
    withdraw(core, record.id)
    if name is not None:
        same = [
            Wish(one.protocol, one.container_port, one.host_address, one.host_port, one.host_port) for one in before.published
        ]
        _publish(core, record, Publication(networks[name].record.network(), endpoints[name], ()), same)
