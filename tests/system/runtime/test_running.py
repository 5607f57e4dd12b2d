"""A container runs its program: output, input, exit codes, users, terminals, and the failures to start it."""

from __future__ import annotations

import errno
import os
import signal
import socket
import struct
from typing import TYPE_CHECKING

import pytest

from dockerkit.daemon.logs import records
from dockerkit.daemon.runtime.exits import read_ended
from dockerkit.daemon.runtime.runtime import Attachment, StartFailed

if TYPE_CHECKING:
    from conftest import Boxes

pytestmark = pytest.mark.system


def test_the_first_and_the_tenth_container_run_alike(boxes: Boxes) -> None:
    for number in range(10):
        assert boxes.run("echo", str(number)) == (0, f"{number}\n")


@pytest.mark.parametrize("code", [0, 1, 42, 125, 255])
def test_the_exit_code_is_the_programs(boxes: Boxes, code: int) -> None:
    assert boxes.run("sh", "-c", f"exit {code}")[0] == code


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGUSR1])
def test_a_killed_program_exits_with_128_and_the_signal(boxes: Boxes, number: int) -> None:
    # as pid 1 only a signal with a handler, or SIGKILL, has any effect
    script = f"trap 'trap - {number}; exit {128 + number}' {number}; echo up; while :; do sleep 0.01; done"
    box = boxes.start(boxes.make("sh", "-c", script if number != signal.SIGKILL else "echo up; sleep 1000"))
    box.read_until("up")
    assert box.keeper is not None
    box.keeper.kill(number)
    assert box.wait().exit_code == 128 + number


def test_a_signal_that_does_not_exist_is_refused(boxes: Boxes) -> None:
    box = boxes.start(boxes.make("sleep", "1000"))
    assert box.keeper is not None
    with pytest.raises(ValueError, match="no such signal: 65"):
        box.keeper.kill(65)


def test_both_streams_come_framed_and_are_logged(boxes: Boxes) -> None:
    box = boxes.start(boxes.make("sh", "-c", "echo out; echo error >&2", framed=True))
    assert box.client is not None
    frames = {}
    while header := box.client.recv(8, socket.MSG_WAITALL):
        stream, length = struct.unpack(">BxxxL", header)
        frames[stream] = frames.get(stream, b"") + box.client.recv(length, socket.MSG_WAITALL)
    assert frames == {1: b"out\n", 2: b"error\n"}
    box.wait()
    assert box.launch.log is not None
    fd = os.open(box.launch.log, os.O_RDONLY)
    logged = {record.stream: record.data for record in records.read(fd)}
    os.close(fd)
    assert logged == frames


def test_input_arrives_and_half_close_ends_it(boxes: Boxes) -> None:
    box = boxes.start(boxes.make("sh", "-c", "cat; echo done", open_stdin=True))
    assert box.client is not None
    box.client.sendall(b"typed\n")
    box.client.shutdown(socket.SHUT_WR)
    assert box.output() == "typed\ndone\n"
    assert box.wait().exit_code == 0


def test_bytes_the_client_had_already_sent_come_first(boxes: Boxes) -> None:
    box = boxes.make("cat", open_stdin=True)
    assert box.client is not None
    box.launch.attachments[0].initial = b"first "
    box.client.sendall(b"then")
    box.client.shutdown(socket.SHUT_WR)
    boxes.start(box)
    assert box.output() == "first then"


def test_without_input_a_program_reads_nothing(boxes: Boxes) -> None:
    assert boxes.run("cat") == (0, "")


def test_somebody_who_comes_later_gets_what_was_written_before(boxes: Boxes) -> None:
    box = boxes.start(boxes.make("sh", "-c", "echo early; cat; echo late", open_stdin=True))
    box.read_until("early")
    ours, theirs = socket.socketpair()
    assert box.keeper is not None
    box.keeper.attach(Attachment(theirs.detach(), stdout=True, framed=False, replay_from=0))
    assert box.client is not None
    assert ours.recv(100) == b"early\n"
    box.client.shutdown(socket.SHUT_WR)
    with ours:
        assert ours.recv(100) == b"late\n"
        assert ours.recv(100) == b""


def test_attaching_to_what_has_ended_only_closes(boxes: Boxes) -> None:
    box = boxes.start(boxes.make("true"))
    box.wait()
    ours, theirs = socket.socketpair()
    assert box.keeper is not None
    box.keeper.attach(Attachment(theirs.detach(), stdout=True))
    with ours:
        assert ours.recv(1) == b""
    box.keeper.kill(9)
    box.keeper.resize(1, 1)


