"""Events: one order, history then live without loss or doubles, and Docker's filters."""

from __future__ import annotations

import threading

import pytest

from dockerkit.daemon.engine.eventfilters import fits
from dockerkit.daemon.engine.events import Events, event
from dockerkit.daemon.state import journal
from dockerkit.daemon.state.database import Database
from dockerkit.schema.wire import encode

PATIENCE = 20.0
"""Seconds after which a test that waits for an event gives up; no test that passes takes as long."""


@pytest.fixture
def database(tmp_path):
    opened = Database(f"{tmp_path}/state.db")
    yield opened
    opened.close()


@pytest.fixture
def events(database):
    made = Events(database)
    yield made
    made.close()


class Writer:
    """Writes and publishes as the engine's core does."""

    def __init__(self, database: Database, events: Events) -> None:
        self.database, self.events, self.order = database, events, threading.Lock()

    def write(self, action: str) -> None:
        """Write one event and tell it."""
        told = event("container", action, "c" * 64, {"name": "x"})
        with self.order:
            self.events.stamp(told)
            with self.database.transaction() as tx:
                revision = journal.append(tx, told.time_nano, encode(told))
            self.events.publish([(revision, told)])


class Ear:
    """Keeps the actions it hears; :meth:`wait` returns once it has heard so many."""

    def __init__(self) -> None:
        self.heard: list[str] = []
        self._changed = threading.Condition()

    def __call__(self, told) -> None:
        """Hear."""
        with self._changed:
            self.heard.append(told.action)
            self._changed.notify_all()

    def wait(self, count: int) -> list[str]:
        """Return what was heard once there is enough of it."""
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.heard) >= count, PATIENCE)
        return self.heard


def test_history_up_to_a_subscription_and_what_it_hears_make_one_stream(database, events):
    writer = Writer(database, events)
    total = 400
    writers = [
        threading.Thread(target=lambda k=k: [writer.write(f"{k}-{n}") for n in range(total // 4)], daemon=True)
        for k in range(4)
    ]
    for one in writers:
        one.start()
    streams = []
    for _ in range(20):
        ear = Ear()
        subscription = events.subscribe(ear)
        streams.append(([e.action for e in events.history(upto=subscription.revision)], ear))
    for one in writers:
        one.join()
    everything = [e.action for e in events.history()]
    assert len(everything) == len(set(everything)) == total
    for before, ear in streams:
        assert before + ear.wait(total - len(before)) == everything


def test_a_listener_that_fails_is_dropped_and_the_others_hear_on(database, events):
    def fail(_):
        raise RuntimeError("deaf")

    events.subscribe(fail)
    ear = Ear()
    events.subscribe(ear)
    writer = Writer(database, events)
    writer.write("one")
    writer.write("two")
    assert ear.wait(2) == ["one", "two"]
    assert events.listeners == 1


def test_a_closed_subscription_hears_nothing_more(database, events):
    silent, ear = Ear(), Ear()
    events.subscribe(silent).close()
    events.subscribe(ear)
    Writer(database, events).write("one")
    ear.wait(1)
    assert silent.heard == []


def test_history_keeps_to_its_moments_both_included_and_outlives_the_events_object(database, events):
    writer = Writer(database, events)
    for action in ("a", "b", "c"):
        writer.write(action)
    times = [e.time_nano for e in events.history()]
    again = Events(database)
    assert [e.action for e in again.history(times[1])] == ["b", "c"]
    assert [e.action for e in again.history(0, times[1])] == ["a", "b"]
    assert [e.action for e in again.history(times[1], times[1])] == ["b"]
    ear = Ear()
    assert again.subscribe(ear).revision == 3
    again.close()


def test_no_two_events_have_one_moment_and_a_clock_set_back_is_followed(events, monkeypatch):
    def stamps(*moments):
        clock = iter(moments)
        monkeypatch.setattr("time.time_ns", lambda: next(clock))
        return [events.stamp(event("x", "y", "z", {})).time_nano for _ in moments]

    hour = 3600 * 1_000_000_000
    assert stamps(2 * hour, 2 * hour, 2 * hour + 1) == [2 * hour, 2 * hour + 1, 2 * hour + 2]
    assert stamps(hour, hour) == [hour, hour + 1]


def test_closing_tells_what_was_published_before(database):
    events = Events(database)
    ear = Ear()
    events.subscribe(ear)
    writer = Writer(database, events)
    for number in range(50):
        writer.write(str(number))
    events.close()
    assert len(ear.heard) == 50


CONTAINER = event(
    "container", "health_status: healthy", "abcdef0123", {"image": "docker.io/busybox:1", "name": "web", "tier": "front"}
)
IMAGE = event("image", "tag", "sha256:77", {"name": "busybox:latest"})


@pytest.mark.parametrize(
    ("filters", "container", "image"),
    [
        ({}, True, True),
        ({"type": ["image"]}, False, True),
        ({"type": ["image", "container"]}, True, True),
        ({"event": ["tag"]}, False, True),
        ({"event": ["health_status"]}, True, False),
        ({"event": ["health_status: healthy"]}, True, False),
        ({"event": ["health"]}, False, False),
        ({"container": ["abc"]}, True, False),
        ({"container": ["we"]}, True, False),
        ({"container": ["bc"]}, False, False),
        ({"image": ["busybox"]}, False, True),
        ({"image": ["docker.io/busybox"]}, True, False),
        ({"image": ["sha256:77"]}, False, True),
        ({"label": ["tier"]}, True, False),
        ({"label": ["tier=front"]}, True, False),
        ({"label": ["tier=front", "nosuch"]}, False, False),
        ({"label": ["tier=back"]}, False, False),
        ({"scope": ["local"]}, True, True),
        ({"scope": ["swarm"]}, False, False),
        ({"daemon": ["x"]}, False, False),
        ({"nosuch": ["x"]}, True, True),
        ({"type": []}, True, True),
        ({"type": ["container"], "container": ["web"], "event": ["die"]}, False, False),
    ],
)
def test_filters_are_dockers(filters, container, image):
    assert (fits(CONTAINER, filters), fits(IMAGE, filters)) == (container, image)
