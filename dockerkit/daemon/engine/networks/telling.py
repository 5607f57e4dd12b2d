"""Events of type ``network``, in Docker's shape."""

from __future__ import annotations

from dockerkit.daemon.engine.events import event
from dockerkit.daemon.engine.networks.record import NetworkRecord
from dockerkit.schema.events import EventMessage


def told(record: NetworkRecord, action: str, *, container: str = "") -> EventMessage:
    """Return a network's event.

    :param container: who was connected or disconnected.
    """
    attributes = {"container": container} if container else {}
    return event("network", action, record.id, attributes | {"name": record.name, "type": record.driver})
