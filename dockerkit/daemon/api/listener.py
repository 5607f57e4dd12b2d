"""What one client of events has been told and not yet read. Knows neither routes nor the journal."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator
from typing import Any

from dockerkit.daemon.api.doorbell import Doorbell
from dockerkit.daemon.engine.eventfilters import Filters, fits
from dockerkit.errors import Exhausted
from dockerkit.schema import wire
from dockerkit.schema.events import EventMessage

BACKLOG = 10_000
"""Events kept for a client that does not read; then it is cut off, and may come back with ``since``."""
_OLD_FORM = ("container", "image")
"""What already had events when they had another form, whose fields Docker still sends (moby ``Events.Log``)."""


class Encoder:
    """Makes a line of an event, once for all who listen: they are told one event after the other."""

    def __init__(self) -> None:
        self._last: tuple[EventMessage | None, bytes] = (None, b"")

    def line(self, event: EventMessage) -> bytes:
        """Return `event` as dockerd sends it."""
        last = self._last
        if last[0] is not event:
            last = self._last = (event, wire.encode(document(event)) + b"\n")
        return last[1]


def document(event: EventMessage) -> dict[str, Any]:
    """Return an event in Docker's order, with the fields of the old form where dockerd has them."""
    old: dict[str, Any] = {}
    if event.type in _OLD_FORM:
        old = {"status": event.action, "id": event.actor.id}
        image = event.actor.attributes.get("image", "") if event.type == "container" else ""
        old |= {"from": image} if image else {}
    new = {"Type": event.type, "Action": event.action, "Actor": event.actor}
    return old | new | {"scope": event.scope, "time": event.time, "timeNano": event.time_nano}


class Listener:
    """What one client has been told and not yet read."""

    def __init__(self, doorbell: Doorbell, encoder: Encoder, filters: Filters, until: int) -> None:
        self._doorbell, self._encoder, self._filters, self._until = doorbell, encoder, filters, until
        self._lines: deque[bytes] = deque()
        self._news = asyncio.Event()
        self._over = self._behind = False

    def tell(self, event: EventMessage) -> None:
        """Keep an event that is wanted; called on the events' thread."""
        if self._behind or not fits(event, self._filters) or (self._until and event.time_nano > self._until):
            return
        self._lines.append(self._encoder.line(event))
        self._behind = len(self._lines) > BACKLOG
        self._doorbell.ring(self._news.set)

    def finish(self) -> None:
        """Know that nothing more is wanted than what has been told."""
        self._over = True
        self._news.set()

    async def lines(self) -> AsyncGenerator[bytes, None]:
        """Iterate over what is told.

        :raises Exhausted: the client reads too slowly.
        """
        while True:
            while self._lines:
                if self._behind:
                    raise Exhausted(f"a client of events is {BACKLOG} behind", hint="it may ask again with since")
                yield self._lines.popleft()
            if self._over:
                return
            self._news.clear()
            await self._news.wait()
