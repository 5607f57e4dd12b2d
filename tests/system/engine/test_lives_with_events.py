"""Lives of real containers, judged by the events they leave: as dockerd's, in order, none lost and none doubled."""

from __future__ import annotations

import os
import pathlib
import threading

import pytest
from liveengine import PATIENCE, Ear, create

from dockerkit.daemon.engine.engine import Engine
from dockerkit.schema.exec import ExecCreate

pytestmark = pytest.mark.system
SECOND = 1_000_000_000


@pytest.fixture(scope="module")
def engine(new_root):
    made = Engine(new_root())
    made.start()
    made.images.bootstrap("busybox", programs=(), packages=(), progress=lambda _: None)
    yield made
    made.close()


@pytest.fixture
def ear(engine):
    with Ear(engine) as listening:
        yield listening
    for row in engine.containers.list(all=True):
        engine.containers.remove(row.id, force=True).result(PATIENCE)


def test_a_life_leaves_dockerds_events_with_their_attributes(engine, ear):
    create(engine, "life", "sleep", "1000", Labels={"tier": "front"})
    engine.containers.start("life")
    engine.containers.pause("life")
    engine.containers.unpause("life")
    engine.containers.kill("life", "USR1")
    engine.containers.stop("life", timeout=0).result(PATIENCE)
    engine.containers.remove("life").result(PATIENCE)
    heard = ear.until("destroy")
    assert ear.actions() == ["create", "start", "pause", "unpause", "kill", "kill", "kill", "die", "stop", "destroy"]
    assert all(e.actor.attributes["name"] == "life" and e.actor.attributes["tier"] == "front" for e in heard)
    assert [e.actor.attributes["signal"] for e in heard if e.action == "kill"] == ["10", "15", "9"]
    assert [e.actor.attributes["exitCode"] for e in heard if e.action == "die"] == ["137"]
    assert {e.actor.attributes["image"] for e in heard} == {"busybox"}
    told = [e.action for e in engine.events.history(heard[0].time_nano) if e.type == "container"]
    assert told == [e.action for e in heard]


def test_a_restart_is_a_stop_a_start_and_a_restart(engine, ear):
    create(engine, "again", "sleep", "1000")
    engine.containers.start("again")
    engine.containers.restart("again", timeout=0).result(PATIENCE)
    ear.until("restart")
    assert ear.actions() == ["create", "start", "kill", "kill", "die", "stop", "start", "restart"]


def test_a_container_that_dies_at_once_is_restarted_and_counted_to_its_maximum(engine, ear):
    create(engine, "loop", "sh", "-c", "exit 3", host={"RestartPolicy": {"Name": "on-failure", "MaximumRetryCount": 2}})
    engine.containers.start("loop")
    heard = ear.until("die", 3)
    assert ear.actions() == ["create", "start", "die", "start", "die", "start", "die"]
    found = engine.containers.inspect("loop")
    assert (found.state.status, found.state.exit_code, found.restart_count) == ("exited", 3, 2)
    died = [e.time_nano for e in heard if e.action == "die"]
    began = [e.time_nano for e in heard if e.action == "start"]
    assert began[1] - died[0] >= SECOND // 10
    assert began[2] - died[1] >= SECOND // 5


def test_a_container_that_awaits_its_restart_is_shown_so_and_a_stop_ends_it(engine, ear):
    create(engine, "waits", "sh", "-c", "exit 1", host={"RestartPolicy": {"Name": "always"}})
    engine.containers.start("waits")
    ear.until("die", 4)  # 0.8 s until the next
    found = engine.containers.inspect("waits")
    assert (found.state.status, found.state.running, found.state.restarting) == ("restarting", True, True)
    (row,) = engine.containers.list(filters={"name": ["waits"]})
    assert row.status.startswith("Restarting (1) ")
    assert engine.containers.start("waits") is False
    assert engine.containers.stop("waits").result(PATIENCE) is True
    assert engine.containers.inspect("waits").state.status == "exited"
    assert ear.until("stop")[-1].action == "stop"


def test_an_auto_removed_container_leaves_its_die_and_its_destroy(engine, ear):
    create(engine, "gone", "true", host={"AutoRemove": True})
    engine.containers.start("gone")
    ear.until("destroy")
    assert ear.actions() == ["create", "start", "die", "destroy"]


def test_an_exec_leaves_its_three_events(engine, ear):
    create(engine, "host", "sleep", "1000")
    engine.containers.start("host")
    id = engine.execs.create("host", ExecCreate(cmd=["sh", "-c", "exit 3"]))
    engine.execs.start(id)
    heard = ear.until("exec_die")
    assert [e.action for e in heard][2:] == ["exec_create: sh -c exit 3", "exec_start: sh -c exit 3", "exec_die"]
    assert heard[-1].actor.attributes["exitCode"] == "3"
    assert {e.actor.attributes["execID"] for e in heard[2:]} == {id}


