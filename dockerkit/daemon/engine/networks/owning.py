"""Who owns a network: a session, or nobody; and what becomes of it when its session ends. Sessions themselves are elsewhere."""

from __future__ import annotations

import logging

import msgspec

from dockerkit.daemon.engine.core import Core
from dockerkit.daemon.engine.networks.entries import NetworkEntry
from dockerkit.daemon.engine.networks.predefined import PREDEFINED
from dockerkit.daemon.engine.networks.removing import remove
from dockerkit.daemon.state import networks
from dockerkit.errors import DockerkitError, NotAllowed
from dockerkit.schema.wire import encode

log = logging.getLogger(__name__)


def own(core: Core, entry: NetworkEntry, session: str) -> None:
    """Make a session the owner of a network, instead of whoever it was; ``""`` is nobody.

    :raises NotAllowed: it is one of the engine's own.
    """
    if entry.record.name in PREDEFINED:
        raise NotAllowed(f"{entry.record.name} is a pre-defined network and cannot be owned")
    with core.networks.lock:
        record = msgspec.structs.replace(entry.record, session=session)
        if entry.leaving:
            return
        core.change(lambda tx: networks.put(tx, record.id, record.name, encode(record)))
        entry.record = record


def orphan(core: Core, session: str) -> None:
    """Remove what a session that ended owned; who is on it still is disconnected."""
    for entry in core.networks.all():
        if entry.record.session != session:
            continue
        try:
            remove(core, entry, evict=True)
        except DockerkitError:
            log.exception("network %s outlived its session", entry.record.name)
