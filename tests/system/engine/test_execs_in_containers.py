"""Execs on a real kernel, as the API calls them: what they see, what they may, what remains of them."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Callable

import pytest

from dockerkit.daemon.engine.engine import Engine
from dockerkit.daemon.runtime.launch import Attachment
from dockerkit.errors import Conflict, ContainerFailed, Failed, Invalid, NotFound
from dockerkit.schema.container import HostConfig, Ulimit
from dockerkit.schema.exec import ExecCreate

pytestmark = pytest.mark.system


@pytest.fixture
def run_in(engine: Engine) -> Callable[..., tuple[int | None, str]]:
    """Run a command in a container and return its exit code and output, both streams raw."""

    def run(container: str, *cmd: str, typed: bytes | None = None, **config: object) -> tuple[int | None, str]:
        wish = ExecCreate(cmd=list(cmd), attach_stdin=typed is not None, attach_stdout=True, attach_stderr=True, **config)
        id = engine.execs.create(container, wish)
        ours, theirs = socket.socketpair()
        with ours:
            engine.execs.start(id, Attachment(theirs.detach()), tty=True)
            if typed is not None:
                ours.sendall(typed)
                ours.shutdown(socket.SHUT_WR)
            said = b"".join(iter(lambda: ours.recv(65536), b""))
        return engine.execs.inspect(id).exit_code, said.decode()

    return run


def test_it_has_the_containers_user_directory_environment_and_limits(make, run_in):
    host = HostConfig(
        network_mode="none", group_add=["77"], cap_drop=["CHOWN"], security_opt=["no-new-privileges"], oom_score_adj=33,
        ulimits=[Ulimit(name="nofile", soft=100, hard=100)],
    )  # fmt: skip
    container = make(host=host, user="daemon", working_dir="/tmp", env=["A=1", "B=2"], hostname="box")
    script = "id; pwd; env; grep -E 'Cap(Bnd|Eff)|NoNew|Seccomp:' /proc/self/status; ulimit -n; cat /proc/self/oom_score_adj"
    exit_code, said = run_in(container, "sh", "-c", script, env=["A=9", "C=3"])
    assert exit_code == 0
    lines = said.splitlines()
    assert lines[:2] == ["uid=1(daemon) gid=1(daemon) groups=1(daemon),77", "/tmp"]
    assert {"HOSTNAME=box", "A=9", "B=2", "C=3", "HOME=/usr/sbin"} <= set(lines)
    assert "TERM=xterm" not in lines
    status = {name: value for name, _, value in (line.partition(":\t") for line in lines)}
    assert (status["CapEff"], status["CapBnd"]) == ("0000000000000000", "00000000a80425fa")
    assert (status["NoNewPrivs"], status["Seccomp"]) == ("1", "2")
    assert lines[-2:] == ["100", "33"]


def test_another_user_directory_and_privileges_may_be_asked_for(make, run_in):
    container = make(user="daemon", working_dir="/tmp")
    _, said = run_in(container, "sh", "-c", "id; pwd", user="1000:7777", working_dir="/")
    assert said.splitlines() == ["uid=1000 gid=7777 groups=7777", "/"]
    _, said = run_in(container, "grep", "CapBnd", "/proc/self/status", user="root", privileged=True)
    with open("/proc/self/status", encoding="ascii") as status:
        assert said == next(line for line in status if line.startswith("CapBnd"))


def test_its_exit_code_is_known_when_its_output_has_ended(make, run_in):
    container = make()
    assert [run_in(container, "sh", "-c", f"echo {n}; exit {n}") for n in (0, 3, 255)] == [(n, f"{n}\n") for n in (0, 3, 255)]
    assert run_in(container, "sh", "-c", "kill -9 $$") == (137, "")


def test_what_is_typed_arrives_and_its_end_too(make, run_in):
    assert run_in(make(), "wc", "-c", typed=b"x" * 100_000) == (0, "100000\n")


def test_what_cannot_run_is_said_in_dockers_words_and_leaves_a_descriptor_to_nobody(engine, make):
    container = make()
    for wish, error, words in (
        ({"cmd": ["nosuch"]}, ContainerFailed, 'exec: "nosuch": executable file not found in $PATH'),
        ({"cmd": ["/etc/passwd"]}, ContainerFailed, 'exec: "/etc/passwd": permission denied'),
        ({"cmd": ["true"], "user": "nosuch"}, Failed, "unable to find user nosuch: no matching entries in passwd file"),
        (
            {"cmd": ["true"], "working_dir": "/nosuch"},
            Failed,
            'chdir to cwd ("/nosuch") set in config.json failed: no such',
        ),
    ):
        id = engine.execs.create(container, ExecCreate(attach_stdout=True, **wish))
        ours, theirs = socket.socketpair()
        with ours:
            with pytest.raises(error) as caught:
                engine.execs.start(id, Attachment(theirs.detach()))
            assert ours.recv(1) == b""
        assert caught.value.message.startswith("OCI runtime exec failed: exec failed: unable to start container process: ")
        assert words in caught.value.message
        assert engine.execs.inspect(id).exit_code == 126
    assert engine.containers.inspect(container).exec_ids is None


def test_a_running_one_is_listed_and_dies_with_the_container(engine, make):
    container = make()
    id = engine.execs.create(container, ExecCreate(cmd=["sleep", "1000"]))
    assert engine.containers.inspect(container).exec_ids == [id]
    engine.execs.start(id)
    found = engine.execs.inspect(id)
    assert (found.running, found.exit_code) == (True, None)
    with open(f"/proc/{found.pid}/cmdline", encoding="ascii") as file:
        assert file.read() == "sleep\x001000\x00"
    _, exec = engine._core.entries.exec(id)
    engine.containers.kill(container)
    assert exec.ended.result(20) == 137
    assert engine.execs.inspect(id).exit_code == 137
    assert engine.containers.inspect(container).exec_ids is None
    engine.containers.remove(container, force=True).result(20)
    with pytest.raises(NotFound, match=f"No such exec instance: {id}"):
        engine.execs.inspect(id)


def test_it_is_killed_by_itself_and_the_container_stays(engine, make):
    container = make()
    id = engine.execs.create(container, ExecCreate(cmd=["sleep", "1000"]))
    with pytest.raises(Conflict, match="not started"):
        engine.execs.kill(id)
    engine.execs.start(id)
    engine.execs.kill(id, "TERM")
    with pytest.raises(Invalid, match="nosuch"):
        engine.execs.kill(id, "nosuch")
    _, exec = engine._core.entries.exec(id)
    assert exec.ended.result(20) == 143
    assert engine.containers.inspect(container).state.running


def test_a_paused_container_takes_no_exec_and_a_stopped_one_neither(engine, make):
    container = make(name="frozen")
    id = engine.execs.create(container, ExecCreate(cmd=["true"]))
    engine.containers.pause(container)
    with pytest.raises(Conflict, match="container frozen is paused, unpause the container before exec"):
        engine.execs.create("frozen", ExecCreate(cmd=["true"]))
    with pytest.raises(Conflict, match="is paused"):
        engine.execs.start(id)
    engine.containers.unpause(container)
    engine.execs.start(id)
    engine.containers.stop(container, timeout=0).result(20)
    with pytest.raises(Conflict, match="is not running"):
        engine.execs.create("frozen", ExecCreate(cmd=["true"]))


def test_a_terminal_has_the_size_it_is_told(engine, make):
    container = make()
    wish = ExecCreate(cmd=["sh"], tty=True, attach_stdin=True, attach_stdout=True)
    id = engine.execs.create(container, wish)
    ours, theirs = socket.socketpair()
    with ours:
        engine.execs.start(id, Attachment(theirs.detach()), tty=True, console_size=[30, 111])
        ours.sendall(b"stty size\n")
        _read_until(ours, b"30 111")
        engine.execs.resize(id, rows=40, columns=120)
        ours.sendall(b"stty size; echo $TERM; exit 5\n")
        _read_until(ours, b"40 120\r\nxterm\r\n")
        while ours.recv(4096):
            pass
    assert engine.execs.inspect(id).exit_code == 5


def _read_until(connection: socket.socket, wanted: bytes) -> None:
    said = b""
    while wanted not in said:
        more = connection.recv(4096)
        assert more, said
        said += more


def test_detach_keys_leave_it_running(engine, make):
    container = make()
    wish = ExecCreate(cmd=["cat"], tty=True, attach_stdin=True, attach_stdout=True, detach_keys="ctrl-x,x")
    id = engine.execs.create(container, wish)
    ours, theirs = socket.socketpair()
    with ours:
        engine.execs.start(id, Attachment(theirs.detach()), tty=True)
        ours.sendall(b"hello\n")
        _read_until(ours, b"hello\r\nhello\r\n")
        ours.sendall(b"\x18x")
        while ours.recv(4096):
            pass
    assert engine.execs.inspect(id).running


def test_a_hundred_at_once_all_end_with_their_own_code_and_leave_no_descriptor(engine, make, run_in):
    container = make()
    run_in(container, "true")
    before = len(os.listdir("/proc/self/fd"))
    found: dict[int, int | None] = {}

    def one(number: int) -> None:
        found[number], _ = run_in(container, "sh", "-c", f"exit {number}")

    threads = [threading.Thread(target=one, args=(number,)) for number in range(100)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert found == {number: number for number in range(100)}
    assert len(os.listdir("/proc/self/fd")) <= before + 2
