"""The daemon is killed and another comes: policies, checks, sessions, events and followers go on where they were."""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
import re
import select
import signal
import socket
import sqlite3

import pytest
from killing import PATIENCE, House, children, command_line, signal_process

from tests.livedaemon import LiveDaemon, UnixConnection

pytestmark = pytest.mark.system
SECOND = 1_000_000_000


@pytest.fixture
def house(new_root):
    made = House(new_root())
    made.daemon.bootstrap("busybox")
    yield made
    for row in made.ask("GET", "/containers/json?all=1")[1]:
        made.ask("DELETE", f"/containers/{row['Id']}?force=1")
    assert made.daemon.stop() == 0


def _start(house: House, name: str, script: str, host: dict[str, object] | None = None, **config: object) -> str:
    body = {"Image": "busybox", "Cmd": ["sh", "-c", script], "HostConfig": {"NetworkMode": "none", **(host or {})}, **config}
    status, answer, _ = house.ask("POST", f"/containers/create?name={name}", body)
    assert status == 201, answer
    assert house.ask("POST", f"/containers/{name}/start")[0] == 204
    return str(answer["Id"])


def _state(house: House, name: str) -> dict[str, object]:
    return dict(house.ask("GET", f"/containers/{name}/json")[1]["State"])


class Stream:
    """An open answer, line by line."""

    def __init__(self, daemon: LiveDaemon, path: str) -> None:
        self._connection = UnixConnection(daemon.socket)
        self._connection.request("GET", path)
        self._answer = self._connection.getresponse()
        assert self._answer.status == 200, self._answer.read()

    def event(self, action: str, name: str) -> dict[str, object]:
        """Return the next event with this action of this container."""
        while line := self._answer.readline():
            event = json.loads(line)
            if event["Action"] == action and event["Actor"]["Attributes"].get("name") == name:
                return dict(event)
        raise AssertionError(f"the stream ended before {action} of {name}")

    def close(self) -> None:
        """Hang up."""
        self._connection.close()


def _reboot(house: House) -> None:
    """Leave what a restart of the host leaves: the files, no process."""
    house.daemon.crash()
    group = pathlib.Path("/sys/fs/cgroup/freezer", _parent(house.root))
    keepers = {json.loads(path.read_text())["keeper"] for path in pathlib.Path(house.root, "containers").glob("*/keeper.json")}
    _killed(keepers)  # first of all: a keeper that lives writes down how its container ends
    _killed({int(pid) for procs in group.rglob("cgroup.procs") for pid in procs.read_text().split()})
    with sqlite3.connect(f"{house.root}/state.db") as database:
        database.execute("UPDATE facts SET value = 'another' WHERE name = 'boot'")
    house.kill_daemon()


def _killed(pids: set[int]) -> None:
    """Kill processes, and return when they are dead."""
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):  # it went with another
            pidfd = os.pidfd_open(pid)
            signal.pidfd_send_signal(pidfd, signal.SIGKILL)
            assert select.select([pidfd], [], [], PATIENCE)[0]
            os.close(pidfd)


def _parent(root: str) -> str:
    from dockerkit.schema.endpoint import root_id

    return f"dockerkit-{root_id(root)}"


def test_a_restart_that_was_due_comes_though_the_daemon_was_killed(house):
    _start(house, "loop", "exit 1", {"RestartPolicy": {"Name": "always"}})
    stream = Stream(house.daemon, "/events")
    stream.event("die", "loop")
    house.kill_daemon()
    stream.close()
    stream = Stream(house.daemon, "/events")
    stream.event("start", "loop")
    stream.event("die", "loop")
    stream.close()
    assert house.ask("POST", "/containers/loop/stop")[0] in (204, 304)
    assert _state(house, "loop")["Status"] == "exited"


def test_after_a_reboot_everything_is_told_truthfully_and_restart_policies_apply(house):
    for name, policy in (("plain", "no"), ("always", "always"), ("unless", "unless-stopped"), ("halted", "unless-stopped")):
        _start(house, name, "exec sleep 1000", {"RestartPolicy": {"Name": policy}})
    assert house.ask("POST", "/containers/halted/stop?t=0")[0] == 204
    house.ask(
        "POST", "/containers/create?name=never", {"Image": "busybox", "HostConfig": {"RestartPolicy": {"Name": "always"}}}
    )
    _reboot(house)
    stream = Stream(house.daemon, "/events?since=1")
    for name in ("always", "unless"):
        stream.event("start", name)
    stream.close()
    stream = Stream(house.daemon, "/events?since=1")
    for name in ("always", "unless"):
        first = stream.event("start", name)
        stream.event("die", name)
        assert stream.event("start", name)["timeNano"] > first["timeNano"]
        stream.close()
        stream = Stream(house.daemon, "/events?since=1")
    stream.close()
    plain = _state(house, "plain")
    assert (plain["Status"], plain["ExitCode"]) == ("exited", 255)
    assert "restarted" in str(plain["Error"])
    assert [_state(house, name)["Status"] for name in ("always", "unless", "halted", "never")] == [
        "running", "running", "exited", "created"
    ]  # fmt: skip


