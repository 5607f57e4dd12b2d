"""``network rm``: a network that nobody is on goes, with its bridge and its rules."""

from __future__ import annotations

import contextlib
import logging

from dockerkit.daemon.engine.core import Core
from dockerkit.daemon.engine.networks.creating import unmake
from dockerkit.daemon.engine.networks.disconnecting import disconnect
from dockerkit.daemon.engine.networks.entries import NetworkEntry
from dockerkit.daemon.engine.networks.predefined import PREDEFINED
from dockerkit.daemon.engine.networks.refusals import explained
from dockerkit.daemon.engine.networks.telling import told
from dockerkit.daemon.state import networks
from dockerkit.errors import Conflict, Failed, NotAllowed, NotFound

log = logging.getLogger(__name__)


def remove(core: Core, entry: NetworkEntry, *, evict: bool = False) -> None:
    """Remove a network.

    :param evict: disconnect who is on it, instead of refusing.
    :raises NotAllowed: it is one of the engine's own, or a running container is on it; in Docker's words.
    :raises Failed: the kernel did not let its bridge go; the network stays.
    """
    record = entry.record
    if record.name in PREDEFINED:
        raise NotAllowed(f"{record.name} is a pre-defined network and cannot be removed")
    with core.networks.lock:
        if entry.leaving:
            return
        if entry.members and not evict:
            raise NotAllowed(
                f"error while removing network: network {record.name} id {record.id} has active endpoints",
                hint=f"disconnect or stop: {', '.join(sorted(_names(core, entry)))}",
            )
        entry.leaving = True
    try:
        _evict(core, entry)
        with explained(f"network {record.name} could not be removed"):
            unmake(core, entry)
        core.tell(told(record, "destroy"), also=lambda tx: networks.delete(tx, record.id))
    except BaseException:
        entry.leaving = False
        raise
    core.networks.forget(entry)
    core.fabric.addresses.forget(record.network())


def _evict(core: Core, entry: NetworkEntry) -> None:
    """Disconnect all who are on a network; nobody joins one that is leaving."""
    for id in list(entry.members):
        with contextlib.suppress(NotFound, Conflict, Failed):  # it ended, or is being removed, and left by itself
            disconnect(core, entry, core.entries.resolve(id))


def _names(core: Core, entry: NetworkEntry) -> list[str]:
    known = {container.record.id: container.record.name for container in core.entries.all()}
    return [known.get(id, id[:12]) for id in entry.members]
