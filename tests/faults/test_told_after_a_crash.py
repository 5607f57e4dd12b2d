"""What happened while no daemon was there, or was about to be told when it died: the next one tells it, once."""

from __future__ import annotations

import os
import select
import threading
import time
from pathlib import Path

import pytest
from killing import BROKEN, House
from truths import journal

pytestmark = pytest.mark.system
RUNNING = "trap 'exit 3' TERM; echo ready; while :; do read line; done"


@pytest.fixture
def house(new_root):
    made = House(new_root())
    made.daemon.bootstrap("busybox")
    yield made
    made.over = True
    made.tell("")
    for row in made.ask("GET", "/containers/json?all=1")[1]:
        made.ask("DELETE", f"/containers/{row['Id']}?force=1")
    assert made.daemon.stop() == 0


def _start(house: House, script: str = "exec sleep 100000") -> str:
    body = {"Image": "busybox", "Cmd": ["sh", "-c", script], "OpenStdin": True, "HostConfig": {"NetworkMode": "none"}}
    status, made, _ = house.ask("POST", "/containers/create", body)
    assert status == 201, made
    assert house.ask("POST", f"/containers/{made['Id']}/start")[0] == 204
    return made["Id"]


def _until_said(house: House, container: str) -> None:
    log, end = Path(house.root, "containers", container, "log"), time.monotonic() + 20
    while not log.stat().st_size:
        assert time.monotonic() < end


def _exec(house: House, container: str, script: str) -> str:
    status, made, _ = house.ask("POST", f"/containers/{container}/exec", {"Cmd": ["sh", "-c", script]})
    assert status == 201, made
    assert house.ask("POST", f"/exec/{made['Id']}/start", {"Detach": True})[0] == 200
    return made["Id"]


def _actions(house: House, *wanted: str) -> list[str]:
    events = [event for _, event in journal(house.root)]
    told = [(event["Action"].partition(":")[0], event["Actor"]["Attributes"]) for event in events]
    return [f"{action} {facts['exitCode']}" if "exitCode" in facts else action for action, facts in told if action in wanted]


def test_a_stop_is_told_with_the_end_of_what_it_stopped(house):
    container = _start(house, RUNNING)
    _until_said(house, container)
    dying = house.replace_the_dead()
    house.tell("engine.ended=kill")
    _ask_and_lose(house, f"/containers/{container}/stop?t=100")
    dying.join()
    house.ask("POST", f"/containers/{container}/wait")
    assert _actions(house, "die", "stop") == ["die 3", "stop"]
    assert house.ask("GET", f"/containers/{container}/json")[1]["State"]["ExitCode"] == 3


def _ask_and_lose(house: House, path: str) -> None:
    try:
        house.daemon.request("POST", path)
    except BROKEN:
        return


def test_what_does_not_heed_its_stop_is_killed_by_the_next_daemon(house):
    body = {
        "Image": "busybox",
        "Cmd": ["sh", "-c", "trap '' TERM; while :; do read line; done"],
        "OpenStdin": True,
        "StopTimeout": 1,
        "HostConfig": {"NetworkMode": "none"},
    }
    container = house.ask("POST", "/containers/create", body)[1]["Id"]
    house.ask("POST", f"/containers/{container}/start")
    asked = threading.Thread(target=_ask_and_lose, args=(house, f"/containers/{container}/stop?t=1000"), daemon=True)
    asked.start()
    while "kill" not in _actions(house, "kill"):
        pass
    house.kill_daemon()
    asked.join()
    assert house.ask("POST", f"/containers/{container}/wait")[1]["StatusCode"] == 137
    assert _actions(house, "die", "stop") == ["die 137", "stop"]


def test_an_exec_that_outlives_the_daemon_is_heard_by_the_next(house):
    container = _start(house)
    exec = _exec(house, container, "mkfifo /wait; read line </wait; exit 5")
    house.kill_daemon()
    found = house.ask("GET", f"/exec/{exec}/json")[1]
    assert (found["Running"], found["ContainerID"]) == (True, container)
    assert house.ask("GET", f"/containers/{container}/json")[1]["ExecIDs"] == [exec]
    other = _exec(house, container, "echo go >/wait")
    _until_over(house, exec)
    _until_over(house, other)
    assert house.ask("GET", f"/exec/{exec}/json")[1]["ExitCode"] == 5
    assert sorted(_actions(house, "exec_die")) == ["exec_die 0", "exec_die 5"]


def test_an_exec_that_ended_while_no_daemon_was_there_is_told_by_the_next(house):
    container = _start(house)
    exec = _exec(house, container, "while kill -0 $$ && [ ! -e /go ]; do :; done; exit 6")
    pid = house.ask("GET", f"/exec/{exec}/json")[1]["Pid"]
    house.daemon.crash()
    _touch_and_wait(pid)
    house.kill_daemon()
    found = house.ask("GET", f"/exec/{exec}/json")[1]
    assert (found["Running"], found["ExitCode"]) == (False, 6)
    assert _actions(house, "exec_create", "exec_start", "exec_die") == ["exec_create", "exec_start", "exec_die 6"]


def test_execs_that_ended_with_their_container_while_no_daemon_was_there_keep_their_codes(house):
    container = _start(house, "while [ ! -e /end ]; do :; done")
    before = _exec(house, container, "while [ ! -e /go ]; do :; done; exit 7")
    until = _exec(house, container, "exec sleep 100000")
    pids = [house.ask("GET", f"/exec/{id}/json")[1]["Pid"] for id in (before, until)]
    init = house.ask("GET", f"/containers/{container}/json")[1]["State"]["Pid"]
    house.daemon.crash()
    root = f"/proc/{init}/root"
    _touch_and_wait(pids[0], root)
    _touch_and_wait(pids[1], root, "end")
    house.kill_daemon()
    house.ask("POST", f"/containers/{container}/wait")
    codes = [house.ask("GET", f"/exec/{id}/json")[1]["ExitCode"] for id in (before, until)]
    assert codes == [7, 137]
    assert sorted(_actions(house, "exec_die", "die")) == ["die 0", "exec_die 137", "exec_die 7"]


def test_what_is_known_of_an_exec_goes_with_its_container(house):
    container = _start(house)
    exec = _exec(house, container, "exit 0")
    _until_over(house, exec)
    house.kill_daemon()
    assert house.ask("GET", f"/exec/{exec}/json")[1]["ExitCode"] == 0
    assert house.ask("DELETE", f"/containers/{container}?force=1")[0] == 204
    house.kill_daemon()
    assert house.ask("GET", f"/exec/{exec}/json")[0] == 404


def _until_over(house: House, exec: str) -> None:
    while house.ask("GET", f"/exec/{exec}/json")[1]["Running"]:
        pass


def _touch_and_wait(pid: int, root: str = "", name: str = "go") -> None:
    """Make the file a process waits for, and wait for its end."""

    pidfd = os.pidfd_open(pid)
    with open(f"{root or f'/proc/{pid}/root'}/{name}", "w"):
        pass
    assert select.select([pidfd], [], [], 30)[0], "it does not end"
    os.close(pidfd)
