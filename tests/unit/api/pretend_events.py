"""The pretend engine's events: a list, and who is told of what is added to it."""

from __future__ import annotations

import threading
import time

from dockerkit.schema.events import Actor, EventMessage


class PretendSubscription:
    """Somebody who listens."""

    def __init__(self, events: PretendEvents, tell, revision: int) -> None:
        self.events, self.tell, self.revision = events, tell, revision

    def close(self) -> None:
        if self in self.events.subscriptions:
            self.events.subscriptions.remove(self)


class PretendEvents:
    """All events; told on the thread that makes them."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.all: list[EventMessage] = []
        self.subscriptions: list[PretendSubscription] = []

    def happen(self, action: str, id: str, *, type: str = "container", **attributes: str) -> None:
        now = time.time_ns()
        message = EventMessage(
            type=type, action=action, actor=Actor(id=id, attributes=attributes), time=now // 10**9, time_nano=now
        )
        with self.lock:
            self.all.append(message)
            for subscription in list(self.subscriptions):
                subscription.tell(message)

    def history(self, since: int = 0, until: int = 0, *, upto: int | None = None):
        for message in self.all[:upto]:
            if message.time_nano >= since and (not until or message.time_nano <= until):
                yield message

    def subscribe(self, tell) -> PretendSubscription:
        with self.lock:
            subscription = PretendSubscription(self, tell, len(self.all))
            self.subscriptions.append(subscription)
            return subscription
