"""Watching: logs that go on, events, measurements, processes; and moving what runs."""

from __future__ import annotations

import itertools
import threading
import time
from typing import Any

import pytest

import dockerkit as dk

pytestmark = pytest.mark.system


def test_log_is_followed_line_by_line_to_the_end(up: Any) -> None:
    box = up("sh", "-c", "echo one; echo two >&2; read x; echo $x; printf rest", stdin=True)
    with box.attach() as streams, box.logs(follow=True) as lines:
        assert sorted(itertools.islice(lines, 2)) == ["one\n", "two\n"]
        streams.stdin.write(b"three\n")
        rest = list(lines)
        assert rest == ["three\n", "rest"] or (box.engine.foreign and rest == ["three\n"]), "Docker may forget the last of it"
    assert sorted(box.logs(follow=True)) == sorted(box.logs().splitlines(keepends=True))


def test_log_followed_with_words(up: Any) -> None:
    box = up("sh", "-c", "seq 1 5; echo err >&2")
    box.wait()
    assert list(box.logs(follow=True, stderr=False, tail=2)) in (["4\n", "5\n"], ["5\n"])
    assert list(box.logs(follow=True, since="1970-01-01T00:00:00Z", stdout=False)) == ["err\n"]


def test_log_that_nobody_reads_any_more(box: Any) -> None:
    lines = box.logs(follow=True)
    lines.close()
    assert list(lines) == []


def test_events_of_one_container(either: Any) -> None:
    begin = time.time() - 1
    with either.start("busybox", "sleep", "600", network="none", name="dk-eventful") as box:
        box.kill()
        box.wait()
    end = time.time() + 1
    seen = list(either.events(since=begin, until=end, container=box.id, type="container"))
    actions = [event.action for event in seen]
    assert [a for a in actions if a in ("create", "start", "kill", "die", "destroy")] == [
        "create", "start", "kill", "die", "destroy",
    ]  # fmt: skip
    assert {event.name for event in seen} == {"dk-eventful"}
    assert {event.id for event in seen} == {box.id}
    assert next(e for e in seen if e.action == "die").attributes["exitCode"] == "137"
    assert seen == sorted(seen, key=lambda event: event.time)


def test_events_arrive_as_they_happen(either: Any, box: Any) -> None:
    with either.events(container=box.id, event=["pause", "unpause"]) as events:
        threading.Timer(0.1, box.pause).start()
        assert next(events).action == "pause"
        box.unpause()
        assert next(events).action == "unpause"


def test_processes_are_a_table(box: Any) -> None:
    rows = box.top()
    assert [row["CMD"] for row in rows] == ["sleep 600"]
    assert rows[0].uid == "root"
    assert rows.df()["PID"].tolist() == [rows[0].pid]
    assert [row.comm for row in box.top("-eo pid,comm") if "COMMAND" not in row] or box.top("-eo pid,comm")[0].command


def test_measured_once_and_again_and_again(up: Any) -> None:
    box = up("sh", "-c", "while :; do :; done", memory="64m")
    rows = box.stats()
    assert (len(rows), rows[0].memory_limit, rows[0].pids) == (1, 64 << 20, 1)
    assert rows.df()["memory"].tolist()[0] > 0
    assert "67.1MB" in repr(rows)
    with box.stats(stream=True) as measured:
        first, second = itertools.islice(measured, 2)
        assert second.time > first.time
        assert second.cpu_percent > 1
        assert second.raw["id"] == box.id
        box.kill()
        assert all(m.pids <= 1 for m in measured), "the end of the container is the end of the stream"


def test_space_by_kind(either: Any, box: Any) -> None:
    rows = {row.type: row for row in either.disk_usage()}
    assert rows["Images"].total >= 1
    assert rows["Images"].size > 0
    assert rows["Containers"].active >= 1


def test_paused_and_renamed(box: Any) -> None:
    assert box.pause().status == "paused"
    assert box.unpause().status == "running"
    assert box.rename("dk-renamed").name == "dk-renamed"


def test_limits_are_changed_while_it_runs(box: Any) -> None:
    config = box.update(memory="64m", cpus=0.5, pids_limit=50, restart="on-failure:3").inspect()["HostConfig"]
    assert (config["Memory"], config["NanoCpus"], config["PidsLimit"]) == (64 << 20, 500_000_000, 50)
    assert config["RestartPolicy"] == {"Name": "on-failure", "MaximumRetryCount": 3}
    with pytest.raises(TypeError, match="update"):
        box.update(memroy="1m")


def test_restarted_is_another_run(box: Any) -> None:
    before = box.pid
    assert box.restart(0).status == "running"
    assert box.pid != before


def test_pruned_are_those_that_do_not_run(either: Any, up: Any) -> None:
    ended, alive = up("true", label={"dk-test": "prune"}), up(label={"dk-test": "prune"})
    ended.wait()
    said = either.containers.prune(label="dk-test=prune")
    assert said["ContainersDeleted"] == [ended.id]
    assert alive in either.containers


def test_restart_policy_brings_it_back(up: Any) -> None:
    box = up("sh", "-c", "echo run; read x; exit 1", stdin=True, restart="on-failure:1")
    assert box.inspect()["HostConfig"]["RestartPolicy"]["Name"] == "on-failure"


def test_health_is_checked(up: Any) -> None:
    box = up(healthcheck="true")
    assert box.health in ("starting", "healthy")
    assert box.inspect()["Config"]["Healthcheck"]["Test"] == ["CMD-SHELL", "true"]


def test_explained_or_said_not_to_be(box: Any) -> None:
    if not box.engine.foreign:
        assert box.explain()[-1]["step"] == "exec"
        return
    with pytest.raises(dk.errors.Unsupported, match="explain"):
        box.explain()
