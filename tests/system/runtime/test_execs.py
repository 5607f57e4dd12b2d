"""A further process in a running container: what it is, what it sees, how it ends, and what it cannot be made to give away."""

from __future__ import annotations

import errno
import os
import signal
import socket
import struct
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from dockerkit.daemon.runtime.runtime import StartFailed
from tests.system.runtime.executing import execute, granted, run, sh

if TYPE_CHECKING:
    from conftest import Box, Boxes

pytestmark = pytest.mark.system


@pytest.fixture
def box(boxes: Boxes) -> Box:
    return boxes.start(boxes.make("sleep", "1000", client=False))


def test_it_runs_and_its_exit_code_is_told_once(box: Box) -> None:
    assert run(box, "sh", "-c", "echo hi; exit 7") == (7, "hi\n")


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGUSR1])
def test_a_killed_process_exits_with_128_and_the_signal(box: Box, number: int) -> None:
    ran = execute(box, "sleep", "1000")
    assert ran.process is not None
    ran.process.kill(number)
    assert ran.code() == 128 + number
    ran.client.close()


def test_its_pid_is_the_hosts_view_and_it_is_in_all_the_containers_namespaces(box: Box) -> None:
    ran = execute(box, "sleep", "1000")
    assert ran.process is not None
    assert box.keeper is not None
    for kind in ("mnt", "pid", "uts", "ipc", "net", "cgroup"):
        theirs, inits = (os.readlink(f"/proc/{pid}/ns/{kind}") for pid in (ran.process.pid, box.keeper.pid))
        assert theirs == inits != os.readlink(f"/proc/self/ns/{kind}"), kind
    ran.process.kill(9)
    ran.client.close()


def test_it_is_in_all_the_containers_cgroups(box: Box) -> None:
    ran = execute(box, "sleep", "1000")
    assert ran.process is not None
    assert box.keeper is not None
    assert Path(f"/proc/{ran.process.pid}/cgroup").read_text() == Path(f"/proc/{box.keeper.pid}/cgroup").read_text()
    ran.process.kill(9)
    ran.client.close()


def test_it_sees_the_containers_files_and_processes(box: Box) -> None:
    assert sh(box, "echo x > /made; hostname; cat /proc/1/comm") == "box\nsleep\n"
    assert Path(box.launch.rootfs.upper, "made").read_text() == "x\n"


def test_it_holds_no_descriptor_but_its_own(box: Box) -> None:
    # 3 is the directory that ls itself has open
    assert sh(box, "ls /proc/self/fd").split() == ["0", "1", "2", "3"]


def test_nothing_of_its_keepers_memory_or_signals_shows(box: Box) -> None:
    code, status = run(box, "cat", "/proc/self/status")
    assert code == 0
    values = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    assert int(values["SigIgn"], 16) == int(values["SigBlk"], 16) == 0
    assert values["PPid"].strip() != "1"
    assert values["NoNewPrivs"].strip() == "0"
    assert int(values["CapEff"], 16) == int(values["CapBnd"], 16) == 0xA80425FB
    assert sh(box, "env | sort; pwd; umask") == "HOME=/root\nPATH=/usr/bin:/bin\nPWD=/\nSHLVL=1\n/\n0022\n"


@pytest.mark.parametrize(
    ("user", "groups", "expected"),
    [
        ("", (), "uid=0(root) gid=0(root) groups=0(root)"),
        ("bob", (), "uid=1000(bob) gid=1000(bob) groups=1000(bob),2000(extra)"),
        ("bob:extra", ("7",), "uid=1000(bob) gid=2000(extra) groups=7,2000(extra)"),
        ("1234:5678", (), "uid=1234 gid=5678 groups=5678"),
    ],
)
def test_the_user_is_the_containers(box: Box, user: str, groups: tuple[str, ...], expected: str) -> None:
    assert sh(box, "id", user=user, groups=groups).strip() == expected


def test_a_user_made_after_the_start_is_known(box: Box) -> None:
    sh(box, "echo 'new:x:77:77::/home/new:/bin/sh' >> /etc/passwd")
    assert sh(box, "id -u; echo $HOME", user="new") == "77\n/home/new\n"


def test_a_user_the_container_does_not_have_is_said_in_dockers_words(box: Box) -> None:
    with pytest.raises(StartFailed) as caught:
        execute(box, "true", user="alice")
    assert (caught.value.step, caught.value.message) == (
        "user",
        "unable to find user alice: no matching entries in passwd file",
    )


def test_capabilities_limits_and_no_new_privileges_are_its_own(box: Box) -> None:
    change = {
        "capabilities": granted("CAP_CHOWN"),
        "noNewPrivileges": True,
        "oomScoreAdj": 500,
        "rlimits": [{"type": "RLIMIT_NOFILE", "soft": 50, "hard": 60}],
    }
    script = "grep -E 'CapEff|NoNewPrivs' /proc/self/status; cat /proc/self/oom_score_adj; ulimit -n"
    assert sh(box, script, change=change).split() == ["CapEff:", "0000000000000001", "NoNewPrivs:", "1", "500", "50"]


