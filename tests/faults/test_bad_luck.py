"""Killed, interrupted, flooded, out of room: one clear error or nothing at all, and nothing left behind."""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
import signal
import socket
import subprocess
import sys

import pytest

import dockerkit
from dockerkit.errors import ContainerFailed, NotFound, TimedOut, Unavailable
from tests.livedaemon import PACKAGE_HOME, LiveDaemon, UnixConnection

pytestmark = pytest.mark.system

OWNER = """
import sys, dockerkit as dk
with dk.connect(sys.argv[1]).start("busybox", "sleep", "1000") as container:
    print(container.id, flush=True)
    sys.stdin.read()
"""
RUNNER = """
import sys, dockerkit as dk
dk.connect(sys.argv[1]).run("busybox", "sh", "-c", "sleep 1000", name=sys.argv[2])
"""


def _program(text: str, *arguments: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-c", text, *arguments],
        env={**os.environ, "PYTHONPATH": PACKAGE_HOME},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )


def _wait(daemon: LiveDaemon, ref: str, condition: str) -> int:
    """Wait on the daemon's own word; the connection's time-out (60 s) is the test's."""
    status, answer = daemon.request("POST", f"/containers/{ref}/wait?condition={condition}")
    if status == 404 and condition == "removed":
        return 0
    assert status == 200, answer
    return answer["StatusCode"]


def _wait_until_running(daemon: LiveDaemon, name: str) -> str:
    for _ in range(10_000):
        status, found = daemon.request("GET", f"/containers/{name}/json")
        if status == 200 and found["State"]["Running"]:
            return found["Id"]
    raise AssertionError(f"{name} never ran")


def test_an_owner_killed_by_sigkill_takes_its_container_along(live_daemon):
    owner = _program(OWNER, live_daemon.url)
    container = owner.stdout.readline().decode().strip()
    owner.kill()
    owner.communicate()
    _wait(live_daemon, container, "removed")
    assert live_daemon.request("GET", f"/containers/{container}/json")[0] == 404


def test_a_child_that_inherited_the_session_does_not_keep_a_dead_owners_container_alive(live_daemon):
    text = OWNER.replace("    print(", "    import os, time\n    if os.fork() == 0: time.sleep(60); os._exit(0)\n    print(")
    owner = _program(text, live_daemon.url)
    container = owner.stdout.readline().decode().strip()
    os.kill(owner.pid, signal.SIGKILL)
    owner.wait()
    _wait(live_daemon, container, "removed")
    os.killpg(owner.pid, signal.SIGKILL)  # the child of this test
    owner.communicate()


def test_ctrl_c_in_run_removes_the_container_and_is_passed_on(live_daemon):
    runner = _program(RUNNER, live_daemon.url, "interrupted")
    _wait_until_running(live_daemon, "interrupted")
    runner.send_signal(signal.SIGINT)
    assert b"KeyboardInterrupt" in runner.communicate(timeout=60)[1]
    assert live_daemon.request("GET", "/containers/interrupted/json")[0] == 404


def test_a_time_out_kills_removes_and_keeps_what_was_printed(client):
    with pytest.raises(TimedOut) as caught:
        client.run("busybox", "sh", "-c", "echo before; sleep 1000", timeout=1)
    assert caught.value.completed.stdout == "before\n"
    assert client.containers.list(all=True) == []


def test_a_client_that_hangs_up_while_attached_disturbs_nobody(live_daemon, client):
    container = client.start("busybox", "sh", "-c", "while :; do echo tick; done")
    for _ in range(20):
        with socket.socket(socket.AF_UNIX) as raw:
            raw.connect(live_daemon.socket)
            raw.sendall(
                f"POST /containers/{container.id}/attach?stream=1&stdout=1 HTTP/1.1\r\nHost: d\r\n"
                "Connection: Upgrade\r\nUpgrade: tcp\r\n\r\n".encode()
            )
            raw.recv(1024)
    assert container.status == "running"
    assert client.run("busybox", "echo", "still here").stdout == "still here\n"


def test_who_reads_late_gets_all_of_what_a_container_wrote_that_removes_itself(client, live_daemon):
    wish = client.container("busybox", "sh", "-c", "yes dockerkit | head -n 300000", network="none", auto_remove=True)
    container = wish.create()
    with container.attach(stdin=False) as streams:
        container.start()
        assert container.wait() == 0
        assert len(streams.stdout.read()) == 300_000 * len("dockerkit\n")
    assert _wait(live_daemon, container.id, "removed") == 0


def test_a_fork_bomb_is_held_by_the_pids_limit_and_goes_when_it_is_killed(client, live_daemon):
    bomb = client.start("busybox", "sh", "-c", "f() { f | f & }; f; sleep 1000", pids_limit=40)
    cgroup = (
        pathlib.Path("/sys/fs/cgroup/pids")
        / pathlib.Path(f"/proc/{bomb.pid}/cgroup").read_text().split(":pids:/")[1].split("\n")[0]
    )
    assert int((cgroup / "pids.max").read_text()) == 40
    assert client.run("busybox", "echo", "alive").stdout == "alive\n"
    bomb.remove(force=True)
    assert not cgroup.exists()


