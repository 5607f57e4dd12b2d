"""Containers that mean harm to a process that comes in, or are in no state to receive one."""

from __future__ import annotations

import errno
import socket
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from dockerkit.daemon.runtime.runtime import Attachment, StartFailed
from tests.system.runtime.executing import execute, run, sh

if TYPE_CHECKING:
    from conftest import Box, Boxes

pytestmark = pytest.mark.system


@pytest.fixture
def box(boxes: Boxes) -> Box:
    return boxes.start(boxes.make("sleep", "1000", client=False))


def test_a_working_directory_or_program_through_a_descriptor_is_not_the_hosts(box: Box) -> None:
    for number in range(3, 30):
        with pytest.raises(StartFailed) as caught:
            execute(box, "true", change={"cwd": f"/proc/self/fd/{number}"})
        assert caught.value.step == "directory"
        with pytest.raises(StartFailed) as caught:
            execute(box, f"/proc/self/fd/{number}/../../../../../../bin/ls")
        assert caught.value.step == "exec"


def test_a_container_that_runs_our_interpreter_again_cannot_write_it(box: Box) -> None:
    # CVE-2019-5736
    sh(box, "echo '#!/proc/self/exe' > /again; chmod 755 /again")
    with pytest.raises(StartFailed) as caught:
        execute(box, "/again")
    assert caught.value.step == "exec"


def test_processes_of_the_container_cannot_look_into_one_that_is_coming(boxes: Boxes) -> None:
    # CVE-2016-9962: while it comes in, everything of it that shows is empty or refused
    script = """
    cd /proc
    coming() { test "$(cat $1/comm 2>/dev/null)" = dockerkit-keep; }
    tell() { coming $1 && echo $2 >> /log; }
    while :; do
        for pid in [0-9]*; do
            coming $pid || continue
            echo seen >> /log
            for fd in 0 1 2 3 4 5 6 7 8 9; do test -n "$(readlink $pid/fd/$fd)" && tell $pid fd; done
            test -n "$(head -c 1 $pid/mem 2>/dev/null)" && tell $pid mem
            test -n "$(head -c 1 $pid/environ 2>/dev/null)" && tell $pid environ
            test -n "$(readlink $pid/exe)" && tell $pid exe
            test -n "$(readlink $pid/cwd)" && tell $pid cwd
        done
    done
    """
    box = boxes.start(boxes.make("sh", "-c", script, client=False))
    log = Path(box.launch.rootfs.upper, "log")
    for _ in range(400):
        run(box, "true")
        if log.exists() and log.read_text().count("seen") >= 5:
            break
    assert log.exists(), "nobody was ever seen: the test proves nothing"
    assert set(log.read_text().split("\n")) <= {"seen", ""}


def test_a_devpts_that_is_not_one_gives_no_terminal(boxes: Boxes) -> None:
    box = boxes.make("sleep", "1000", client=False)
    box.spec["mounts"] = [entry for entry in box.spec["mounts"] if entry["destination"] != "/dev/pts"]
    boxes.start(box)
    for made in ("true", "ln -s /proc/self/fd/1 ptmx", "mkfifo ptmx", "echo x > ptmx"):
        sh(box, f"rm -rf /dev/pts; mkdir -p /dev/pts; cd /dev/pts; {made}")
        with pytest.raises(StartFailed) as caught:
            execute(box, "true", change={"terminal": True})
        assert caught.value.step == "terminal"


@pytest.mark.parametrize("made", ["ln -s /proc/self/fd/0", "mkfifo"])
def test_users_are_read_from_a_file_and_nothing_else(box: Box, made: str) -> None:
    sh(box, f"rm /etc/passwd; {made} /etc/passwd")
    with pytest.raises(StartFailed) as caught:
        execute(box, "true")
    assert caught.value.step == "user"


def test_a_proc_that_was_covered_changes_nothing(boxes: Boxes) -> None:
    box = boxes.make("sleep", "1000", client=False)
    box.spec["mounts"].append({"destination": "/proc", "type": "tmpfs", "source": "tmpfs", "options": []})
    box.spec["linux"]["maskedPaths"] = box.spec["linux"]["readonlyPaths"] = []
    boxes.start(box)
    assert sh(box, "id -u", user="bob") == "1000\n"


def test_a_container_without_memory_or_processes_left_does_not_wedge_its_keeper(boxes: Boxes) -> None:
    box = boxes.make("sh", "-c", "echo up; while :; do (x=y; while :; do x=$x$x; done); done")
    box.spec["linux"]["resources"] = {"memory": {"limit": 12 << 20, "swap": 12 << 20}, "pids": {"limit": 3}}
    boxes.start(box).read_until("up")
    outcomes = set()
    for _ in range(30):
        try:
            outcomes.add(run(box, "true")[0])
        except StartFailed as error:
            outcomes.add(error.errno)
    assert outcomes <= {0, 137, errno.ENOMEM, errno.EINTR}
    assert box.keeper is not None
    box.keeper.kill(9)
    assert box.wait().exit_code == 137


def test_a_frozen_container_does_not_wedge_its_keeper(boxes: Boxes, box: Box) -> None:
    from dockerkit.daemon.kernel import cgroups

    groups = cgroups.detect(box.spec["linux"]["cgroupsPath"].split("/")[0])
    group = groups.open(box.spec["linux"]["cgroupsPath"])
    group.freeze()
    results: list[object] = []

    def try_it() -> None:
        results.append(run(box, "echo", "thawed"))

    waiting = threading.Thread(target=try_it)
    waiting.start()
    assert box.keeper is not None
    ours, theirs = socket.socketpair()
    with ours:
        box.keeper.attach(Attachment(theirs.detach(), stdin=True, stdout=True))
        ours.shutdown(socket.SHUT_WR)
    waiting.join(0.2)
    assert not results
    group.thaw()
    waiting.join(30)
    groups.close()
    assert results == [(0, "thawed\n")]


def test_a_container_that_waits_for_memory_for_ever_does_not_wedge_its_keeper(boxes: Boxes) -> None:
    # with the OOM killer off, whoever needs memory sleeps until somebody gives some back: the exec's child too
    box = boxes.make("sh", "-c", "echo up; x=y; while :; do x=$x$x; done")
    box.spec["linux"]["resources"] = {"memory": {"limit": 8 << 20, "swap": 8 << 20, "disableOOMKiller": True}}
    boxes.start(box).read_until("up")
    outcomes: list[object] = []

    def try_it() -> None:
        try:
            outcomes.append(run(box, "true")[0])
        except StartFailed as error:
            outcomes.append(error.errno)

    trying = [threading.Thread(target=try_it) for _ in range(3)]
    for thread in trying:
        thread.start()
    for thread in trying:
        thread.join(0.3)
    assert box.keeper is not None
    box.keeper.kill(9)
    assert box.wait().exit_code == 137
    for thread in trying:
        thread.join(30)
    assert set(outcomes) <= {0, 137, errno.ENOMEM, errno.EINTR, errno.ESRCH}
    assert len(outcomes) == 3