def test_seccomp_filters_it(box: Box) -> None:
    from dockerkit.daemon.kernel.seccomp.compiler import compile_profile

    rule = {"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO", "errnoRet": errno.EPERM}
    profile = {"defaultAction": "SCMP_ACT_ALLOW", "architectures": ["SCMP_ARCH_X86_64"], "syscalls": [rule]}
    program = compile_profile(profile, os.uname().machine)
    code, output = run(box, "sh", "-c", "grep Seccomp: /proc/self/status; mkdir /x", seccomp=program)
    assert code != 0
    assert "Seccomp:\t2" in output
    assert "not permitted" in output


def test_the_working_directory_is_the_containers_and_must_be_there(box: Box) -> None:
    assert sh(box, "pwd", change={"cwd": "/etc"}) == "/etc\n"
    with pytest.raises(StartFailed) as caught:
        execute(box, "true", change={"cwd": "/no/such"})
    assert caught.value.step == "directory"
    assert caught.value.message == 'chdir to cwd ("/no/such") set in config.json failed: no such file or directory'
    assert caught.value.errno == errno.ENOENT


@pytest.mark.parametrize(
    ("command", "code", "subject"),
    [
        ("nosuch", errno.ENOENT, "nosuch"),
        ("/bin/nosuch", errno.ENOENT, "/bin/nosuch"),
        ("/etc/passwd", errno.EACCES, "/etc/passwd"),
        ("/etc", errno.EACCES, "/etc"),
    ],
)
def test_a_program_that_cannot_be_executed_says_why(box: Box, command: str, code: int, subject: str) -> None:
    with pytest.raises(StartFailed) as caught:
        execute(box, command)
    assert (caught.value.step, caught.value.errno, caught.value.subject) == ("exec", code, subject)
    assert run(box, "echo", "the container is none the worse") == (0, "the container is none the worse\n")


def test_both_streams_come_framed_and_input_ends_with_half_close(box: Box) -> None:
    ran = execute(box, "sh", "-c", "cat; echo error >&2", framed=True, open_stdin=True)
    ran.client.sendall(b"typed")
    ran.client.shutdown(socket.SHUT_WR)
    frames = {}
    while header := ran.client.recv(8, socket.MSG_WAITALL):
        stream, length = struct.unpack(">BxxxL", header)
        frames[stream] = frames.get(stream, b"") + ran.client.recv(length, socket.MSG_WAITALL)
    assert frames == {1: b"typed", 2: b"error\n"}
    assert ran.code() == 0
    ran.client.close()


def test_without_input_it_reads_nothing(box: Box) -> None:
    assert run(box, "cat") == (0, "")


def test_input_and_output_of_many_megabytes_arrive_whole(box: Box) -> None:
    ran = execute(box, "cat", open_stdin=True)
    size = 32 << 20

    def type_it() -> None:
        for _ in range(size >> 20):
            ran.client.sendall(bytes(1 << 20))
        ran.client.shutdown(socket.SHUT_WR)

    typist = threading.Thread(target=type_it)
    typist.start()
    got = len(ran.output())
    typist.join()
    assert (got, ran.code()) == (size, 0)
    ran.client.close()


def test_a_terminal_is_the_containers_own(box: Box) -> None:
    change = {"terminal": True, "consoleSize": {"height": 24, "width": 80}}
    ran = execute(box, "sh", "-c", "tty; stty size; echo ready; read x; stty size", change=change, open_stdin=True)
    assert ran.read_until("ready\r\n") == "/dev/pts/0\r\n24 80\r\nready\r\n"
    assert ran.process is not None
    ran.process.resize(50, 132)
    ran.client.sendall(b"\n")
    assert ran.output() == "\r\n50 132\r\n"
    assert ran.code() == 0
    ran.client.close()


def test_ctrl_c_on_its_terminal_reaches_it_and_nobody_else(box: Box) -> None:
    ran = execute(box, "sh", "-c", "echo up; sleep 1000", change={"terminal": True}, open_stdin=True)
    ran.read_until("up")
    ran.client.sendall(b"\x03")
    assert ran.code() == 130
    ran.client.close()
    assert run(box, "true")[0] == 0


def test_a_terminal_as_another_user_belongs_to_him(box: Box) -> None:
    assert sh(box, "stat -c %U $(tty); echo hi > /dev/tty", user="bob", change={"terminal": True}) == "bob\r\nhi\r\n"


def test_output_on_a_terminal_just_before_the_end_is_not_lost(box: Box) -> None:
    for _ in range(5):
        script = "head -c 30000 /dev/zero | wc -c; yes | head -n 4000; echo end"
        assert sh(box, script, change={"terminal": True}) == "30000\r\n" + "y\r\n" * 4000 + "end\r\n"


