"""GET /events: what is told, in which order, with which attributes; live and from history."""

from __future__ import annotations

import time
from typing import Any

import pytest

from tests.parity.engines import Box, EngineUnderTest
from tests.parity.execution import Execution
from tests.parity.feed import Event, Feed, actions, clock, history

pytestmark = pytest.mark.timeout(60)
LOOP = "trap 'exit 3' TERM; echo ready; while :; do sleep 0.05; done"
LABELS = {"Labels": {"told": "yes"}}


@pytest.fixture
def feed(engine: EngineUnderTest) -> Any:
    """What happens to containers labelled ``told``."""
    with Feed(engine, label=["told"], type=["container"]) as feed:
        yield feed


def attributes(event: Event, *besides: str) -> dict[str, str]:
    """Return the attributes every event of these containers need not have."""
    return {
        key: value
        for key, value in event["Actor"]["Attributes"].items()
        if key not in ("image", "name", "told", "execDuration", *besides) and "." not in key  # labels of the image
    }


def told(events: list[Event]) -> list[tuple[str, dict[str, str]]]:
    """Return actions with their attributes."""
    return [(event["Action"], attributes(event, "execID")) for event in events]


def test_a_message(box: Box, feed: Feed) -> None:
    before = time.time_ns()
    id = box.create("true", name="messenger", Labels={"told": "yes", "other": "label"})
    event = feed.next()
    assert event["Actor"]["ID"] == id
    found = event["Actor"]["Attributes"]
    assert (found["image"], found["name"], found["told"], found["other"]) == ("busybox", "messenger", "yes", "label")
    assert attributes(event, "other") == {}
    assert (event["Type"], event["Action"], event["scope"]) == ("container", "create", "local")
    assert (event["status"], event["id"], event["from"]) == ("create", id, "busybox")  # what old clients read
    assert event["timeNano"] // 10**9 == event["time"]
    assert before <= event["timeNano"] <= time.time_ns()


def test_a_life_from_creation_to_removal(box: Box, feed: Feed) -> None:
    id = box.create("sh", "-c", "exit 7", **LABELS)
    with box.attach(id, stdout=1) as stream:
        box.start(id)
        stream.read()
    box.wait(id)
    box.remove(id)
    assert told(feed.until("destroy")) == [
        ("create", {}),
        ("attach", {}),
        ("start", {}),
        ("die", {"exitCode": "7"}),
        ("destroy", {}),
    ]


def test_kill(box: Box, feed: Feed) -> None:
    id = box.up("sleep", "1000", **LABELS)
    box.did(id, "kill", signal="WINCH")
    box.did(id, "kill")
    assert sorted(told(feed.until("die"))[2:], key=str) == [
        ("die", {"exitCode": "137"}),
        ("kill", {"signal": "28"}),
        ("kill", {"signal": "9"}),
    ]


def test_stop(box: Box, feed: Feed) -> None:
    box.did(box.ready(LOOP, **LABELS), "stop", t=30)
    assert told(feed.until("stop"))[-3:] == [("kill", {"signal": "15"}), ("die", {"exitCode": "3"}), ("stop", {})]


def test_stop_when_its_time_is_over(box: Box, feed: Feed) -> None:
    box.did(box.up("sleep", "1000", **LABELS), "stop", t=0)
    found = told(feed.until("stop"))[2:]
    assert sorted(found[:-1], key=str) == [("die", {"exitCode": "137"}), ("kill", {"signal": "15"}), ("kill", {"signal": "9"})]
    assert found[-1] == ("stop", {})


def test_restart(box: Box, feed: Feed) -> None:
    box.did(box.ready(LOOP, **LABELS), "restart", t=30)
    assert actions(feed.until("restart"))[-5:] == ["kill", "die", "stop", "start", "restart"]


def test_pause_and_unpause(box: Box, feed: Feed) -> None:
    id = box.up("sleep", "1000", **LABELS)
    box.did(id, "pause")
    box.did(id, "unpause")
    assert told(feed.until("unpause"))[2:] == [("pause", {}), ("unpause", {})]


def test_rename_and_update(box: Box, feed: Feed) -> None:
    id = box.create("true", name="told-old", **LABELS)
    box.did(id, "rename", name="told-new")
    box.did(id, "update", {"PidsLimit": 10})
    box.post(id, "update", {"Memory": 1})  # refused: not told
    box.remove(id)
    events = feed.until("destroy")
    assert told(events)[1:] == [("rename", {"oldName": "/told-old"}), ("update", {}), ("destroy", {})]
    assert [event["Actor"]["Attributes"]["name"] for event in events] == ["told-old", "told-new", "told-new", "told-new"]


def test_exec(box: Box, feed: Feed) -> None:
    id = box.up("sleep", "1000", **LABELS)
    execution = Execution(box, id, "sh", "-c", "exit 5 <&2")
    execution.output()
    events = feed.until("exec_die")[2:]
    assert told(events) == [
        ("exec_create: sh -c exit 5 <&2", {}),
        ("exec_start: sh -c exit 5 <&2", {}),
        ("exec_die", {"exitCode": "5"}),
    ]
    assert {event["Actor"]["Attributes"]["execID"] for event in events} == {execution.id}


def test_looking_is_told_where_dockerd_tells_it(box: Box, feed: Feed) -> None:
    id = box.up("sleep", "1000", **LABELS)
    for path in ("json", "logs?stdout=1", "stats?stream=0&one-shot=1", "changes", "top", "archive?path=/etc/passwd", "export"):
        assert box.api.get(f"/containers/{id}/{path}").status == 200
    box.did(id, "resize", h=11, w=22)
    box.did(id, "kill")
    assert told(feed.until("die"))[2:6] == [
        ("top", {}),
        ("archive-path", {}),
        ("export", {}),
        ("resize", {"height": "11", "width": "22"}),
    ]