def test_a_container_is_found_unhealthy_then_healthy(engine, ear):
    check = {"Test": ["CMD-SHELL", "cat /ok"], "Interval": SECOND // 10, "Timeout": 10 * SECOND, "Retries": 2}
    create(engine, "sick", "sleep", "1000", Healthcheck=check)
    engine.containers.start("sick")
    assert engine.containers.inspect("sick").state.health.status == "starting"
    ear.until("health_status: unhealthy")
    health = engine.containers.inspect("sick").state.health
    assert health.failing_streak >= 2
    assert health.log[-1].exit_code == 1
    assert "No such file" in health.log[-1].output
    (row,) = engine.containers.list(filters={"health": ["unhealthy"]})
    assert row.status.endswith("(unhealthy)")
    id = engine.execs.create("sick", ExecCreate(cmd=["touch", "/ok"]))
    engine.execs.start(id)
    ear.until("health_status: healthy")
    assert engine.containers.inspect("sick").state.health.failing_streak == 0


def test_a_check_that_hangs_is_killed_and_leaves_no_process(engine, ear):
    check = {"Test": ["CMD", "sh", "-c", "echo hanging; exec sleep 12345"], "Interval": SECOND // 10, "Timeout": SECOND // 4}
    create(engine, "hangs", "sleep", "1000", Healthcheck=check | {"Retries": 1})
    engine.containers.start("hangs")
    ear.until("health_status: unhealthy")
    (result, *_) = engine.containers.inspect("hangs").state.health.log
    assert (result.exit_code, result.output) == (-1, "Health check exceeded timeout (250ms): hanging\n")
    ear.until("exec_die")
    engine.containers.stop("hangs", timeout=0).result(PATIENCE)
    assert not _running("12345")


def test_a_check_that_cannot_run_says_why(engine, ear):
    check = {"Test": ["CMD", "nosuch"], "Interval": SECOND // 10, "Retries": 1}
    create(engine, "wrong", "sleep", "1000", Healthcheck=check)
    engine.containers.start("wrong")
    ear.until("health_status: unhealthy")
    (result, *_) = engine.containers.inspect("wrong").state.health.log
    assert result.exit_code == -1
    assert 'exec: "nosuch": executable file not found in $PATH' in result.output


def test_what_happens_to_an_image_is_told_as_dockerd_does(engine, ear):
    id = engine.images.inspect("busybox").id
    engine.images.tag("busybox", "another", "one")
    engine.images.remove("another:one")
    told = [(e.type, e.action, e.actor.id, e.actor.attributes["name"]) for e in ear.until("untag")]
    assert told == [("image", "tag", id, "another:one"), ("image", "untag", id, id)]
    assert {e.action for e in engine.events.history() if e.type == "image"} >= {"import", "tag", "untag"}


def _running(argument: str) -> bool:
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            command = pathlib.Path(f"/proc/{pid}/cmdline").read_bytes()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if argument.encode() in command.split(b"\0"):
            return True
    return False


class Reader:
    """Follows one container's log until it ends."""

    def __init__(self, engine: Engine, ref: str, **wanted: object) -> None:
        self._woken = threading.Event()
        self._follower = engine.containers.follow(ref, stdout=True, stderr=True, wake=self._woken.set, **wanted)
        self.seen: list[bytes] = []

    def until(self, done) -> list[bytes]:
        """Return the lines once `done` says that these are enough, or the log has ended."""
        while not done(self.seen) and not self._follower.ended:
            while batch := self._follower.lines():
                self.seen += [line for _, line in batch]
            if not self._follower.ended and not done(self.seen):
                assert self._woken.wait(PATIENCE), self.seen
                self._woken.clear()
        return self.seen

    def close(self) -> None:
        """Follow no more."""
        self._follower.close()


def test_a_log_is_followed_while_it_is_written_and_ends_with_its_container(engine, ear):
    create(engine, "talks", "sh", "-c", "for i in 1 2 3; do echo $i; read x; done; printf end", OpenStdin=True)
    engine.containers.start("talks")
    reader = Reader(engine, "talks")
    assert reader.until(lambda seen: len(seen) == 1) == [b"1\n"]
    engine.containers.kill("talks")
    assert reader.until(lambda _: False) == [b"1\n"]
    ear.until("die")


def test_many_lines_are_followed_without_loss(engine, ear):
    create(engine, "floods", "sh", "-c", "seq 200000; sleep 1000")
    engine.containers.start("floods")
    reader = Reader(engine, "floods")
    seen = reader.until(lambda seen: len(seen) >= 200_000)
    assert seen == [b"%d\n" % number for number in range(1, 200_001)]
    reader.close()


def test_following_goes_on_through_the_keepers_rotation_and_older_files_are_read_too(engine, ear):
    host = {"LogConfig": {"Type": "json-file", "Config": {"max-size": "16k", "max-file": "500"}}}
    create(engine, "turns", "sh", "-c", "seq 200000; read x", host=host, OpenStdin=True)
    engine.containers.start("turns")
    reader = Reader(engine, "turns")
    expected = [b"%d\n" % number for number in range(1, 200_001)]
    assert reader.until(lambda seen: len(seen) >= 200_000) == expected
    reader.close()
    assert [line for _, line in engine.containers.logs("turns", stdout=True, stderr=False)] == expected
    directory = pathlib.Path(engine.containers.inspect("turns").log_path).parent
    assert len(list(directory.glob("log.*"))) > 3