def test_a_gigabyte_of_output_arrives_whole_and_the_daemon_stays_small(client, live_daemon):
    size = 1 << 30
    done = client.run("busybox", "dd", "if=/dev/zero", "bs=1M", "count=1024")
    assert len(done.stdout_bytes) == size
    assert _resident(client.info()["DaemonPid"]) < 200 << 20


def _resident(pid: int) -> int:
    return int(pathlib.Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def test_a_container_out_of_memory_is_told_from_one_that_was_killed(client):
    done = client.run("busybox", "sh", "-c", "tail /dev/zero", memory="16m")
    assert (done.exit_code, done.oom_killed) == (137, True)
    killed = client.start("busybox", "sleep", "1000", memory="16m")
    killed.kill()
    assert killed.wait() == 137
    assert killed.inspect()["State"]["OOMKilled"] is False


def test_the_second_daemon_on_a_data_root_says_who_holds_it(live_daemon):
    second = subprocess.run(
        [sys.executable, "-m", "dockerkit.daemon", "--root", live_daemon.root],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": PACKAGE_HOME},
        cwd="/",
        capture_output=True,
        check=False,
        timeout=30,
    )
    assert second.returncode == 1
    assert f"pid {live_daemon.process.pid}".encode() in second.stderr
    assert b"DOCKERKIT_ROOT" in second.stderr


def test_a_missing_image_names_itself_and_leaves_nothing(client):
    with pytest.raises((NotFound, Unavailable), match="nosuch:latest"):
        client.containers.create("nosuch")
    assert client.containers.list(all=True) == []


@pytest.mark.parametrize(("command", "code"), [("nosuch", 127), ("/nosuch", 127), ("/etc/passwd", 126), ("/tmp", 126)])
def test_a_program_that_cannot_be_started_is_an_error_whatever_check_says(client, command, code):
    with pytest.raises(ContainerFailed, match=command) as caught:
        client.run("busybox", command)
    assert caught.value.completed.exit_code == code
    assert client.containers.list(all=True) == []


class DaemonOnSmallDisk:
    """A daemon whose data root is a tmpfs of `size`, in a mount namespace of its own."""

    def __init__(self, root: str, size: str) -> None:
        told, tell = os.pipe()
        daemon = f"{sys.executable} -m dockerkit.daemon --root {root} --ready-fd {tell}"
        script = f"mount -t tmpfs -o size={size},mode=755 small {root} && exec {daemon}"
        self.process = subprocess.Popen(
            ["unshare", "--mount", "--propagation", "private", "sh", "-ec", script],
            env={"PATH": os.environ["PATH"], "PYTHONPATH": PACKAGE_HOME, "DOCKERKIT_BOOTSTRAP": "always"},
            cwd="/",
            pass_fds=(tell,),
            stderr=subprocess.DEVNULL,
        )
        os.close(tell)
        with open(told) as answer:
            assert json.loads(answer.readline()) == {"ready": True}
        self.inside = f"/proc/{self.process.pid}/root{root}"
        self.socket = f"{self.inside}/dockerkit.sock"
        self.url = f"unix://{self.socket}"

    def fill(self) -> None:
        """Leave no free block."""
        with contextlib.suppress(OSError), open(f"{self.inside}/filler", "wb", buffering=0) as filler:
            while filler.write(b"x" * 65536):
                pass
        with contextlib.suppress(OSError), open(f"{self.inside}/filler2", "wb", buffering=0) as filler:
            while filler.write(b"x"):
                pass

    def free(self) -> None:
        """Give the blocks back."""
        for name in ("filler", "filler2"):
            os.unlink(f"{self.inside}/{name}")

    def stop(self) -> None:
        self.process.terminate()
        assert self.process.wait(20) == 0


@pytest.fixture
def small(new_root):
    daemon = DaemonOnSmallDisk(new_root(), "32m")
    yield daemon
    daemon.stop()


def test_a_full_disk_under_the_state_is_one_error_and_leaves_nothing_half_made(small):
    with dockerkit.connect(small.url) as client:
        client.images.bootstrap("busybox")
        small.fill()
        with pytest.raises(dockerkit.errors.DockerkitError, match=r"(?i)space|full"):
            for _ in range(200):
                client.containers.create("busybox")
        small.free()
        for container in client.containers.list(all=True):
            container.remove()
        assert client.run("busybox", "echo", "again").stdout == "again\n"
        assert sorted(os.listdir(f"{small.inside}/containers")) == []


def test_a_full_disk_under_the_log_loses_log_and_says_so_but_not_the_program(small):
    with dockerkit.connect(small.url) as client:
        client.images.bootstrap("busybox")
        done = client.start("busybox", "dd", "if=/dev/zero", "bs=1M", "count=64")
        assert done.wait() == 0
        assert "bytes of output could not be logged" in done.inspect()["State"]["Error"]
        done.remove()
        assert client.run("busybox", "echo", "again").stdout == "again\n"


def test_malformed_and_ill_typed_requests_are_answered_and_the_next_one_is_served(live_daemon):
    connection = UnixConnection(live_daemon.socket)
    for body, words in ((b"{", b"invalid JSON"), (b'{"HostConfig":{"Memory":"much"}}', b"Memory"), (b"[]", b"")):
        connection.request("POST", "/containers/create", body, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        assert answer.status == 400
        assert words in answer.read()
    connection.close()
