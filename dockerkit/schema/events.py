"""One event of the engine, as ``GET /events`` sends it and the journal keeps it."""

from __future__ import annotations

from msgspec import Struct, field

from dockerkit.schema.wire import Model


class Actor(Model):
    """What it happened to."""

    id: str = field(name="ID")
    attributes: dict[str, str] = field(default_factory=dict)


class EventMessage(Struct, kw_only=True):
    """Something that happened. ``status``, ``id`` and ``from`` are the form of API versions before 1.22, kept by Docker."""

    type: str = field(name="Type")
    action: str = field(name="Action")
    actor: Actor = field(name="Actor")
    scope: str = "local"
    time: int = 0
    time_nano: int = field(default=0, name="timeNano")
