"""Pause and unpause: what a frozen container still does, and what it refuses."""

from __future__ import annotations

import re

import pytest

from tests.parity.engines import NEVER, Box, alike
from tests.parity.feed import Feed, actions

pytestmark = pytest.mark.timeout(60)
LOOP = "trap 'exit 4' TERM; echo ready; while :; do sleep 0.05; done"


@pytest.fixture
def paused(box: Box) -> str:
    """A container that is frozen, and ends with 4 when it gets SIGTERM."""
    id = box.ready(LOOP)
    box.did(id, "pause")
    return id


def test_paused_and_unpaused_states(box: Box) -> None:
    id = box.up("sleep", "1000")
    before = box.state(id)
    assert box.post(id, "pause").status == 204
    state = box.state(id)
    assert (state["Status"], state["Running"], state["Paused"], state["Restarting"]) == ("paused", True, True, False)
    assert (state["Pid"], state["StartedAt"], state["FinishedAt"]) == (before["Pid"], before["StartedAt"], NEVER)
    row = box.row(id)
    assert row["State"] == "paused"
    assert re.fullmatch(r"Up (Less than a second|\d+ seconds?) \(Paused\)", row["Status"])
    assert box.post(id, "unpause").status == 204
    assert box.state(id) == before
    assert box.row(id)["State"] == "running"


def test_a_paused_container_stands_still(box: Box) -> None:
    id = box.ready("echo ready; while :; do echo x; sleep 0.01; done")
    box.did(id, "pause")
    first = box.logs(id, stdout=1)
    second = box.logs(id, stdout=1)
    assert first == second
    box.did(id, "unpause")
    with box.attach(id, stdout=1) as stream:
        assert stream.frame() == (1, b"x\n")


def test_attaching_is_refused(box: Box, paused: str) -> None:
    with box.attach(paused, stdout=1) as stream:
        assert stream.status == 409
        words = f"Container {paused} is paused, unpause the container before attach"
        assert words.lower() in stream.read_until(b"attach").decode().lower()


def test_paused_ones_are_listed(box: Box, paused: str) -> None:
    other = box.up("sleep", "1000")
    assert box.ids(status=["paused"]) == [paused]
    assert box.ids(status=["running"]) == [other]
    assert set(box.ids(all=0)) == {paused, other}


def test_pausing_twice(box: Box, paused: str) -> None:
    assert alike(box.post(paused, "pause"), 409, f"Container {paused} is already paused")


def test_unpausing_what_is_not_paused(box: Box) -> None:
    for id in (box.up("sleep", "1000"), box.create("true")):
        answer = box.post(id, "unpause")
        assert answer.status in ((409,) if box.engine.ours else (500,))
        assert answer.message.lower() == f"container {id} is not paused"


def test_what_does_not_run_is_not_paused(box: Box) -> None:
    for id in (box.create("true"), box.run("true").id):
        assert alike(box.post(id, "pause"), 409, f"Container {id} is not running")
    for verb in ("pause", "unpause"):
        assert alike(box.post("nosuch", verb), 404, "No such container: nosuch")


def test_start_and_remove_are_refused(box: Box, paused: str) -> None:
    assert alike(box.post(paused, "start"), 409, "cannot start a paused container, try unpause instead")
    answer = box.remove(paused)
    assert answer.status == 409
    assert re.search("You cannot remove a paused container|container is paused and must be unpaused first", answer.message)
    assert box.state(paused)["Paused"]


def test_removal_by_force(box: Box, paused: str) -> None:
    pending = box.waiting(paused, condition="removed")
    assert box.remove(paused, force=1).status == 204
    assert pending.code() == 137
    assert box.api.get(f"/containers/{paused}/json").status == 404


def test_kill_thaws_and_ends_it(box: Box, paused: str) -> None:
    assert box.post(paused, "kill").status == 204
    assert box.wait(paused) == 137
    state = box.state(paused)
    assert (state["Status"], state["Paused"], state["OOMKilled"]) == ("exited", False, False)


def test_a_signal_thaws_and_arrives(box: Box, paused: str) -> None:
    assert box.post(paused, "kill", signal="TERM").status == 204
    assert box.wait(paused) == 4


def test_stop_thaws_and_lets_the_program_end_by_itself(box: Box, paused: str) -> None:
    assert box.post(paused, "stop", t=30).status == 204
    assert box.state(paused)["ExitCode"] == 4


def test_restart_thaws(box: Box, paused: str) -> None:
    pid = box.state(paused)["Pid"]
    assert box.post(paused, "restart", t=30).status == 204
    state = box.state(paused)
    assert (state["Status"], state["Paused"]) == ("running", False)
    assert state["Pid"] != pid


def test_everything_that_only_looks_still_works(box: Box, paused: str) -> None:
    assert box.api.get(f"/containers/{paused}/top").json["Processes"]
    assert box.lines(paused, stdout=1) == [b"ready\n"]
    assert box.api.get(f"/containers/{paused}/stats", stream=0).json["memory_stats"]["usage"] > 0
    assert box.api.get(f"/containers/{paused}/archive", path="/etc/passwd").status == 200
    assert box.post(paused, "resize", h=3, w=3).status == 200
    assert box.post(paused, "rename", name=f"still-{paused[:12]}").status == 204
    assert box.post(paused, "update", {"PidsLimit": 100}).status == 200
    assert box.state(paused)["Paused"]


def test_waiters_stay(box: Box, paused: str) -> None:
    pending = box.waiting(paused)
    box.did(paused, "unpause")
    box.did(paused, "kill")
    assert pending.code() == 137


def test_what_is_told(box: Box) -> None:
    id = box.up("sleep", "1000")
    with Feed(box.engine, container=[id]) as feed:
        for verb in ("pause", "unpause", "pause", "kill"):
            box.did(id, verb)
        told = [action for action in actions(feed.until("die")) if action != "unpause"]
    if not box.engine.ours:  # 20.10 now and then tells a pause twice
        told = [action for number, action in enumerate(told) if action not in told[:number]]
        assert told in (["pause", "kill", "die"], ["pause", "die", "kill"])
        return
    assert told in (["pause", "pause", "kill", "die"], ["pause", "pause", "die", "kill"])
