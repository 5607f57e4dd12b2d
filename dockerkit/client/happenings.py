"""What happens in an engine, as it happens: ``dk.events()``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from dockerkit.client.collection import filters_json
from dockerkit.client.engine import Engine, documents
from dockerkit.client.following import Following
from dockerkit.client.logs import Moment, moment

_NANO = 1_000_000_000


@dataclass(frozen=True)
class Event:
    """Something that happened."""

    time: datetime
    """When, in UTC; ``since=event.time`` continues from here, this event included."""
    type: str
    """``container``, ``image``, ``volume``, ``network`` …"""
    action: str
    """``create``, ``start``, ``die``, ``health_status: healthy`` …"""
    id: str
    """Of what it happened to."""
    name: str
    """Of what it happened to; empty without one."""
    attributes: Mapping[str, str] = field(default_factory=dict, hash=False)
    """Further words: labels, image, exit code …"""

    def _repr_html_(self) -> str:
        """Show what happened where HTML is shown."""
        from dockerkit.notebook.views import event_card  # noqa: PLC0415 (only its readers pay for it)

        return event_card(self).html()


def follow_events(engine: Engine, *, since: Moment | None, until: Moment | None, filters: dict[str, Any]) -> Following[Event]:
    """Return what happens from now on, or since then, as it happens; without `until` there is no end."""
    answer = engine.follow("/events", since=moment(since), until=moment(until), filters=filters_json(filters))
    return Following(answer, _events(documents(answer)))


def _events(messages: Iterator[dict[str, Any]]) -> Iterator[Event]:
    return map(read_event, messages)


def read_event(message: Mapping[str, Any]) -> Event:
    """Return an event from the engine's message (Engine API, ``EventMessage``)."""
    actor = message.get("Actor") or {}
    attributes = {str(key): str(value) for key, value in (actor.get("Attributes") or {}).items()}
    nanoseconds = int(message.get("timeNano") or int(message.get("time") or 0) * _NANO)
    seconds, rest = divmod(nanoseconds, _NANO)
    return Event(
        time=datetime.fromtimestamp(seconds, UTC).replace(microsecond=rest // 1000),
        type=str(message.get("Type") or ""),
        action=str(message.get("Action") or message.get("status") or ""),
        id=str(actor.get("ID") or message.get("id") or ""),
        name=attributes.get("name", ""),
        attributes=attributes,
    )
