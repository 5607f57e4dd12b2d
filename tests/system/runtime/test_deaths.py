"""Who dies, and who does not notice: shim, daemon, keeper, client. And what must be gone after each."""

from __future__ import annotations

import os
import select
import signal
import socket
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from dockerkit.daemon.kernel import cgroups
from dockerkit.daemon.runtime.runtime import Attachment, Exit, Keeper, Runtime

if TYPE_CHECKING:
    from conftest import Box, Boxes

pytestmark = pytest.mark.system


def parent_of(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def keeper_pid(box: Box) -> int:
    assert box.keeper is not None
    return parent_of(box.keeper.pid)


def wait_for_end(pidfd: int) -> None:
    assert select.select([pidfd], [], [], 30)[0], "still alive"
    os.close(pidfd)


def kill_shim(boxes: Boxes) -> None:
    shim = boxes.runtime._process
    assert shim is not None
    shim.kill()
    shim.wait()


def test_containers_outlive_the_shim_and_new_ones_start(boxes: Boxes) -> None:
    box = boxes.start(boxes.make("sh", "-c", "echo up; cat; exit 7", open_stdin=True))
    box.read_until("up")
    kill_shim(boxes)
    assert boxes.run("echo", "again") == (0, "again\n")
    assert box.client is not None
    box.client.sendall(b"still here")
    box.client.shutdown(socket.SHUT_WR)
    assert box.output() == "still here"
    assert box.wait().exit_code == 7


def test_starts_go_on_while_shims_are_killed(boxes: Boxes) -> None:
    boxes.sh("true")

    def run(number: int) -> tuple[int, str]:
        return boxes.run("echo", str(number))

    with ThreadPoolExecutor(4) as pool:
        results = [pool.submit(run, number) for number in range(24)]
        for result in results[::6]:
            result.result(60)
            kill_shim(boxes)
        assert [result.result(60) for result in results] == [(0, f"{number}\n") for number in range(24)]


def test_waiting_keepers_go_with_a_killed_shim(boxes: Boxes) -> None:
    boxes.sh("true")
    shim = boxes.runtime._process
    assert shim is not None
    children = Path(f"/proc/{shim.pid}/task/{shim.pid}/children").read_text().split()
    pidfds = [os.pidfd_open(int(pid)) for pid in children]
    assert pidfds
    kill_shim(boxes)
    for pidfd in pidfds:
        wait_for_end(pidfd)


def test_many_starts_at_once_from_many_threads(boxes: Boxes) -> None:
    with ThreadPoolExecutor(16) as pool:
        outputs = list(pool.map(lambda number: boxes.run("echo", str(number)), range(48)))
    assert outputs == [(0, f"{number}\n") for number in range(48)]


def test_a_daemon_that_comes_back_adopts_and_hears_the_end(boxes: Boxes) -> None:
    box = boxes.start(boxes.make("sh", "-c", "echo up; cat; exit 9", open_stdin=True))
    box.read_until("up")
    boxes.runtime.close()
    boxes.runtime = Runtime(str(boxes.place / "run"), on_exit=boxes._on_exit)
    boxes.runtime.start()
    keeper = boxes.runtime.adopt(box.launch.id, box.launch.directory)
    assert isinstance(keeper, Keeper)
    assert box.keeper is not None
    assert (keeper.pid, keeper.started_at) == (box.keeper.pid, box.keeper.started_at)
    box.keeper = keeper
    ours, theirs = socket.socketpair()
    with ours:
        keeper.attach(Attachment(theirs.detach(), stdout=True, framed=False, replay_from=0))
        assert ours.recv(100) == b"up\n"
    assert box.client is not None
    box.client.shutdown(socket.SHUT_WR)
    assert box.wait().exit_code == 9


def test_an_end_while_no_daemon_was_there_is_found_written_down(boxes: Boxes) -> None:
    box = boxes.start(boxes.make("sh", "-c", "cat; exit 4", open_stdin=True))
    keeper = os.pidfd_open(keeper_pid(box))
    boxes.runtime.close()
    assert box.client is not None
    box.client.shutdown(socket.SHUT_WR)
    wait_for_end(keeper)
    boxes.runtime = Runtime(str(boxes.place / "run"), on_exit=boxes._on_exit)
    ended = boxes.runtime.adopt(box.launch.id, box.launch.directory)
    assert isinstance(ended, Exit)
    assert (ended.exit_code, ended.error) == (4, "")
    assert box.keeper is not None
    box.keeper.gone.set_result(None)
    boxes.runtime.start()


def test_of_a_container_that_never_ran_nothing_is_known(boxes: Boxes) -> None:
    box = boxes.make("true", client=False)
    assert boxes.runtime.adopt(box.launch.id, box.launch.directory) is None


@pytest.mark.parametrize("script", ["sleep 1000", "sleep 1000 & sleep 1000 & trap '' TERM; wait"])
def test_a_killed_keeper_takes_its_container_along_and_it_is_told(boxes: Boxes, script: str) -> None:
    box = boxes.start(boxes.make("sh", "-c", f"echo up; {script}"))
    box.read_until("up")
    assert box.keeper is not None
    init = os.pidfd_open(box.keeper.pid)
    os.kill(keeper_pid(box), signal.SIGKILL)
    ended = box.wait()
    assert (ended.exit_code, ended.error) == (137, "keeper died")
    wait_for_end(init)
    groups = cgroups.detect(box.spec["linux"]["cgroupsPath"].split("/")[0])
    assert groups.list() == []
    groups.close()


def test_a_keeper_killed_while_no_daemon_was_there_is_buried_by_the_next(boxes: Boxes) -> None:
    # the program is set-uid root for another user: exec forgets the parent-death signal, so it survives its keeper
    (boxes.image / "bin/suid").write_bytes((boxes.image / "bin/busybox").read_bytes())
    (boxes.image / "bin/sleep").unlink()
    (boxes.image / "bin/sleep").symlink_to("suid")
    (boxes.image / "bin/suid").chmod(0o4755)
    box = boxes.start(boxes.make("sleep", "1000", user="bob"))
    assert box.keeper is not None
    init, keeper = os.pidfd_open(box.keeper.pid), os.pidfd_open(keeper_pid(box))
    boxes.runtime.close()
    signal.pidfd_send_signal(keeper, signal.SIGKILL)
    wait_for_end(keeper)
    assert not select.select([init], [], [], 0)[0]
    boxes.runtime = Runtime(str(boxes.place / "run"), on_exit=boxes._on_exit)
    ended = boxes.runtime.adopt(box.launch.id, box.launch.directory)
    assert isinstance(ended, Exit)
    assert (ended.exit_code, ended.error) == (137, "keeper died")
    wait_for_end(init)
    assert boxes.runtime.adopt(box.launch.id, box.launch.directory) == ended
    box.keeper.gone.set_result(None)
    boxes.runtime.start()


def test_a_container_killed_at_once_is_gone_at_once(boxes: Boxes) -> None:
    for _ in range(10):
        box = boxes.start(boxes.make("sh", "-c", "sleep 1000 & sleep 1000"))
        assert box.keeper is not None
        box.keeper.kill(signal.SIGKILL)
        assert box.wait().exit_code == 137


def test_after_the_end_the_directory_holds_log_and_exit_only(boxes: Boxes) -> None:
    box = boxes.start(boxes.make("true", client=False))
    box.wait()
    assert sorted(os.listdir(box.launch.directory)) == ["exit.json", "log", "upper", "work"]


def test_a_container_whose_directory_vanishes_still_ends(boxes: Boxes) -> None:
    box = boxes.start(boxes.make("cat", open_stdin=True))
    for name in ("keeper.json", "keeper.sock", "log"):
        os.unlink(f"{box.launch.directory}/{name}")
    assert box.client is not None
    box.client.shutdown(socket.SHUT_WR)
    assert box.wait().exit_code == 0


def test_strangers_at_the_keepers_socket_do_no_harm(boxes: Boxes) -> None:
    box = boxes.start(boxes.make("cat", open_stdin=True))
    directory = os.open(box.launch.directory, os.O_PATH)
    for garbage in (b"", b"\xff\xfe", b"[]", b'{"verb":"nosuch"}', b'{"verb":"kill"}', b'{"verb":"attach"}', b"{" * 60_000):
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as stranger:
            stranger.connect(f"/proc/self/fd/{directory}/keeper.sock")
            socket.send_fds(stranger, [garbage or b"{}"], [0])
    os.close(directory)
    assert box.client is not None
    box.client.sendall(b"alive")
    box.client.shutdown(socket.SHUT_WR)
    assert box.output() == "alive"


def test_a_runtime_that_was_closed_leaves_no_process(boxes: Boxes) -> None:
    boxes.sh("true")
    shim = boxes.runtime._process
    assert shim is not None
    waiting = Path(f"/proc/{shim.pid}/task/{shim.pid}/children").read_text().split()
    boxes.runtime.close()
    assert not [pid for pid in waiting if os.path.exists(f"/proc/{pid}")]
    boxes.runtime = Runtime(str(boxes.place / "run"), on_exit=boxes._on_exit)
    boxes.runtime.start()


def test_a_listener_that_cannot_be_served_costs_nobody_else_anything(boxes: Boxes, tmp_path: Path) -> None:
    box = boxes.start(boxes.make("sh", "-c", "cat; exit 8", open_stdin=True))
    assert box.keeper is not None
    (tmp_path / "regular").write_text("")
    box.keeper.attach(Attachment(os.open(tmp_path / "regular", os.O_RDWR), stdout=True))
    box.keeper.resize(1 << 20, -1)
    assert box.client is not None
    box.client.sendall(b"alive")
    box.client.shutdown(socket.SHUT_WR)
    assert box.output() == "alive"
    assert box.wait().exit_code == 8


def test_a_mistake_in_on_exit_does_not_silence_other_ends(boxes: Boxes, caplog: pytest.LogCaptureFixture) -> None:
    def mistaken(id: str, ended: Exit) -> None:
        raise RuntimeError(id)

    right, boxes.runtime._on_exit = boxes.runtime._on_exit, mistaken
    box = boxes.start(boxes.make("true", client=False))
    assert box.keeper is not None
    box.keeper.gone.result(30)
    boxes.runtime._on_exit = right
    assert "could not be taken care of" in caplog.text
    assert boxes.sh("echo heard") == "heard\n"


def test_with_the_cgroup_parent_known_the_first_start_has_a_seat_already(boxes: Boxes) -> None:
    boxes.runtime.close()
    parent = boxes.make("true", client=False).spec["linux"]["cgroupsPath"].split("/")[0]
    boxes.runtime = Runtime(str(boxes.place / "run"), on_exit=boxes._on_exit, cgroup_parent=parent)
    boxes.runtime.start()
    assert boxes.sh("echo first") == "first\n"
