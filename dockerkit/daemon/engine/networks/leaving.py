"""What a container's end means to networks: its places, ports and names are given back. Its namespace took the links along."""

from __future__ import annotations

import logging

from msgspec.structs import replace

from dockerkit.daemon.engine.core import Core
from dockerkit.daemon.engine.networks import allocating, naming, publishing
from dockerkit.daemon.engine.networks.telling import told
from dockerkit.daemon.engine.record import Record
from dockerkit.schema.events import EventMessage

log = logging.getLogger(__name__)


def left(record: Record) -> Record:
    """Return the record of a container that is nowhere any more; what it asked for stays."""
    return replace(record, places={}, ports={}, sandbox="") if record.places or record.ports else record


def events(core: Core, record: Record) -> list[EventMessage]:
    """Return what is told of a container that leaves all its networks."""
    entries = (core.networks.find(place.network) for place in record.places.values())
    return [told(entry.record, "disconnect", container=record.id) for entry in entries if entry is not None]


def release(core: Core, record: Record) -> None:
    """Give back what a container's record says it has; harmless when it has nothing. An end must not fail by this."""
    if not record.places:
        return
    try:
        publishing.withdraw(core, record.id)
        naming.forget(core, record)
    except OSError:
        log.exception("ports and names of container %s could not be withdrawn", record.id)
    for place in record.places.values():
        entry = core.networks.find(place.network)
        if entry is not None:
            allocating.free(core, entry, record.id)
