"""Restart policies: who is run again, when, how often, and who never."""

from __future__ import annotations

import re

import pytest

from tests.parity.engines import Box
from tests.parity.feed import Event, Feed, actions

pytestmark = pytest.mark.timeout(60)


def policy(name: str, count: int = 0) -> dict[str, object]:
    """Return a HostConfig with this policy."""
    return {"RestartPolicy": {"Name": name, "MaximumRetryCount": count}}


def runs(events: list[Event]) -> list[str]:
    """Return the starts and deaths."""
    return [action for action in actions(events) if action in ("start", "die", "restart")]


def worn_out(box: Box, command: str, retries: int) -> str:
    """Return a container that was run as often as its policy allows, and ended with an error each time."""
    with Feed(box.engine, event=["die"]) as feed:
        id = box.up("sh", "-c", command, host=policy("on-failure", retries))
        feed.until_event(lambda event: event["Actor"]["ID"] == id, retries + 1)
    box.wait(id)
    return id


def looping(box: Box, *, deaths: int = 4) -> str:
    """Return a container that was run again so often that it now waits for more than half a second."""
    with Feed(box.engine, event=["die"]) as feed:
        id = box.up("sh", "-c", "exit 3", host=policy("always"))
        feed.until_event(lambda event: event["Actor"]["ID"] == id, deaths)
    return id


@pytest.mark.parametrize(
    ("name", "count", "code", "died"),
    [("no", 0, 3, 1), ("", 0, 3, 1), ("on-failure", 2, 3, 3), ("on-failure", 2, 0, 1), ("on-failure", 1, 7, 2)],
)
def test_the_runs_are_counted(box: Box, name: str, count: int, code: int, died: int) -> None:
    with Feed(box.engine, type=["container"]) as feed:
        id = box.up("sh", "-c", f"exit {code}", host=policy(name, count))
        events = feed.until_event(lambda e: e["Action"] == "die" and e["Actor"]["ID"] == id, died)
        assert box.wait(id) == code
        assert box.remove(id).status == 204
        events += feed.until_event(lambda e: e["Action"] == "destroy" and e["Actor"]["ID"] == id)
    assert runs([event for event in events if event["Actor"]["ID"] == id]) == ["start", "die"] * died


def test_the_counter_and_the_state_at_the_end(box: Box) -> None:
    id = worn_out(box, "exit 3", 2)
    assert box.wait(id) == 3
    found = box.inspect(id)
    assert (found["RestartCount"], found["State"]["Status"], found["State"]["Restarting"]) == (2, "exited", False)
    assert re.match(r"Exited \(3\) ", box.row(id)["Status"])


def test_waiting_for_its_next_run(box: Box) -> None:
    id = looping(box, deaths=5)
    found = box.inspect(id)
    state = found["State"]
    assert (state["Status"], state["Running"], state["Restarting"], state["Pid"]) == ("restarting", True, True, 0)
    assert (state["ExitCode"], found["RestartCount"]) == (3, 5)
    row = box.row(id)
    assert row["State"] == "restarting"
    assert re.fullmatch(r"Restarting \(3\) (Less than a second|\d+ seconds?) ago", row["Status"])
    assert box.ids(status=["restarting"]) == [id]
    assert box.ids(all=0) == [id]


def test_the_wait_doubles(box: Box) -> None:
    with Feed(box.engine, type=["container"]) as feed:
        id = box.up("sh", "-c", "exit 3", host=policy("always"))
        events = feed.until_event(lambda e: e["Actor"]["ID"] == id and e["Action"] == "start", 5)
    mine = [event for event in events if event["Actor"]["ID"] == id and event["Action"] in ("start", "die")]
    waits = [(after["timeNano"] - before["timeNano"]) / 1e9 for before, after in zip(mine[1::2], mine[2::2], strict=False)]
    assert len(waits) == 4
    assert all(wait > at_least for wait, at_least in zip(waits, (0.09, 0.19, 0.39, 0.79), strict=True)), waits
    assert sum(waits) < 20


def test_stop_ends_the_loop(box: Box) -> None:
    id = looping(box, deaths=5)
    count = box.inspect(id)["RestartCount"]
    assert box.post(id, "stop", t=0).status == 204
    state = box.state(id)
    assert (state["Status"], state["Restarting"], state["Running"]) == ("exited", False, False)
    assert box.wait(id) == 3
    assert box.inspect(id)["RestartCount"] == count


