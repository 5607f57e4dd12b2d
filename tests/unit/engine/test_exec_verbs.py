"""Execs with a keeper that pretends: what is refused, what is told, and who owns a descriptor."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future

import pytest
from msgspec.structs import replace
from pretendclock import PretendClock
from pretendcore import BIRTH, actions, add, pretend_core, run

from dockerkit.daemon.engine.core import Core
from dockerkit.daemon.engine.detaching import detach_keys
from dockerkit.daemon.engine.entries import EXECS_KEPT
from dockerkit.daemon.engine.events import Happening
from dockerkit.daemon.engine.execs import Execs
from dockerkit.daemon.engine.lifecycle import Change
from dockerkit.daemon.runtime.launch import Attachment, Execution
from dockerkit.daemon.runtime.runtime import StartFailed
from dockerkit.errors import Conflict, ContainerFailed, Failed, Invalid, NotFound
from dockerkit.schema.exec import ExecCreate
from dockerkit.schema.wire import plain

GONE = 2**22 + 1
"""A pid that no process has."""


class PretendProcess:
    """A process that keeps the sizes it is told."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.sizes: list[tuple[int, int]] = []

    def resize(self, rows: int, columns: int) -> None:
        """Keep the size."""
        self.sizes.append((rows, columns))


class Keeper:
    """Executes nothing, and closes what it is given, as a runtime does."""

    def __init__(self) -> None:
        self.asked: list[Execution] = []
        self.exits: list[Callable[[int], None]] = []
        self.error: StartFailed | None = None
        self.pid = os.getpid()
        self.process = PretendProcess(self.pid)

    def execute(self, execution: Execution, *, on_exit: Callable[[int], None]) -> PretendProcess:
        """Keep the wish; fail when told to."""
        for attachment in execution.attachments:
            os.close(attachment.fd)
        if self.error:
            raise self.error
        self.asked.append(execution)
        self.exits.append(on_exit)
        return self.process


@pytest.fixture
def core(tmp_path) -> Iterator[Core]:
    made = pretend_core(str(tmp_path), PretendClock())
    yield made
    made.database.close()


@pytest.fixture
def entry(core):
    entry = add(core)
    entry.record = replace(entry.record, config=replace(entry.record.config, hostname="box", env=["A=1", "B=2"], user="daemon"))
    run(core, entry)
    entry.keeper = Keeper()
    return entry


@pytest.fixture
def execs(core) -> Execs:
    return Execs(core)


def test_an_exec_is_created_started_and_ended_once_and_told_so(core, execs, entry):
    id = execs.create("x", ExecCreate(cmd=["sh", "-c", "exit 3"], attach_stdout=True, env=["A=9"], working_dir="/tmp"))
    assert (execs.inspect(id).running, execs.inspect(id).exit_code) == (False, None)
    execs.start(id)
    (execution,) = entry.keeper.asked
    assert execution.process["args"] == ["sh", "-c", "exit 3"]
    assert execution.process["cwd"] == "/tmp"
    assert execution.process["env"][1:] == ["HOSTNAME=box", "A=9", "B=2"]
    assert (execution.user, execution.open_stdin, execution.attachments) == ("daemon", False, [])
    assert (execs.inspect(id).running, execs.inspect(id).pid) == (True, os.getpid())
    entry.keeper.exits[0](3)
    assert (execs.inspect(id).running, execs.inspect(id).exit_code) == (False, 3)
    assert actions(core)[2:] == ["exec_create: sh -c exit 3", "exec_start: sh -c exit 3", "exec_die"]
    last = list(core.events.history())[-1]
    assert (last.actor.attributes["execID"], last.actor.attributes["exitCode"]) == (id, "3")