def test_a_failed_start_is_told_as_the_engine_saw_it(box: Box, feed: Feed) -> None:
    id = box.create("nosuch", **LABELS)
    assert box.post(id, "start").status == 400
    box.remove(id)
    found = actions(feed.until("destroy"))
    assert (found[0], found[-1], "start" in found) == ("create", "destroy", False)


def test_removal_by_force(box: Box, feed: Feed) -> None:
    box.remove(box.up("sleep", "1000", **LABELS), force=1)
    found = told(feed.until("destroy"))[2:]
    assert sorted(found[:-1], key=str) == [("die", {"exitCode": "137"}), ("kill", {"signal": "9"})]


def test_health(box: Box, feed: Feed) -> None:
    check = {"Test": ["CMD-SHELL", "test ! -e /bad"], "Interval": 100_000_000, "Timeout": 10**10, "Retries": 1}
    id = box.up("sleep", "1000", Healthcheck=check, **LABELS)
    found = actions(feed.until("health_status: healthy"))
    assert found[2] == "exec_create: /bin/sh -c test ! -e /bad"
    assert found[3] == "exec_start: /bin/sh -c test ! -e /bad"
    assert "exec_die" in found
    Execution(box, id, "touch", "/bad").detached()
    feed.until("health_status: unhealthy")


def test_history_is_what_was_live(box: Box, feed: Feed) -> None:
    since = clock()
    id = box.ready(LOOP, **LABELS)
    box.did(id, "stop", t=30)
    box.remove(id)
    live = feed.until("destroy")
    assert history(box.engine, since, container=[id], type=["container"]) == live
    assert history(box.engine, since, clock(), container=[id], type=["container"]) == live


def test_since_and_until_cut_it(box: Box) -> None:
    since = clock()
    id = box.create("true")
    box.did(id, "rename", name=f"x-{id[:12]}")
    box.remove(id)
    first, second, third = history(box.engine, since, container=[id])
    stamp = f"{second['timeNano'] // 10**9}.{second['timeNano'] % 10**9:09}"
    assert history(box.engine, stamp, container=[id]) == [second, third]
    assert first in history(box.engine, since, stamp, container=[id])
    assert third not in history(box.engine, since, stamp, container=[id])
    assert history(box.engine, clock(), container=[id]) == []


def test_until_in_the_future_ends_the_stream(box: Box) -> None:
    id = box.create("true")
    with box.api.follow("/events", until=f"{time.time() + 2:.9f}", filters={"container": [id]}) as stream:
        assert b'"create"' in stream.line()  # without a beginning it is everything that is still known
        box.did(id, "rename", name=f"x-{id[:12]}")
        assert b'"rename"' in stream.line()
        assert stream.line() == b""


def test_history_goes_on_live(box: Box) -> None:
    since = clock()
    id = box.create("sleep", "1000")
    with box.api.follow("/events", since=since, filters={"container": [id], "type": ["container"]}) as stream:
        assert b'"create"' in stream.line()
        box.start(id)
        assert b'"start"' in stream.line()


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({"event": ["create", "destroy"]}, ["create", "destroy"]),
        ({"event": ["exec_create"]}, ["exec_create: true "]),
        ({"type": ["container"], "event": ["rename"]}, ["rename"]),
        ({"type": ["image"]}, []),
        ({"label": ["told=yes"], "event": ["create"]}, ["create"]),
        ({"label": ["told", "told=no"]}, []),
        ({"image": ["busybox"], "event": ["create"]}, ["create"]),
        ({"image": ["nosuch"]}, []),
        ({"container": ["told-first"], "event": ["create", "destroy"]}, ["create"]),
        ({"container": ["told-second"], "event": ["create", "destroy"]}, ["destroy"]),
        ({"scope": ["local"], "event": ["destroy"]}, ["destroy"]),
        ({"scope": ["swarm"]}, []),
    ],
)
def test_filters(box: Box, filters: dict[str, list[str]], expected: list[str]) -> None:
    since = clock()
    id = box.up("sleep", "1000", name="told-first", **LABELS)
    Execution(box, id, "true")
    box.did(id, "rename", name="told-second")
    box.remove(id, force=1)
    found = [event for event in history(box.engine, since, **filters) if event["Actor"]["ID"] == id]
    assert actions(found) == expected


def test_a_container_is_found_by_any_of_its_names(box: Box) -> None:
    since = clock()
    id = box.create("true", name="told-name")
    for reference in (id, id[:12], "told-name"):
        assert actions(history(box.engine, since, container=[reference])) == ["create"], reference


def test_bad_times_are_refused(box: Box) -> None:
    for query in ({"since": "x"}, {"until": "x"}):
        answer = box.api.get("/events", **{"until": 1, **query})
        assert answer.status in ((400,) if box.engine.ours else (400, 500)), query


def test_images_are_told_too(box: Box) -> None:
    since = clock()
    assert box.api.post("/images/busybox/tag", repo="told-tag", tag="1").status == 201
    assert box.api.delete("/images/told-tag:1").status == 200
    found = history(box.engine, since, type=["image"])
    assert [event["Action"] for event in found] == ["tag", "untag"]
    assert found[0]["Actor"]["Attributes"]["name"] == "told-tag:1"
    assert (found[0]["status"], found[0]["id"]) == ("tag", found[0]["Actor"]["ID"])


def test_the_head_is_sent_before_anything_happens(box: Box) -> None:
    with box.api.follow("/events", filters={"container": ["never-to-be"]}) as stream:
        assert (stream.status, stream.headers["Content-Type"]) == (
            200,
            "application/json",
        )