@pytest.mark.parametrize(
    ("command", "code", "subject"),
    [
        ("nosuch", errno.ENOENT, "nosuch"),
        ("/bin/nosuch", errno.ENOENT, "/bin/nosuch"),
        ("/etc/passwd", errno.EACCES, "/etc/passwd"),
        ("/etc", errno.EACCES, "/etc"),
        ("passwd", errno.ENOENT, "passwd"),
        ("/broken", errno.ENOEXEC, "/broken"),
        ("/script", errno.ENOENT, "/script"),
    ],
)
def test_a_program_that_cannot_be_executed_says_why(boxes: Boxes, command: str, code: int, subject: str) -> None:
    (boxes.image / "broken").write_text("")
    (boxes.image / "broken").chmod(0o755)
    (boxes.image / "script").write_text("#!/no/such/interpreter\n")
    (boxes.image / "script").chmod(0o755)
    box = boxes.make(command)
    with pytest.raises(StartFailed) as caught:
        boxes.start(box)
    assert (caught.value.step, caught.value.errno, caught.value.subject) == ("exec", code, subject)
    assert box.output() == ""
    assert sorted(os.listdir(box.launch.directory)) == ["log", "upper", "work"]


def test_a_start_that_failed_can_be_repeated(boxes: Boxes) -> None:
    box = boxes.make("nosuch", client=False)
    with pytest.raises(StartFailed):
        boxes.start(box)
    box.spec["process"]["args"] = ["true"]
    assert boxes.start(box).wait().exit_code == 0
    ended = read_ended(box.launch.directory)
    assert ended is not None
    assert ended.exit_code == 0


@pytest.mark.parametrize(
    ("change", "step", "words"),
    [
        (lambda spec: spec["mounts"].append({"destination": "/x", "type": "nosuchfs"}), "mounts", "nosuchfs"),
        (
            lambda spec: spec["mounts"].append(
                {"destination": "/x", "type": "bind", "source": "/no/such", "options": ["rbind"]}
            ),
            "mounts",
            "/no/such",
        ),
        (lambda spec: spec["linux"].update(sysctl={"net.nosuch": "1"}), "sysctls", "net/nosuch"),
        (lambda spec: spec["process"].update(rlimits=[{"type": "RLIMIT_X", "soft": 1, "hard": 1}]), "limits", "RLIMIT_X"),
        (lambda spec: spec["linux"]["namespaces"].append({"type": "user"}), "clone", "user"),
        (lambda spec: spec.update(hostname="x" * 65), "names", "x" * 65),
        (lambda spec: spec["process"]["capabilities"].update(bounding=["CAP_X"]), "identity", "CAP_X"),
        (lambda spec: spec["linux"]["resources"].update(cpu={"cpus": "999"}), "cgroup", "cpuset.cpus"),
        (lambda spec: spec["linux"]["resources"].update(memory={"limit": 4096}), "cgroup", "memory limit is too low"),
    ],
)
def test_a_step_that_fails_is_named(boxes: Boxes, change: object, step: str, words: str) -> None:
    box = boxes.make("true", client=False)
    change(box.spec)  # type: ignore[operator]
    with pytest.raises(StartFailed) as caught:
        boxes.start(box)
    # on cgroup version 2 a process is born in its group, and may not come further
    assert caught.value.step in ((step, "session") if "too low" in words else (step,))
    assert words in caught.value.message + caught.value.subject


def test_a_layer_that_is_not_there_is_named(boxes: Boxes) -> None:
    box = boxes.make("true", client=False)
    os.rmdir(f"{box.launch.directory}/work")
    with pytest.raises(StartFailed) as caught:
        boxes.start(box)
    assert (caught.value.step, caught.value.subject) == ("root", f"{box.launch.directory}/work")


@pytest.mark.parametrize(
    ("user", "groups", "expected"),
    [
        ("", (), "uid=0(root) gid=0(root) groups=0(root)"),
        ("bob", (), "uid=1000(bob) gid=1000(bob) groups=1000(bob),2000(extra)"),
        ("bob:extra", (), "uid=1000(bob) gid=2000(extra) groups=2000(extra)"),
        ("1000", ("7",), "uid=1000(bob) gid=1000(bob) groups=7,1000(bob),2000(extra)"),
        ("1234:5678", (), "uid=1234 gid=5678 groups=5678"),
    ],
)
def test_the_user_is_the_images(boxes: Boxes, user: str, groups: tuple[str, ...], expected: str) -> None:
    assert boxes.sh("id", user=user, groups=groups).strip() == expected


