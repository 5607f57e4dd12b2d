"""What happened, in the shape of Docker's events. Building them only; the journal is in ``state``."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from dockerkit.daemon.engine.record import Record
from dockerkit.schema.events import Actor, EventMessage


@dataclass(frozen=True, slots=True)
class Happening:
    """An action on a container, with the attributes Docker adds to that action."""

    action: str
    attributes: dict[str, str] = field(default_factory=dict)


def message(record: Record, happening: Happening) -> EventMessage:
    """Return the event: labels, image and name of the container are among its attributes, as Docker's clients expect."""
    now = time.time_ns()
    attributes = record.config.labels | {"image": record.config.image, "name": record.name} | happening.attributes
    return EventMessage(
        type="container",
        action=happening.action,
        actor=Actor(id=record.id, attributes=attributes),
        time=now // 1_000_000_000,
        time_nano=now,
    )