def test_health_is_watched_on_after_the_daemon_was_killed(house):
    check = {"Test": ["CMD-SHELL", "test -e /ok"], "Interval": SECOND // 5, "Retries": 1}
    _start(house, "sick", "exec sleep 1000", Healthcheck=check)
    stream = Stream(house.daemon, "/events?since=1")
    stream.event("health_status: unhealthy", "sick")
    house.kill_daemon()
    stream.close()
    assert _state(house, "sick")["Health"]["Status"] == "unhealthy"
    _, made, _ = house.ask("POST", "/containers/sick/exec", {"Cmd": ["touch", "/ok"]})
    assert house.ask("POST", f"/exec/{made['Id']}/start", {"Detach": True})[0] == 200
    stream = Stream(house.daemon, "/events?since=1")
    stream.event("health_status: healthy", "sick")
    stream.close()


class Session:
    """A session as a client has it: a connection that stays open."""

    def __init__(self, daemon: LiveDaemon, reclaim: str = "") -> None:
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(60)
        self._socket.connect(daemon.socket)
        query = f"?reclaim={reclaim}" if reclaim else ""
        self._socket.sendall(
            f"POST /dockerkit/v1/sessions{query} HTTP/1.1\r\nHost: d\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n".encode()
        )
        self._stream = self._socket.makefile("rb")
        while self._stream.readline().strip():
            pass
        self.answer = json.loads(self._stream.readline())

    def close(self) -> None:
        """End the session."""
        self._stream.close()
        self._socket.close()


def test_a_session_is_reclaimed_after_a_crash_and_what_it_owns_lives_until_its_real_end(house):
    session = Session(house.daemon)
    id = _start(house, "owned", "exec sleep 1000")
    sid = session.answer["Id"]
    assert house.ask("POST", f"/dockerkit/v1/sessions/{sid}/containers/{id}")[0] == 204
    house.kill_daemon()
    session.close()
    again = Session(house.daemon, reclaim=sid)
    assert again.answer == {"Id": sid}
    assert _state(house, "owned")["Status"] == "running"
    again.close()
    status, answer, _ = house.ask("POST", f"/containers/{id}/wait?condition=removed")
    assert status in (200, 404), answer
    refused = Session(house.daemon, reclaim=sid)
    assert "No such session" in refused.answer["message"]
    refused.close()


def test_two_hundred_running_containers_are_adopted_quickly_and_each_once(house):
    count = int(os.environ.get("DOCKERKIT_ADOPT", "40"))
    ids = {_start(house, f"many-{number}", "exec sleep 100000") for number in range(count)}
    pids = {name: _state(house, name)["Pid"] for name in ("many-0", f"many-{count - 1}")}
    house.kill_daemon()
    rows = house.ask("GET", "/containers/json")[1]
    assert {row["Id"] for row in rows} == ids
    assert {name: _state(house, name)["Pid"] for name in pids} == pids
    with sqlite3.connect(f"file:{house.root}/state.db?mode=ro", uri=True) as database:
        events = [json.loads(event) for (event,) in database.execute("SELECT event FROM journal")]
    assert sum(event["Action"] == "start" for event in events) == count


def test_a_killed_keeper_loses_its_own_container_only_and_leaves_no_group(house):
    one, other = _start(house, "one", "exec sleep 1000"), _start(house, "other", "exec sleep 1000")
    stream = Stream(house.daemon, "/events")
    signal_process(json.loads(pathlib.Path(house.root, "containers", one, "keeper.json").read_text())["keeper"])
    assert stream.event("die", "one")["Actor"]["Attributes"]["exitCode"] == "137"
    stream.close()
    assert _state(house, "one")["Error"] == "keeper died"
    assert _state(house, "other")["Status"] == "running"
    assert not list(pathlib.Path("/sys/fs/cgroup").glob(f"*/{_parent(house.root)}/*/{one}"))
    assert list(pathlib.Path("/sys/fs/cgroup").glob(f"*/{_parent(house.root)}/*/{other}"))


def test_a_follower_of_a_killed_daemons_log_finds_everything_at_the_next(house):
    _start(house, "talks", "i=0; while [ $i -lt 300 ]; do echo $i; i=$((i+1)); done; read x; echo end", OpenStdin=True)
    house.kill_daemon()
    stream = Stream(house.daemon, "/containers/talks/logs?follow=1&stdout=1")
    house.ask("POST", "/containers/talks/kill")
    body = stream._answer.read()
    stream.close()
    lines = re.sub(rb"\x01\0\0\0....", b"", body, flags=re.DOTALL).split()
    assert lines == [b"%d" % number for number in range(300)]


def test_a_shim_killed_at_the_same_time_as_the_daemon_is_missed_by_nobody(house):
    _start(house, "stays", "exec sleep 1000")
    shims = [child for child in children(house.daemon.process.pid) if b"shim" in command_line(child)]
    assert shims
    for shim in shims:
        signal_process(shim)
    house.kill_daemon()
    assert _state(house, "stays")["Status"] == "running"
    _start(house, "new", "exit 3")
    assert house.ask("POST", "/containers/new/wait")[1]["StatusCode"] == 3