def test_what_it_leaves_behind_is_served_for_a_while_and_then_read_for_nobody(box: Box) -> None:
    sh(box, "mkfifo /wait")
    ran = execute(box, "sh", "-c", "(echo late; cat /wait; yes | head -c 1000000; echo alive > /alive) & echo early")
    assert ran.code() == 0
    assert sorted(ran.output().split()) == ["early", "late"]
    ran.client.close()
    assert sh(box, "echo > /wait; while ! test -e /alive; do sleep 0.01; done; cat /alive") == "alive\n"


def test_the_containers_end_is_the_end_of_all(boxes: Boxes, box: Box) -> None:
    rans = [execute(box, "sh", "-c", "trap '' TERM; echo up; sleep 1000 & sleep 1000") for _ in range(3)]
    for ran in rans:
        ran.read_until("up")
    assert box.keeper is not None
    box.keeper.kill(9)
    assert [ran.code() for ran in rans] == [137, 137, 137]
    assert [ran.output() for ran in rans] == ["", "", ""]
    assert box.wait().exit_code == 137
    for ran in rans:
        ran.client.close()


def test_without_a_pid_namespace_the_containers_end_is_the_end_of_all_too(boxes: Boxes) -> None:
    box = boxes.make("sleep", "1000", client=False)
    box.spec["linux"]["namespaces"] = [entry for entry in box.spec["linux"]["namespaces"] if entry["type"] != "pid"]
    boxes.start(box)
    assert run(box, "sh", "-c", "(sleep 0.01 &); exit 5")[0] == 5
    ran = execute(box, "sh", "-c", "sleep 1000 & echo up; sleep 1000")
    ran.read_until("up")
    assert box.keeper is not None
    box.keeper.kill(9)
    assert ran.code() == 137
    assert box.wait().exit_code == 137
    ran.client.close()


def test_a_killed_keeper_is_the_end_of_all(boxes: Boxes, box: Box) -> None:
    ran = execute(box, "sleep", "1000")
    assert ran.process is not None
    pidfd = os.pidfd_open(ran.process.pid)
    assert box.keeper is not None
    stat = Path(f"/proc/{box.keeper.pid}/stat").read_text()
    os.kill(int(stat.rpartition(")")[2].split()[1]), signal.SIGKILL)
    assert ran.code() == 137
    assert box.wait().error == "keeper died"
    import select

    assert select.select([pidfd], [], [], 30)[0]
    os.close(pidfd)
    ran.client.close()


def test_in_a_container_that_has_ended_there_is_nothing_to_enter(box: Box) -> None:
    assert box.keeper is not None
    box.keeper.kill(9)
    box.wait()
    with pytest.raises(StartFailed) as caught:
        execute(box, "true")
    assert caught.value.step == "clone"


def test_many_at_once_and_many_after_another(box: Box) -> None:
    rans = [execute(box, "echo", str(number)) for number in range(40)]
    assert [ran.output() for ran in rans] == [f"{number}\n" for number in range(40)]
    assert [ran.code() for ran in rans] == [0] * 40
    for ran in rans:
        ran.client.close()


def test_a_keeper_that_has_run_hundreds_holds_nothing_of_them(box: Box) -> None:
    assert box.keeper is not None
    stat = Path(f"/proc/{box.keeper.pid}/stat").read_text()
    keeper = int(stat.rpartition(")")[2].split()[1])

    def held() -> tuple[int, int]:
        rollup = Path(f"/proc/{keeper}/smaps_rollup").read_text()
        private = next(int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Private_Dirty"))
        return len(os.listdir(f"/proc/{keeper}/fd")), private

    for _ in range(20):
        run(box, "true")
    before = held()
    for _ in range(200):
        run(box, "true")
    after = held()
    assert after[0] <= before[0] + 3  # the last may not quite be gone
    assert after[1] - before[1] < 512


def test_a_daemon_that_goes_leaves_it_running_and_its_listener_served(boxes: Boxes, box: Box) -> None:
    from dockerkit.daemon.runtime.runtime import Keeper, Runtime

    ran = execute(box, "sh", "-c", "cat; echo end", open_stdin=True)
    boxes.runtime.close()
    ran.client.sendall(b"still here ")
    ran.client.shutdown(socket.SHUT_WR)
    assert ran.output() == "still here end\n"
    assert not ran.codes
    boxes.runtime = Runtime(str(boxes.place / "run"), on_exit=boxes._on_exit)
    boxes.runtime.start()
    keeper = boxes.runtime.adopt(box.launch.id, box.launch.directory)
    assert isinstance(keeper, Keeper)
    box.keeper = keeper
    assert run(box, "echo", "again") == (0, "again\n")
    ran.client.close()
