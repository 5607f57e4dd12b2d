"""A daemon that is killed loses nothing: what ran runs on, what ended is known, what was owned goes."""

from __future__ import annotations

import json
import os
import pathlib
import select
import signal
import subprocess
import sys

import pytest

import dockerkit
from tests.livedaemon import PACKAGE_HOME, LiveDaemon

pytestmark = pytest.mark.system


@pytest.fixture
def daemon(new_root):
    started = LiveDaemon.start(new_root())
    started.bootstrap("busybox")
    alive = [started]
    yield alive
    with dockerkit.connect(alive[-1].url) as client:
        for container in client.containers.list(all=True):
            container.remove(force=True)
    assert alive[-1].stop() == 0


def _crash_and_restart(alive: list[LiveDaemon]) -> dockerkit.Client:
    alive[-1].crash()
    alive.append(LiveDaemon.start(alive[-1].root))
    return dockerkit.connect(alive[-1].url)


def test_a_running_container_is_adopted_and_can_be_ended(daemon):
    container = dockerkit.connect(daemon[-1].url).start("busybox", "sh", "-c", "echo before; exec sleep 1000", name="survivor")
    pid = container.pid
    with _crash_and_restart(daemon) as client:
        again = client.containers.get("survivor")
        assert (again.status, again.pid) == ("running", pid)
        assert again.logs() == "before\n"
        again.kill("TERM")
        again.kill()
        assert again.wait() == 137
        assert not os.path.exists(f"/proc/{pid}")


def test_a_container_that_ended_without_a_daemon_is_known_with_its_exit_code_and_output(daemon):
    container = dockerkit.connect(daemon[-1].url).start("busybox", "sh", "-c", "read line; echo got $line; exit 7", stdin=True)
    pidfd = os.pidfd_open(container.pid)
    daemon[-1].crash()
    signal.pidfd_send_signal(pidfd, signal.SIGKILL)
    os.close(pidfd)
    _wait_for_keeper(daemon[-1].root, container.id)
    daemon.append(LiveDaemon.start(daemon[-1].root))
    with dockerkit.connect(daemon[-1].url) as client:
        again = client.containers.get(container.id)
        assert (again.status, again.exit_code) == ("exited", 137)


def _wait_for_keeper(root: str, id: str) -> None:
    """Wait on the keeper's own pidfd: it goes when the end is written down."""
    running = pathlib.Path(root, "containers", id, "keeper.json")
    try:
        keeper = json.loads(running.read_text())["keeper"]
        pidfd = os.pidfd_open(keeper)
    except (FileNotFoundError, ProcessLookupError):
        return
    select.select([pidfd], [], [], 20)
    os.close(pidfd)


def test_the_shim_may_be_killed_under_running_containers(daemon):
    with dockerkit.connect(daemon[-1].url) as client:
        container = client.start("busybox", "sleep", "1000")
        for shim in _children(client.info()["DaemonPid"]):
            os.kill(shim, signal.SIGKILL)
        assert client.run("busybox", "echo", "a new shim").stdout == "a new shim\n"
        assert container.status == "running"
        container.remove(force=True)


def _children(pid: int) -> list[int]:
    tasks = pathlib.Path(f"/proc/{pid}/task").iterdir()
    return [int(child) for task in tasks for child in (task / "children").read_text().split()]


OWNER = """
import sys, dockerkit as dk
with dk.connect(sys.argv[1]).start("busybox", "sleep", "1000") as container:
    print(container.id, flush=True)
    sys.stdin.read()
"""


def _owner(daemon: LiveDaemon) -> tuple[subprocess.Popen[bytes], str]:
    owner = subprocess.Popen(
        [sys.executable, "-c", OWNER, daemon.url],
        env={**os.environ, "PYTHONPATH": PACKAGE_HOME},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    return owner, owner.stdout.readline().decode().strip()


def test_what_an_owner_had_that_died_with_the_daemon_goes(daemon):
    owner, container = _owner(daemon[-1])
    daemon[-1].crash()
    owner.kill()
    owner.communicate()
    daemon.append(LiveDaemon.start(daemon[-1].root))
    status, _ = daemon[-1].request("POST", f"/containers/{container}/wait?condition=removed")
    assert status in (200, 404)
    assert daemon[-1].request("GET", f"/containers/{container}/json")[0] == 404


def test_what_a_living_owner_has_survives_the_daemons_crash_and_goes_with_the_owner(daemon):
    owner, container = _owner(daemon[-1])
    with _crash_and_restart(daemon) as client:
        assert client.containers.get(container).status == "running"
        owner.communicate()  # end of input: its block ends
        assert container not in client.containers


def test_a_directory_without_a_record_is_swept_away(daemon):
    orphan = pathlib.Path(daemon[-1].root, "containers", "0" * 64)
    orphan.mkdir()
    (orphan / "upper").mkdir()
    with _crash_and_restart(daemon):
        assert not orphan.exists()