def test_the_answer_has_dockers_keys(execs, entry):
    id = execs.create("x", ExecCreate(cmd="true", attach_stdin=True, privileged=True))
    found = plain(execs.inspect(id))
    assert found["ProcessConfig"] == {
        "tty": False, "entrypoint": "true", "arguments": [], "privileged": True, "user": "daemon",
    }  # fmt: skip
    streams = {"OpenStdin", "OpenStderr", "OpenStdout", "DetachKeys"}
    assert set(found) == {"ID", "Running", "ExitCode", "ProcessConfig", "CanRemove", "ContainerID", "Pid"} | streams
    assert (found["OpenStdin"], found["OpenStdout"], found["ExitCode"]) == (True, False, None)


@pytest.mark.parametrize("cmd", [None, []])
def test_no_command_is_refused(execs, entry, cmd):
    with pytest.raises(Invalid, match="No exec command specified"):
        execs.create("x", ExecCreate(cmd=cmd))


def test_who_is_not_running_or_paused_gets_no_exec_and_what_was_created_before_cannot_start(core, execs, entry):
    before = execs.create("x", ExecCreate(cmd=["true"]))
    core.commit(entry, entry.record.with_state(Change.PAUSE))
    with pytest.raises(Conflict, match="container x is paused, unpause the container before exec"):
        execs.create("x", ExecCreate(cmd=["true"]))
    with pytest.raises(Conflict, match=f"container {entry.record.id} is paused"):
        execs.start(before)
    core.commit(entry, entry.record.died(0, BIRTH))
    with pytest.raises(Conflict, match=f"container {entry.record.id} is not running"):
        execs.create("x", ExecCreate(cmd=["true"]))
    with pytest.raises(Conflict, match="is not running"):
        execs.start(before)


def test_an_exec_runs_once(execs, entry):
    id = execs.create("x", ExecCreate(cmd=["true"]))
    execs.start(id)
    with pytest.raises(Conflict, match=f"Error: Exec command {id} is already running"):
        execs.start(id)
    entry.keeper.exits[0](0)
    with pytest.raises(Conflict, match=f"Error: Exec command {id} has already run"):
        execs.start(id)


@pytest.mark.parametrize(
    ("failure", "error", "words"),
    [
        (StartFailed("exec", 2, "nosuch", ""), ContainerFailed, 'exec: "nosuch": executable file not found in $PATH: unknown'),
        (StartFailed("exec", 13, "/etc/passwd", ""), ContainerFailed, 'exec: "/etc/passwd": permission denied: unknown'),
        (
            StartFailed("user", 2, "nosuch", "unable to find user nosuch: no matching entries in passwd file"),
            Failed,
            "find user",
        ),
    ],
)
def test_what_cannot_be_started_has_ended_with_126_and_says_why(core, execs, entry, failure, error, words):
    entry.keeper.error = failure
    id = execs.create("x", ExecCreate(cmd=["nosuch"]))
    with pytest.raises(error) as caught:
        execs.start(id)
    assert caught.value.message.startswith("OCI runtime exec failed: exec failed: unable to start container process: ")
    assert words in caught.value.message
    assert (execs.inspect(id).running, execs.inspect(id).exit_code) == (False, 126)
    assert "exec_die" not in actions(core)


def test_a_descriptor_is_closed_whoever_refuses_the_exec(execs, entry):
    done = execs.create("x", ExecCreate(cmd=["true"]))
    execs.start(done)
    for id in ("nosuch", done):
        ours, theirs = socket.socketpair()
        with ours, pytest.raises((NotFound, Conflict)):
            execs.start(id, Attachment(theirs.detach()))
        assert not _is_open(ours)


def _is_open(connection: socket.socket) -> bool:
    return connection.fileno() >= 0 and connection.recv(1) != b""


