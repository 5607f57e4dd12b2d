"""Taking up the networks of the daemon before: records read, leases taken again, the kernel mended, leftovers swept.

In two halves, around the containers': first what they stand on, then what became clear once it was known which of them live.
"""

from __future__ import annotations

import logging

from dockerkit.daemon.engine.core import Core
from dockerkit.daemon.engine.entries import Entry
from dockerkit.daemon.engine.networks import ahead, allocating, leaving, naming, portwords, publishing, rules
from dockerkit.daemon.engine.networks.allocating import endpoints
from dockerkit.daemon.engine.networks.entries import NetworkEntry, Publication
from dockerkit.daemon.engine.networks.predefined import PREDEFINED, predefined
from dockerkit.daemon.engine.networks.record import NetworkRecord
from dockerkit.daemon.state import networks
from dockerkit.errors import DockerkitError
from dockerkit.schema.wire import decode, encode

log = logging.getLogger(__name__)


def load(core: Core) -> None:
    """Read the records; the first time, write those of the engine's own networks."""
    for document in networks.everything(core.database):
        record = decode(document, NetworkRecord)
        if core.networks.find(record.id) is None:
            core.networks.add(NetworkEntry(record))
    new = [predefined(name, core.fabric.bridge_name()) for name in PREDEFINED if core.networks.find(name) is None]
    if new:
        with core.database.transaction() as tx:
            for record in new:
                networks.put(tx, record.id, record.name, encode(record))
        for record in new:
            core.networks.add(NetworkEntry(record))


def restore(core: Core) -> None:
    """Take every place that a container's record speaks of into memory, before it is known which of them live."""
    for entry in core.entries.all():
        for name, place in entry.record.places.items():
            network = core.networks.find(place.network)
            try:
                if network is not None:
                    allocating.restore(core, network, entry.record.id, place)
            except DockerkitError:
                log.exception("container %s has a place on network %s that cannot be", entry.record.id, name)


def mend(core: Core) -> None:
    """Have kernel, rules, ports and names agree with the containers that live; nothing where nothing was ever made."""
    for entry in core.entries.all():
        if entry.record.places and not entry.record.alive:  # the daemon died between its connecting and its start
            leaving.release(core, entry.record)
            core.commit(entry, leaving.left(entry.record), *leaving.events(core, entry.record))
    if not core.fabric.touched:
        return
    alive = [entry for entry in core.entries.all() if entry.record.alive and entry.record.places]
    _make_bridges(core)
    kept = {entry.record.interface for entry in core.networks.all() if entry.made}
    kept |= {place.host_interface for entry in alive for place in entry.record.places.values()}
    for stray in core.fabric.sweep(kept):
        log.warning("removed the interface %s: no container has it", stray)
    for entry in alive:
        _publish_again(core, entry)
    rules.apply(core, afresh=True)
    core.fabric.adopt({id: one.published for id, one in core.networks.publications.items()})
    for id, one in core.networks.publications.items():
        core.fabric.hold_again(id, one.published, [address.ip for address in one.endpoint.addresses])
    core.fabric.adopt_names()
    for entry in alive:
        _name_again(core, entry)
    core.fabric.settle_names()


def _make_bridges(core: Core) -> None:
    """Mend the bridges that containers are on, and those of networks of somebody's own."""
    for network in core.networks.all():
        if not network.record.linked or (network.record.default and not network.members):
            continue
        try:
            core.fabric.make(network.record.network())
            network.made = True
        except (DockerkitError, OSError):
            log.exception("network %s could not be mended", network.record.name)


def _publish_again(core: Core, entry: Entry) -> None:
    record = entry.record
    published = portwords.published_of(record.ports)
    if not published:
        return
    found = endpoints(record.id, record.places, record.wishes)
    places = {name: core.networks.resolve(record.places[name].network) for name in found}
    name = publishing.outlet(places, found)
    if name is not None:
        core.networks.publications[record.id] = Publication(places[name].record.network(), found[name], tuple(published))


def _name_again(core: Core, entry: Entry) -> None:
    if entry.keeper is None:
        return
    try:
        sandbox = core.fabric.enter(entry.keeper.pid)
    except ProcessLookupError:
        return
    try:
        naming.serve(core, entry.record, sandbox.fd)
    except OSError:
        log.exception("names of container %s are not served", entry.record.id)
    finally:
        sandbox.close()


def settle(core: Core) -> None:
    """At the daemon's end: where no container lives on a network, nothing of the networks stays in the kernel.

    They are made again when they are needed; records stay.
    """
    ahead.drop(core)
    if not core.fabric.touched or any(entry.members for entry in core.networks.all()):
        return
    for network in core.networks.all():
        if network.made:
            core.fabric.remove(network.record.network())
            network.made = False
    core.fabric.sweep(())
    rules.apply(core, afresh=True)
    core.fabric.untouch()
