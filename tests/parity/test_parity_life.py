"""How containers end: exit codes, kill, stop, wait, remove, names and prefixes."""

from __future__ import annotations

import re
from collections import Counter

import pytest

from tests.parity.engines import NEVER, Box

CONTAINER_VERBS = [
    ("GET", "json"),
    ("POST", "start"),
    ("POST", "stop"),
    ("POST", "kill"),
    ("POST", "wait"),
    ("POST", "attach"),
    ("GET", "logs?stdout=1"),
    ("POST", "resize?h=1&w=1"),
]


@pytest.mark.parametrize(("method", "verb"), CONTAINER_VERBS)
def test_every_verb_says_that_the_container_is_missing(box: Box, method: str, verb: str) -> None:
    answer = box.api.request(method, f"/containers/nosuch/{verb}")
    assert answer.status == 404
    assert b"No such container: nosuch" in answer.body


def test_removing_a_missing_container_says_so(box: Box) -> None:
    for force in (0, 1):
        answer = box.remove("nosuch", force=force)
        assert (answer.status, answer.message) == (404, "No such container: nosuch")


@pytest.mark.parametrize(
    ("script", "code"),
    [
        ("exit 0", 0),
        ("exit 7", 7),
        ("exit 255", 255),
        ("sh -c 'kill -SEGV $$'", 139),
        ("sh -c 'kill -TERM $$'", 143),
        ("nosuch", 127),
    ],
)
def test_exit_codes(box: Box, script: str, code: int) -> None:
    ended = box.sh(script + "; exit $?")
    assert ended.code == code
    state = box.state(ended.id)
    assert (state["Status"], state["Running"], state["Pid"], state["ExitCode"]) == ("exited", False, 0, code)
    assert (state["OOMKilled"], state["Dead"], state["Paused"], state["Restarting"]) == (False, False, False, False)
    assert NEVER not in (state["StartedAt"], state["FinishedAt"])


def test_kill_is_137(box: Box) -> None:
    id = box.up("sleep", "100")
    pending = box.waiting(id)
    assert box.api.post(f"/containers/{id}/kill").status == 204
    assert pending.code() == 137
    assert (box.state(id)["ExitCode"], box.state(id)["OOMKilled"]) == (137, False)


@pytest.mark.parametrize("signal", ["TERM", "SIGTERM", "15", "sigterm"])
def test_a_signal_reaches_the_program(box: Box, signal: str) -> None:
    id = box.ready("trap 'exit 9' TERM; echo ready; while :; do sleep 0.1; done")
    assert box.api.post(f"/containers/{id}/kill", signal=signal).status == 204
    assert box.wait(id) == 9


@pytest.mark.parametrize("signal", ["NOSUCH", "0"])
def test_an_unknown_signal_is_refused(box: Box, signal: str) -> None:
    id = box.up("sleep", "100")
    answer = box.api.post(f"/containers/{id}/kill", signal=signal)
    assert answer.status == 400
    assert re.fullmatch(f"(?i)invalid signal: {signal}", answer.message)
    assert box.state(id)["Running"]


def test_killing_what_does_not_run_is_a_conflict(box: Box) -> None:
    created = box.create("true", name="idle")
    ended = box.run("true").id
    for ref, id in (("idle", created), (ended, ended)):
        answer = box.api.post(f"/containers/{ref}/kill")
        assert answer.status == 409
        assert re.fullmatch(f"(?i)cannot kill container: {ref}: container {id} is not running", answer.message)


def test_stop_lets_the_program_end_by_itself(box: Box) -> None:
    id = box.ready("trap 'exit 143' TERM; echo ready; while :; do sleep 0.1; done")
    assert box.api.post(f"/containers/{id}/stop").status == 204
    assert box.state(id)["ExitCode"] == 143
    assert box.api.post(f"/containers/{id}/stop").status == 304


def test_stop_uses_the_stop_signal(box: Box) -> None:
    id = box.ready("trap 'exit 5' USR1; echo ready; while :; do sleep 0.1; done", StopSignal="SIGUSR1")
    assert box.api.post(f"/containers/{id}/stop").status == 204
    assert box.state(id)["ExitCode"] == 5


def test_stop_kills_after_its_time(box: Box) -> None:
    id = box.up("sleep", "100")  # pid 1 ignores a signal it has no handler for
    assert box.api.post(f"/containers/{id}/stop", t=0).status == 204
    assert box.state(id)["ExitCode"] == 137


def test_stopping_what_does_not_run_changes_nothing(box: Box) -> None:
    answer = box.api.post(f"/containers/{box.create('true')}/stop")
    assert (answer.status, answer.body) == (304, b"")


def test_wait_answers_its_head_at_once_and_its_body_at_the_end(box: Box) -> None:
    id = box.up("sleep", "100")
    pending = box.waiting(id)
    assert pending.status == 200
    box.api.post(f"/containers/{id}/kill")
    assert pending.code() == 137


