"""What happened: events in Docker's shape, kept in the journal and told to whoever listens, in one order.

Each event has a revision, the journal's. A subscription knows the last revision it will *not* be told, so history up to there
and the live events after it make one stream without loss or doubles::

    subscription = events.subscribe(tell)
    for event in events.history(since, until, upto=subscription.revision): ...      # then whatever `tell` gets

Listeners are called on one thread for all of them: a change of a container never waits for one. Never decides what happened.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from queue import SimpleQueue

from dockerkit.daemon.engine.record import Record
from dockerkit.daemon.state import journal
from dockerkit.daemon.state.database import Database
from dockerkit.schema.events import Actor, EventMessage
from dockerkit.schema.wire import decode

log = logging.getLogger(__name__)
Tell = Callable[[EventMessage], object]
Numbered = tuple[int, EventMessage]
SECOND = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Happening:
    """An action on a container, with the attributes Docker adds to that action."""

    action: str
    attributes: dict[str, str] = field(default_factory=dict)


def message(record: Record, happening: Happening) -> EventMessage:
    """Return a container's event: its labels, image and name are among the attributes, as Docker's clients expect."""
    attributes = record.config.labels | {"image": record.config.image, "name": record.name} | happening.attributes
    return event("container", happening.action, record.id, attributes)


def event(type: str, action: str, id: str, attributes: dict[str, str]) -> EventMessage:
    """Return an event; it gets its moment when it is written, see :meth:`Events.stamp`."""
    return EventMessage(type=type, action=action, actor=Actor(id=id, attributes=attributes))


class Subscription:
    """Somebody who listens.

    :ivar revision: the last event it is not told: what came before it subscribed.
    """

    def __init__(self, events: Events, tell: Tell, revision: int) -> None:
        self._events, self.tell, self.revision = events, tell, revision

    def close(self) -> None:
        """Be told nothing more, but for what is being told at this moment; repeating it is harmless."""
        self._events.drop(self)


class Events:
    """All events of this engine: those that were, from the journal, and those that come."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._lock = threading.Lock()
        self._published = journal.last(database)
        self._latest = 0
        self._subscriptions: list[Subscription] = []
        self._news: SimpleQueue[Sequence[Numbered]] = SimpleQueue()
        self._thread: threading.Thread | None = None

    @property
    def listeners(self) -> int:
        """How many listen (``NEventsListener`` of ``GET /info``)."""
        return len(self._subscriptions)

    def history(self, since: int = 0, until: int = 0, *, upto: int | None = None) -> Iterator[EventMessage]:
        """Give what happened between two moments (ns since 1970, both included; 0 is no bound), in the order it happened.

        :param upto: the last revision wanted: a subscription's, when live events follow.
        """
        for _, kept in journal.between(self._database, since, until, upto):
            yield decode(kept, EventMessage)

    def subscribe(self, tell: Tell) -> Subscription:
        """Have `tell` called with every event from now on, in order, on the events' own thread; it must not block."""
        with self._lock:
            subscription = Subscription(self, tell, self._published)
            self._subscriptions = [*self._subscriptions, subscription]
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="events", daemon=True)
                self._thread.start()
        return subscription

    def drop(self, subscription: Subscription) -> None:
        """Forget a subscription; see :meth:`Subscription.close`."""
        with self._lock:
            self._subscriptions = [one for one in self._subscriptions if one is not subscription]

    def stamp(self, event: EventMessage) -> EventMessage:
        """Give an event its moment: now, and later than the event before, so that ``since`` can tell the two apart.

        A clock that was set back is followed; the order is the revisions'. The caller holds the lock that orders changes.
        """
        now = time.time_ns()
        if self._latest - SECOND < now <= self._latest:
            now = self._latest + 1
        self._latest = now
        event.time, event.time_nano = now // SECOND, now
        return event

    def publish(self, happened: Sequence[Numbered]) -> None:
        """Tell what has just been written to the journal. The caller holds the lock that orders changes."""
        if not happened:
            return
        with self._lock:
            self._published = happened[-1][0]
            if self._subscriptions:
                self._news.put(happened)

    def close(self) -> None:
        """Tell what is left to tell, then end."""
        with self._lock:
            thread, self._thread = self._thread, None
        if thread is not None:
            self._news.put(())
            thread.join()

    def _run(self) -> None:
        while happened := self._news.get():
            for revision, told in happened:
                for subscription in self._subscriptions:
                    if revision > subscription.revision:
                        _tell(subscription, told)


def _tell(subscription: Subscription, told: EventMessage) -> None:
    try:
        subscription.tell(told)
    except Exception:  # one listener's mistake is nobody else's; it hears no more, since it would miss this one
        log.exception("a listener could not be told of %s %s", told.type, told.action)
        subscription.close()