def test_a_user_the_image_does_not_have_is_said_in_dockers_words(boxes: Boxes) -> None:
    with pytest.raises(StartFailed) as caught:
        boxes.start(boxes.make("true", client=False, user="alice"))
    assert caught.value.message == "unable to find user alice: no matching entries in passwd file"


def test_home_is_the_users_unless_it_is_given(boxes: Boxes) -> None:
    assert boxes.sh("echo $HOME", user="bob") == "/home/bob\n"
    assert boxes.sh("echo $HOME", user="4321") == "/\n"
    box = boxes.make("sh", "-c", "echo $HOME")
    box.spec["process"]["env"].append("HOME=/given")
    assert boxes.start(box).output() == "/given\n"


def test_a_user_can_write_to_his_own_streams_by_name(boxes: Boxes) -> None:
    assert boxes.sh("echo hi > /dev/stdout; echo ho > /dev/stderr", user="bob") == "hi\nho\n"


def test_the_working_directory_is_made_when_it_is_missing(boxes: Boxes) -> None:
    box = boxes.make("sh", "-c", "pwd; stat -c %a:%u .")
    box.spec["process"]["cwd"] = "/made/for/you"
    assert boxes.start(box).output() == "/made/for/you\n755:0\n"


def test_a_terminal_is_one(boxes: Boxes) -> None:
    box = boxes.make("sh", "-c", "tty; stty size; test -c /dev/console && echo console; read x; stty size", open_stdin=True)
    box.spec["process"]["terminal"] = True
    box.spec["process"]["consoleSize"] = {"height": 24, "width": 80}
    boxes.start(box)
    assert box.read_until("console\r\n") == "/dev/pts/0\r\n24 80\r\nconsole\r\n"
    assert box.keeper is not None
    assert box.client is not None
    box.keeper.resize(50, 132)
    box.client.sendall(b"\n")
    assert box.output() == "\r\n50 132\r\n"
    assert box.wait().exit_code == 0


def test_ctrl_c_on_the_terminal_interrupts(boxes: Boxes) -> None:
    box = boxes.make("sh", "-c", "trap 'echo caught; exit 3' INT; echo up; while :; do sleep 0.01; done", open_stdin=True)
    box.spec["process"]["terminal"] = True
    boxes.start(box)
    box.read_until("up")
    assert box.client is not None
    box.client.sendall(b"\x03")
    assert "caught" in box.output()
    assert box.wait().exit_code == 3


def test_a_terminal_as_another_user_belongs_to_him(boxes: Boxes) -> None:
    box = boxes.make("sh", "-c", "stat -c %U $(tty); echo hi > /dev/tty", user="bob")
    box.spec["process"]["terminal"] = True
    assert boxes.start(box).output() == "bob\r\nhi\r\n"


def test_output_on_a_terminal_just_before_the_end_is_not_lost(boxes: Boxes) -> None:
    for _ in range(5):
        box = boxes.make("sh", "-c", "head -c 30000 /dev/zero | tr '\\0' x; echo end")
        box.spec["process"]["terminal"] = True
        (boxes.image / "bin/tr").unlink(missing_ok=True)
        (boxes.image / "bin/tr").symlink_to("busybox")
        assert boxes.start(box).output() == "x" * 30000 + "end\r\n"


def test_out_of_memory_is_seen(boxes: Boxes) -> None:
    box = boxes.make("sh", "-c", "x=y; while :; do x=$x$x; done", client=False)
    box.spec["linux"]["resources"] = {"memory": {"limit": 16 << 20, "swap": 16 << 20}}
    ended = boxes.start(box).wait()
    assert ended.oom_killed
    assert ended.exit_code == 137


def test_the_steps_of_a_birth_are_told_with_their_times(boxes: Boxes) -> None:
    from dockerkit.daemon.runtime.child.steps import NAMES

    box = boxes.start(boxes.make("true", client=False))
    assert box.keeper is not None
    assert len(box.keeper.steps) == len(NAMES)
    assert list(box.keeper.steps) == sorted(box.keeper.steps)