def test_kill_ends_the_loop(box: Box) -> None:
    id = looping(box)
    box.post(id, "kill")
    box.wait(id)
    assert box.state(id)["Status"] == "exited"


@pytest.mark.parametrize("name", ["always", "unless-stopped", "on-failure"])
@pytest.mark.parametrize("way", ["kill", "kill?signal=TERM", "stop?t=30"])
def test_who_was_ended_on_request_is_not_run_again(box: Box, name: str, way: str) -> None:
    id = box.ready("trap 'exit 5' TERM; echo ready; while :; do sleep 0.05; done", host=policy(name))
    assert box.api.post(f"/containers/{id}/{way}").status == 204
    assert box.wait(id) in (5, 137)
    assert (box.state(id)["Status"], box.inspect(id)["RestartCount"]) == ("exited", 0)


def test_who_ends_by_itself_is_run_again(box: Box) -> None:
    for name in ("always", "unless-stopped"):
        with Feed(box.engine, label=[f"again={name}"]) as feed:
            id = box.up("sh", "-c", "mkdir /ran || exec sleep 1000", host=policy(name), Labels={"again": name})
            feed.until("start", 2)
        assert box.inspect(id)["RestartCount"] == 1
        box.remove(id, force=1)


def test_a_start_on_request_counts_anew(box: Box) -> None:
    id = looping(box)
    box.did(id, "stop", t=0)
    with Feed(box.engine, container=[id]) as feed:
        box.start(id)
        feed.until("die")
        feed.until("start")
    assert box.inspect(id)["RestartCount"] < 4  # which it was; one by now, unless somebody was slow to look


def test_the_restart_verb_does_not_count(box: Box) -> None:
    id = box.up("sleep", "1000", host=policy("always"))
    box.did(id, "restart", t=0)
    assert (box.inspect(id)["RestartCount"], box.state(id)["Status"]) == (0, "running")


def test_a_failed_start_is_not_tried_again(box: Box) -> None:
    id = box.create("nosuch", host=policy("always"))
    assert box.post(id, "start").status == 400
    found = box.inspect(id)
    assert (found["State"]["Status"], found["RestartCount"]) == ("created", 0)


def test_waiters(box: Box) -> None:
    id = box.create("sh", "-c", "exit 7", host=policy("on-failure", 2))
    first, removed = box.waiting(id, condition="next-exit"), box.waiting(id, condition="removed")
    box.start(id)
    running = box.waiting(id, condition="not-running")
    assert (first.code(), running.code()) == (7, 7)  # both at the first end: its restart is not waited for
    box.remove(id, force=1)
    assert removed.code() in (7, 137)


def test_the_output_of_all_runs_is_in_the_log(box: Box) -> None:
    id = worn_out(box, "echo run; exit 1", 2)
    assert box.lines(id, stdout=1) == [b"run\n"] * 3


def test_a_changed_policy_holds_in_the_loop(box: Box) -> None:
    id = looping(box)
    box.did(id, "update", policy("no"))
    assert box.wait(id) == 3
    assert box.state(id)["Status"] == "exited"


def test_what_is_refused_while_it_waits(box: Box) -> None:
    id = looping(box, deaths=5)
    words = f"container {id} is restarting, wait until the container is running"
    for answer in (box.post(id, "exec", {"Cmd": ["true"]}), box.post(id, "pause"), box.api.get(f"/containers/{id}/top")):
        assert (answer.status, answer.message.lower()) == (409, words)
    assert box.post(id, "start").status == 304
    answer = box.remove(id)
    assert answer.status == 409
    assert re.search("You cannot remove a restarting container|container is restarting", answer.message)


def test_removal_by_force_ends_the_loop(box: Box) -> None:
    id = looping(box)
    assert box.remove(id, force=1).status == 204
    assert box.api.get(f"/containers/{id}/json").status == 404


def test_the_attached_are_let_go_at_the_first_end(box: Box) -> None:
    id = box.create("sh", "-c", "echo hi; exit 7", host=policy("on-failure", 1))
    with box.attach(id, stdout=1) as stream:
        box.start(id)
        assert stream.read() == b"\x01\0\0\0\0\0\0\x03hi\n"
