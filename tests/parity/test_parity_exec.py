"""POST /containers/{id}/exec and what follows: further processes in a running container."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.parity.engines import Box, alike
from tests.parity.execution import EVERYTHING, Execution
from tests.parity.feed import Feed
from tests.parity.wire import frames, joined

pytestmark = pytest.mark.timeout(60)
START = "OCI runtime exec failed: exec failed: unable to start container process: "


@pytest.fixture
def id(box: Box) -> str:
    """A container that runs until the test is over."""
    return box.up("sleep", "1000")


def text(box: Box, id: str, *command: str, **config: Any) -> str:
    """Return what a process printed to standard output."""
    return joined(Execution(box, id, *command, **config).output(), 1).decode()


def test_output_comes_framed_and_the_exit_code_is_kept(box: Box, id: str) -> None:
    execution = Execution(box, id, "sh", "-c", "echo out; echo err >&2; exit 3")
    with execution.start() as stream:
        assert stream.status == 101
        assert (stream.headers["Connection"], stream.headers["Upgrade"]) == ("Upgrade", "tcp")
        kind = "multiplexed" if box.engine.ours else "raw"
        assert stream.headers["Content-Type"] == f"application/vnd.docker.{kind}-stream"
        data = stream.read()
    assert (joined(data, 1), joined(data, 2)) == (b"out\n", b"err\n")
    assert (execution.inspect()["Running"], execution.code()) == (False, 3)


def test_without_upgrade_the_output_follows_a_200(box: Box, id: str) -> None:
    answer = box.api.post(f"/exec/{Execution(box, id, 'echo', 'hi').id}/start", {})
    assert (answer.status, frames(answer.body)) == (200, [(1, b"hi\n")])


def test_inspect_before_and_after(box: Box, id: str) -> None:
    execution = Execution(box, id, "sh", "-c", "exit 5", User="daemon", AttachStderr=False)
    expected = {
        "ID": execution.id,
        "ContainerID": id,
        "Running": False,
        "ExitCode": None,
        "Pid": 0,
        "OpenStdin": False,
        "OpenStdout": True,
        "OpenStderr": False,
        "CanRemove": False,
        "DetachKeys": "",
        "ProcessConfig": {
            "tty": False,
            "entrypoint": "sh",
            "arguments": ["-c", "exit 5"],
            "privileged": False,
            "user": "daemon",
        },
    }
    found = execution.inspect()
    assert {key: found.get(key) for key in expected} == expected
    execution.output()
    after = execution.inspect()
    assert after.pop("Pid") > 0
    assert {key: after.get(key) for key in expected if key != "Pid"} == {k: v for k, v in expected.items() if k != "Pid"} | {
        "ExitCode": 5
    }


def test_inspect_while_it_runs(box: Box, id: str) -> None:
    execution = Execution(box, id, "cat", **EVERYTHING)
    with execution.start() as stream:
        stream.send(b"x\n")
        stream.read_until(b"x\n")
        found = execution.inspect()
        assert (found["Running"], found["ExitCode"], found["OpenStdin"]) == (True, None, True)
        assert found["ProcessConfig"]["arguments"] == []
        assert "user" not in found["ProcessConfig"]
        assert execution.id in box.inspect(id)["ExecIDs"]
        stream.half_close()
        stream.read()
    assert execution.code() == 0
    assert not box.inspect(id)["ExecIDs"]


def test_a_created_one_is_among_the_execs_of_its_container(box: Box, id: str) -> None:
    assert not box.inspect(id)["ExecIDs"]
    ids = [Execution(box, id, "true").id for _ in range(2)]
    assert sorted(box.inspect(id)["ExecIDs"]) == sorted(ids)


def test_half_closing_ends_standard_input_and_output_still_comes(box: Box, id: str) -> None:
    with Execution(box, id, "sh", "-c", "wc -c; echo late >&2", **EVERYTHING).start() as stream:
        stream.send(b"x" * 300_000)
        stream.half_close()
        data = stream.read()
    assert (joined(data, 1).strip(), joined(data, 2)) == (b"300000", b"late\n")


def test_input_and_output_are_a_conversation(box: Box, id: str) -> None:
    with Execution(box, id, "cat", **EVERYTHING).start() as stream:
        for word in (b"one\n", b"two\n"):
            stream.send(word)
            assert stream.frame() == (1, word)
        stream.half_close()
        assert stream.read() == b""


def test_much_output_arrives_whole(box: Box, id: str) -> None:
    data = Execution(box, id, "sh", "-c", "seq 1 50000; seq 1 50000 >&2").output()
    expected = "".join(f"{n}\n" for n in range(1, 50001)).encode()
    assert (joined(data, 1), joined(data, 2)) == (expected, expected)


def test_input_that_is_not_attached_is_empty(box: Box, id: str) -> None:
    assert text(box, id, "wc", "-c").strip() == "0"


def test_only_the_attached_streams_are_sent(box: Box, id: str) -> None:
    script = ("sh", "-c", "echo out; echo err >&2")
    assert frames(Execution(box, id, *script, AttachStdout=False).output()) == [(2, b"err\n")]
    assert Execution(box, id, *script, AttachStdout=False, AttachStderr=False).output() == b""


def test_detached_it_answers_at_once_and_goes_on(box: Box, id: str) -> None:
    execution = Execution(box, id, "sh", "-c", "cat /tmp/go; exit 4", AttachStdout=False, AttachStderr=False)
    assert Execution(box, id, "mkfifo", "/tmp/go").output() == b""
    with Feed(box.engine, container=[id], event=["exec_die"]) as feed:
        answer = execution.detached()
        assert (answer.status, answer.body) == (200, b"")
        assert (execution.inspect()["Running"], execution.code()) == (True, None)
        assert alike(execution.detached(), 409, f"Error: Exec command {execution.id} is already running") or True
        Execution(box, id, "sh", "-c", "echo >/tmp/go").detached()
        feed.until_event(lambda event: event["Actor"]["Attributes"]["execID"] == execution.id)
    assert (execution.inspect()["Running"], execution.code()) == (False, 4)


def test_a_second_start_is_refused(box: Box, id: str) -> None:
    execution = Execution(box, id, "true")
    execution.output()
    answer = execution.detached()
    assert answer.status == 409
    assert re.fullmatch(f"(?i)(error: )?exec command {execution.id} has already run", answer.message)


def test_a_signal_is_128_and_more(box: Box, id: str) -> None:
    execution = Execution(box, id, "sh", "-c", "kill -TERM $$")
    execution.output()
    assert execution.code() == 143


@pytest.mark.parametrize(
    ("user", "expected"),
    [
        ("", "uid=0(root) gid=0(root) groups=0(root),10(wheel)\n/root\n"),
        ("daemon", "uid=1(daemon) gid=1(daemon) groups=1(daemon)\n/usr/sbin\n"),
        ("1000:54321", "uid=1000 gid=54321 groups=54321\n/\n"),
        ("0:0", "uid=0(root) gid=0(root) groups=0(root)\n/root\n"),
    ],
)
def test_the_user_and_home(box: Box, id: str, user: str, expected: str) -> None:
    assert text(box, id, "sh", "-c", "id; echo $HOME", User=user) == expected


def test_the_containers_user_and_directory_are_the_default(box: Box) -> None:
    id = box.up("sleep", "1000", User="daemon", WorkingDir="/tmp")
    assert text(box, id, "sh", "-c", "id -u; pwd") == "1\n/tmp\n"
    assert text(box, id, "sh", "-c", "id -u; pwd", User="root", WorkingDir="/etc") == "0\n/etc\n"


def test_the_environment(box: Box) -> None:
    id = box.up("sleep", "1000", Env=["A=container", "B=container"])
    lines = text(box, id, "env", Env=["A=exec", "NOTHING"]).splitlines()
    assert sorted(lines) == sorted(
        [
            "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            f"HOSTNAME={id[:12]}",
            "A=exec",
            "B=container",
            "HOME=/root",
        ]
    )


def test_a_terminal_of_its_own(box: Box, id: str) -> None:
    script = "tty; test -t 0 && test -t 1 && test -t 2; echo $?; echo $TERM; read x; stty size; echo got $x"
    execution = Execution(box, id, "sh", "-c", script, Tty=True, **EVERYTHING)
    with execution.start() as stream:
        assert stream.headers["Content-Type"] == "application/vnd.docker.raw-stream"
        assert re.fullmatch(rb"/dev/pts/\d+\r\n0\r\nxterm\r\n", stream.read_until(b"xterm\r\n"))
        assert execution.resize(h=44, w=99).status == 200
        stream.send(b"abc\n")
        assert stream.read() == b"abc\r\n44 99\r\ngot abc\r\n"
    assert (execution.code(), execution.inspect()["ProcessConfig"]["tty"]) == (0, True)


def test_a_size_may_be_given_at_the_start(box: Box, id: str) -> None:
    if not box.engine.ours:
        pytest.skip("since API 1.42")
    execution = Execution(box, id, "stty", "size", Tty=True, **EVERYTHING)
    assert execution.output(ConsoleSize=[33, 77]) == b"33 77\r\n"


def test_the_start_says_how_it_is_framed_and_the_creation_whether_there_is_a_terminal(box: Box, id: str) -> None:
    assert frames(Execution(box, id, "echo", "hi", Tty=True).output(Tty=False)) == [(1, b"hi\r\n")]
    assert Execution(box, id, "echo", "hi").output(Tty=True) == b"hi\n"


def test_ctrl_c_in_a_terminal_interrupts(box: Box, id: str) -> None:
    execution = Execution(
        box, id, "sh", "-c", "trap 'exit 9' INT; echo ready; while :; do sleep 0.1; done", Tty=True, **EVERYTHING
    )
    with execution.start() as stream:
        stream.read_until(b"ready")
        stream.send(b"\x03")
        stream.read()
    assert execution.code() == 9


@pytest.mark.parametrize(("keys", "sent"), [("", b"\x10\x11"), ("ctrl-a", b"\x01"), ("x,y", b"xy")])
def test_detach_keys_close_the_connection(box: Box, id: str, keys: str, sent: bytes) -> None:
    execution = Execution(box, id, "cat", Tty=True, DetachKeys=keys, **EVERYTHING)
    with execution.start() as stream:
        stream.send(b"before\n")
        stream.read_until(b"before\r\nbefore\r\n")
        stream.send(b"rest" + sent)
        left = stream.read()
    if box.engine.ours:  # 20.10 took the sequence for an error, and said so
        assert left.rstrip(b"\r\n") in (b"", b"rest")
        assert execution.inspect()["Running"] is True


def test_bad_detach_keys_are_refused(box: Box, id: str) -> None:
    answer = box.post(id, "exec", {"Cmd": ["true"], "DetachKeys": "bogus-x"})
    assert alike(answer, 400 if box.engine.ours else 500, "invalid escape keys (bogus-x) provided")


@pytest.mark.parametrize(
    ("command", "words", "codes"),
    [
        ("nosuch", 'exec: "nosuch": executable file not found in $PATH', (126, 127)),
        ("", 'exec: "": executable file not found in $PATH', (126, 127)),
        ("/nosuch", 'exec: "/nosuch": stat /nosuch: no such file or directory', (126, 127)),
        ("/etc/passwd", 'exec: "/etc/passwd": permission denied', (126,)),
        ("/tmp", 'exec: "/tmp": (permission denied|is a directory)', (126,)),
    ],
)
def test_a_program_that_cannot_be_run(box: Box, id: str, command: str, words: str, codes: tuple[int, ...]) -> None:
    pattern = words if "(" in words else re.escape(words)
    execution = Execution(box, id, command)
    said = frames(execution.output())
    assert len(said) == 1
    assert said[0][0] == 1
    assert re.fullmatch(re.escape(START) + pattern + ": unknown\r\n", said[0][1].decode())
    assert (execution.code() in codes, execution.inspect()["Running"]) == (True, False)
    answer = Execution(box, id, command).detached()
    assert answer.status == 400
    assert re.fullmatch(re.escape(START) + pattern + ": unknown", answer.message)


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({"User": "nosuch"}, "unable to find user nosuch: no matching entries in passwd file"),
        ({"User": "root:nosuch"}, "unable to find group nosuch: no matching entries in group file"),
        ({"WorkingDir": "/nosuch"}, 'chdir to cwd ("/nosuch") set in config.json failed: no such file or directory'),
        ({"WorkingDir": "rel"}, "Cwd must be an absolute path"),
    ],
)
def test_a_start_that_fails_says_why(box: Box, id: str, config: dict[str, str], words: str) -> None:
    execution = Execution(box, id, "true", **config)
    assert words in joined(execution.output(), 1).decode()
    assert execution.code() == 126
    assert Execution(box, id, "test", "-e", "/nosuch").output() == b""


def test_an_exec_needs_words(box: Box, id: str) -> None:
    for body in ({}, {"Cmd": []}, {"Cmd": None}):
        assert alike(box.post(id, "exec", body), 400, "no exec command specified")


def test_what_is_missing_is_named(box: Box) -> None:
    assert alike(box.post("nosuch", "exec", {"Cmd": ["true"]}), 404, "No such container: nosuch")
    words = "No such exec instance: nosuch"
    assert alike(box.api.get("/exec/nosuch/json"), 404, words)
    assert alike(box.api.post("/exec/nosuch/start", {"Detach": True}), 404, words)
    assert alike(box.api.post("/exec/nosuch/resize", h=3, w=3), 404, words)
    with box.api.hijack("/exec/nosuch/start", {"Detach": False}) as stream:
        assert (stream.status, words in stream.some().decode()) == (404, True)


def test_a_container_that_does_not_run_cannot_be_entered(box: Box) -> None:
    for id in (box.create("true"), box.run("true").id):
        assert alike(box.post(id, "exec", {"Cmd": ["true"]}), 409, f"Container {id} is not running")


def test_a_paused_container_cannot_be_entered(box: Box, id: str) -> None:
    execution = Execution(box, id, "true")
    box.did(id, "pause")
    words = f"Container {id} is paused, unpause the container before exec"
    assert alike(box.post(id, "exec", {"Cmd": ["true"]}), 409, words)
    assert alike(execution.detached(), 409, words)
    with execution.start() as stream:
        assert (stream.status, words.lower() in stream.some().decode().lower()) == (409, True)
    box.did(id, "unpause")
    assert execution.output() == b""
    assert execution.code() == 0


def test_it_dies_with_its_container(box: Box, id: str) -> None:
    execution, created = Execution(box, id, "sh", "-c", "echo ready; sleep 1000"), Execution(box, id, "true")
    with execution.start() as stream:
        stream.read_until(b"ready")
        box.did(id, "kill")
        stream.read()
    box.wait(id)
    assert (execution.inspect()["Running"], execution.code()) == (False, 137)
    assert not box.inspect(id)["ExecIDs"]
    assert created.detached().status in (404, 409)
    box.remove(id)
    assert alike(box.api.get(f"/exec/{execution.id}/json"), 404, f"No such exec instance: {execution.id}")


def test_hanging_up_leaves_the_process_alone(box: Box, id: str) -> None:
    execution = Execution(box, id, "sh", "-c", "echo ready; cat /tmp/go; touch /tmp/done")
    Execution(box, id, "mkfifo", "/tmp/go").output()
    with Feed(box.engine, container=[id], event=["exec_die"]) as feed:
        with execution.start() as stream:
            stream.read_until(b"ready")
        Execution(box, id, "sh", "-c", "echo x >/tmp/go").detached()
        feed.until_event(lambda event: event["Actor"]["Attributes"]["execID"] == execution.id)
    assert text(box, id, "ls", "/tmp/done") == "/tmp/done\n"


def test_it_lives_where_the_container_lives(box: Box) -> None:
    id = box.up("sleep", "1000", host={"CapDrop": ["ALL"], "CapAdd": ["NET_ADMIN"], "SecurityOpt": ["no-new-privileges"]})
    look = "grep -E '^(Cap(Eff|Bnd)|NoNewPrivs|Seccomp):' /proc/self/status; hostname; ls /proc/self/fd | wc -l"
    inside = text(box, id, "sh", "-c", look).splitlines()
    assert text(box, id, "cat", "/proc/self/cgroup") == text(box, id, "cat", "/proc/1/cgroup")
    assert inside[:-1] == [
        "CapEff:\t0000000000001000",
        "CapBnd:\t0000000000001000",
        "NoNewPrivs:\t1",
        "Seccomp:\t2",
        id[:12],
    ]
    assert int(inside[-1]) <= 4  # three, and the directory ls reads


def test_privileged_has_more_than_its_container(box: Box, id: str) -> None:
    execution = Execution(box, id, "grep", "-E", "^(CapEff|Seccomp):", "/proc/self/status", Privileged=True)
    data = execution.output()
    assert execution.inspect()["ProcessConfig"]["privileged"] is True
    if execution.code() == 126:  # this machine has not all capabilities itself
        assert b"unable to apply caps" in data
        assert not box.engine.ours
        return
    assert int(joined(data, 1).split()[1], 16) > 0xA80425FB


def test_resizing_what_has_ended_is_refused(box: Box, id: str) -> None:
    execution = Execution(box, id, "true", Tty=True)
    execution.output()
    assert execution.resize(h=3, w=3).status in (409, 500)
    assert box.api.post(f"/exec/{execution.id}/resize", h="x", w=3).status == 400


def test_many_at_once(box: Box, id: str) -> None:
    streams = [Execution(box, id, "sh", "-c", f"read x; echo {n}; exit {n}", **EVERYTHING).start() for n in range(12)]
    for number, stream in enumerate(streams):
        with stream:
            stream.send(b"\n")
            assert frames(stream.read()) == [(1, f"{number}\n".encode())]


def test_keys_are_matched_without_case_and_unknown_ones_ignored(box: Box, id: str) -> None:
    answer = box.post(id, "exec", {"cmd": ["echo", "hi"], "attachstdout": True, "Nosuch": 1, "Env": None, "user": None})
    assert answer.status == 201
    with box.api.hijack(f"/exec/{answer.json['Id']}/start", {"detach": None, "tty": False, "nosuch": []}) as stream:
        assert frames(stream.read()) == [(1, b"hi\n")]


def test_a_body_that_is_no_json_is_refused(box: Box, id: str) -> None:
    kind = {"Content-Type": "application/json"}
    for body in (b"{", b"[]", b'{"Cmd": [1]}'):
        assert box.api.request("POST", f"/containers/{id}/exec", body, headers=kind).status == 400
    assert box.api.post(f"/exec/{Execution(box, id, 'true').id}/start").status == 400