def test_wait_for_not_running_does_not_wait_for_a_created_container(box: Box) -> None:
    assert box.wait(box.create("true")) == 0
    assert box.wait(box.run("sh", "-c", "exit 6").id, condition="not-running") == 6


def test_wait_for_next_exit_waits_for_the_start(box: Box) -> None:
    id = box.create("sh", "-c", "exit 8")
    pending = box.waiting(id, condition="next-exit")
    box.start(id)
    assert pending.code() == 8
    pending = box.waiting(id, condition="next-exit")
    box.start(id)
    assert pending.code() == 8


def test_wait_for_removed_tells_the_exit_code(box: Box) -> None:
    id = box.run("sh", "-c", "exit 11").id
    pending = box.waiting(id, condition="removed")
    box.remove(id)
    assert pending.code() == 11


def test_several_waits_are_all_answered(box: Box) -> None:
    id = box.create("sh", "-c", "exit 2")
    pending = [box.waiting(id, condition="next-exit") for _ in range(5)]
    box.start(id)
    assert [p.code() for p in pending] == [2] * 5


def test_auto_remove_removes_and_tells_the_exit_code_first(box: Box) -> None:
    id = box.create("sh", "-c", "exit 12", host={"AutoRemove": True})
    pending = box.waiting(id, condition="removed")
    box.start(id)
    assert pending.code() == 12
    assert box.api.get(f"/containers/{id}/json").status == 404


def test_auto_remove_happens_after_a_failed_start(box: Box) -> None:
    id = box.create("nosuch", host={"AutoRemove": True})
    pending = box.waiting(id, condition="removed")
    assert box.api.post(f"/containers/{id}/start").status == 400
    assert pending.code() == 127  # `docker run --rm` waits for this
    assert box.api.get(f"/containers/{id}/json").status == 404


def test_auto_remove_happens_after_kill_and_stop(box: Box) -> None:
    for verb in ("kill", "stop?t=0"):
        id = box.up("sleep", "100", host={"AutoRemove": True})
        pending = box.waiting(id, condition="removed")
        assert box.api.post(f"/containers/{id}/{verb}").status == 204
        assert pending.code() == 137
        assert box.api.get(f"/containers/{id}/json").status == 404


def test_a_running_container_is_not_removed_without_force(box: Box) -> None:
    id = box.up("sleep", "100", name="busy")
    answer = box.remove("busy")
    assert answer.status == 409
    old = f"You cannot remove a running container {id}. Stop the container before attempting removal or force remove"
    new = 'cannot remove container "busy": container is running: stop the container before removing or force remove'
    assert answer.message in ((new, new.replace('"busy"', '"/busy"')) if box.engine.ours else (old,))
    assert box.remove("busy", force=1).status == 204
    assert box.api.get(f"/containers/{id}/json").status == 404


def test_out_of_memory_is_seen(box: Box) -> None:
    ended = box.sh("a=x; while :; do a=$a$a; done", host={"Memory": 16 << 20})
    assert ended.code == 137
    assert box.state(ended.id)["OOMKilled"] is True


def test_names_and_prefixes_find_a_container(box: Box) -> None:
    id = box.create("true", name="findme")
    for ref in ("findme", id, id[:12], id[:20]):
        answer = box.api.get(f"/containers/{ref}/json")
        assert (answer.status, answer.json.get("Id")) == (200, id), ref
    assert box.api.get(f"/containers/{id[:12].upper()}/json").status == 404 or id[:12].isdigit()


def test_an_ambiguous_prefix_is_refused(box: Box) -> None:
    ids = [box.create("true") for _ in range(17)]
    prefix, count = Counter(id[0] for id in ids).most_common(1)[0]
    assert count > 1
    answer = box.api.get(f"/containers/{prefix}/json")
    assert answer.status == 400 if box.engine.ours else answer.status in (400, 500)  # 20.10: 500
    assert re.fullmatch(f"(?i)multiple IDs found with provided prefix: {prefix}", answer.message)


def test_a_name_wins_over_an_id_prefix(box: Box) -> None:
    other = box.create("true")
    named = box.create("true", name=other[:12])
    assert box.inspect(other[:12])["Id"] == named


def test_resizing_what_does_not_run_is_a_conflict(box: Box) -> None:
    id = box.create("true")
    answer = box.api.post(f"/containers/{id}/resize", h=10, w=10)
    assert answer.status == 409
    assert re.fullmatch(f"(?i)container {id} is not running", answer.message)


def test_all_of_a_container_dies_with_its_first_process(box: Box) -> None:
    ended = box.sh("sleep 100 & setsid sleep 100 & exit 3")
    assert ended.code == 3
    assert box.remove(ended.id).status == 204