def test_the_streams_are_those_asked_for_at_creation(execs, entry):
    wanted = ExecCreate(cmd=["sh"], attach_stdin=True, attach_stdout=True, tty=True, detach_keys="ctrl-x,q")
    id = execs.create("x", wanted)
    ours, theirs = socket.socketpair()
    with ours:
        execs.start(id, Attachment(theirs.detach(), stderr=True, initial=b"hi"), tty=True, console_size=[30, 111])
    (execution,) = entry.keeper.asked
    (attached,) = execution.attachments
    assert (attached.stdin, attached.stdout, attached.stderr, attached.framed) == (True, True, False, False)
    assert (attached.initial, attached.detach_keys) == (b"hi", b"\x18q")
    assert execution.process["consoleSize"] == {"height": 30, "width": 111}
    assert "TERM=xterm" in execution.process["env"]


def test_a_terminal_is_left_with_ctrl_p_ctrl_q_and_what_has_none_cannot_be_left(execs, entry):
    for tty, keys in ((True, b"\x10\x11"), (False, b"")):
        id = execs.create("x", ExecCreate(cmd=["sh"], attach_stdin=True, tty=tty))
        ours, theirs = socket.socketpair()
        with ours:
            execs.start(id, Attachment(theirs.detach()))
        assert entry.keeper.asked[-1].attachments[0].detach_keys == keys


def test_only_what_runs_has_a_size(execs, entry):
    id = execs.create("x", ExecCreate(cmd=["sh"], tty=True))
    with pytest.raises(Conflict, match="exec process is not started"):
        execs.resize(id, rows=1, columns=2)
    execs.start(id)
    execs.resize(id, rows=30, columns=111)
    assert entry.keeper.process.sizes == [(30, 111)]
    entry.keeper.exits[0](0)
    with pytest.raises(Conflict, match="has ended"):
        execs.resize(id, rows=1, columns=2)


def test_who_asks_after_the_process_is_gone_hears_its_exit_code_though_the_news_comes_later(execs, entry):
    entry.keeper.process.pid = GONE
    id = execs.create("x", ExecCreate(cmd=["true"]))
    execs.start(id)
    _, exec = execs._core.entries.exec(id)
    exec.begun, begun = Future(), exec.begun
    news = threading.Thread(target=lambda: (exec.begun.set_result(None), entry.keeper.exits[0](7)))
    news.start()
    assert execs.inspect(id).exit_code == 7
    news.join()
    assert begun.done()


def test_who_asks_while_it_cannot_be_started_hears_that_it_could_not(execs, entry):
    id = execs.create("x", ExecCreate(cmd=["nosuch"]))
    _, exec = execs._core.entries.exec(id)
    exec.running = True
    failing = threading.Thread(target=exec.fail, args=(126,))
    failing.start()
    assert execs.inspect(id).exit_code == 126
    failing.join()


def test_execs_go_with_their_container_and_the_oldest_of_very_many_before(core, execs, entry):
    ids = []
    for _ in range(EXECS_KEPT + 5):
        ids.append(execs.create("x", ExecCreate(cmd=["true"])))
        core.entries.exec(ids[-1])[1].end(0)
    assert len(entry.execs) == EXECS_KEPT
    with pytest.raises(NotFound, match=f"No such exec instance: {ids[0]}"):
        execs.inspect(ids[0])
    assert execs.inspect(ids[-1]).exit_code == 0
    core.erase(entry, Happening("destroy"))
    with pytest.raises(NotFound):
        execs.inspect(ids[-1])


@pytest.mark.parametrize(
    ("text", "keys"),
    [("", b""), ("ctrl-p,ctrl-q", b"\x10\x11"), ("ctrl-@,ctrl-[", b"\x00\x1b"), ("a,ctrl-_", b"a\x1f"), ("ctrl-\\", b"\x1c")],
)
def test_detach_keys_are_read(text, keys):
    assert detach_keys(text) == keys


@pytest.mark.parametrize("text", ["bad-keys", "ctrl-", "ctrl-pp", "ctrl-1", "a,,b", "ä"])
def test_detach_keys_that_are_none_are_refused_in_dockers_words(text):
    with pytest.raises(Invalid, match=r"Invalid escape keys \(.*\) provided"):
        detach_keys(text)
