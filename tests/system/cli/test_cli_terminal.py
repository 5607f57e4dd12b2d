"""``-it`` in a real terminal: size, keys, signals, exit codes, and the terminal as it was afterwards, whatever happened."""

from __future__ import annotations

import fcntl
import os
import pathlib
import pty
import select
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.livedaemon import LiveDaemon

pytestmark = pytest.mark.system
HOME = str(pathlib.Path(__file__).resolve().parents[3])
PATIENCE = 30.0
QUIET = ("--network", "none")


class Screen:
    """A terminal with a program in it."""

    def __init__(self, root: str, *words: str) -> None:
        self.master, self.slave = pty.openpty()
        self.resize(33, 99)
        self.before = termios.tcgetattr(self.slave)
        environment = {**os.environ, "DOCKERKIT_ROOT": root, "PYTHONPATH": HOME, "TERM": "xterm"}
        for name in ("DOCKERKIT_HOST", "DOCKER_HOST"):
            environment.pop(name, None)
        self.process = subprocess.Popen(
            [sys.executable, "-c", f"import fcntl, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0)\n{_MAIN}", *words],
            stdin=self.slave, stdout=self.slave, stderr=self.slave, env=environment, start_new_session=True,
        )  # fmt: skip
        self.seen = b""

    def until(self, text: bytes) -> bytes:
        """Wait until the screen shows a text; return what it showed up to there, and forget it."""
        deadline = time.monotonic() + PATIENCE
        while text not in self.seen:
            assert self._more(deadline), f"no {text!r} in {self.seen!r}"
        shown, _, self.seen = self.seen.partition(text)
        return shown + text

    def type(self, keys: bytes) -> None:
        os.write(self.master, keys)

    def resize(self, rows: int, columns: int) -> None:
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def end(self) -> int:
        """Wait for the program's end; return its exit code. The terminal must be as it was."""
        deadline = time.monotonic() + PATIENCE
        while self.process.poll() is None:
            self._more(min(deadline, time.monotonic() + 0.05))
            assert time.monotonic() < deadline, f"it goes on: {self.seen!r}"
        while self._more(time.monotonic()):
            pass
        assert termios.tcgetattr(self.slave) == self.before
        return self.process.returncode

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        os.close(self.master)
        os.close(self.slave)

    def _more(self, deadline: float) -> bool:
        ready, _, _ = select.select([self.master], [], [], max(0.0, deadline - time.monotonic()))
        if ready:
            self.seen += os.read(self.master, 65536)
        return bool(ready)


_MAIN = "from dockerkit.cli.main import main; main(prog_name='dockerkit')"
Open = Callable[..., Screen]


@pytest.fixture
def screen(live_daemon: LiveDaemon, client: Any) -> Iterator[Open]:
    """Run the command line in terminals of its own, on the suite's daemon."""
    opened: list[Screen] = []

    def run(*words: str) -> Screen:
        opened.append(Screen(live_daemon.root, *words))
        return opened[-1]

    yield run
    for one in opened:
        one.close()


def test_terminal_of_a_container_is_as_big_as_ours_and_grows_with_it(screen: Open) -> None:
    box = screen("run", "-it", "--rm", *QUIET, "busybox", "sh")
    box.until(b"# ")
    box.type(b"stty size; tty\n")
    assert b"33 99\r\n/dev/pts/0" in box.until(b"/dev/pts/0")
    box.resize(40, 120)
    box.type(b"until [ \"$(stty size)\" = '40 120' ]; do sleep 0.1; done; echo gr''own\n")
    box.until(b"grown")
    box.type(b"exit 9\n")
    assert box.end() == 9


def test_ctrl_c_is_a_key_of_the_container(screen: Open) -> None:
    box = screen("run", "-it", "--rm", *QUIET, "busybox", "sh")
    box.until(b"# ")
    box.type(b"echo re''ady; cat\n")
    box.until(b"ready\r\n")
    box.type(b"mi''rror\n")
    box.until(b"\r\nmi''rror\r\n")
    box.type(b"\x03")
    box.until(b"# ")
    box.type(b"echo al''ive; exit 8\n")
    box.until(b"alive")
    assert box.end() == 8


def test_detach_keys_leave_the_container_running_and_attach_comes_back(screen: Open, client: Any) -> None:
    box = screen("run", "-it", "--rm", *QUIET, "--name", "left", "busybox", "sh")
    box.until(b"# ")
    box.type(b"\x10\x11")
    assert box.end() == 0
    assert client.containers["left"].status == "running"  # although it has --rm: the session let go of it
    back = screen("attach", "left")
    back.until(b"# ")
    back.type(b"echo $((40+2))\n")
    back.until(b"42")
    back.type(b"\x10\x11")
    assert back.end() == 1
    assert b"read escape sequence" in back.seen
    last = screen("attach", "--detach-keys", "ctrl-a,d", "left")
    last.until(b"# ")
    last.type(b"exit 3\n")
    assert last.end() == 3
    assert "left" not in client.containers


def test_exec_in_a_terminal_has_its_size_and_its_exit_code(screen: Open, client: Any) -> None:
    with client.start("busybox", "sleep", "1000", network="none") as container:
        box = screen("exec", "-it", container.id, "sh")
        box.until(b"# ")
        box.type(b"stty size; exit 4\n")
        box.until(b"33 99")
        assert box.end() == 4
        left = screen("exec", "-it", "--detach-keys", "ctrl-a,d", container.id, "sh")
        left.until(b"# ")
        left.type(b"\x01d")
        assert left.end() == 1
        assert container.status == "running"


def test_start_attached_talks_to_a_container_that_exists(screen: Open) -> None:
    assert screen("create", "-it", *QUIET, "--name", "made", "busybox", "sh").end() == 0
    box = screen("start", "-ai", "made")
    box.until(b"# ")
    box.type(b"stty size; exit 6\n")
    box.until(b"33 99")
    assert box.end() == 6


def test_ctrl_c_without_a_terminal_is_a_signal_to_the_container(screen: Open) -> None:
    script = "trap 'echo got; exit 5' INT; echo ready; while :; do sleep 0.1; done"
    box = screen("run", "--rm", *QUIET, "busybox", "sh", "-c", script)
    box.until(b"ready")
    box.type(b"\x03")
    box.until(b"got")
    assert box.end() == 5


def test_third_ctrl_c_gives_up_whatever_the_container_does(screen: Open, client: Any) -> None:
    script = "trap 'echo again' INT; echo ready; while :; do sleep 0.1; done"
    box = screen("run", "--rm", *QUIET, "--name", "stubborn", "busybox", "sh", "-c", script)
    box.until(b"ready")
    for _ in range(2):
        box.type(b"\x03")
        box.until(b"again")
    box.type(b"\x03")
    assert box.end() == 1
    assert b"got 3 SIGTERM/SIGINTs, forcefully exiting" in box.seen


def test_terminal_is_restored_when_the_program_is_asked_to_end_and_when_the_container_is_killed(
    screen: Open, client: Any
) -> None:
    script = "trap 'exit 143' TERM; echo ready; while :; do sleep 0.1; done"
    for end in (lambda box: box.process.terminate(), lambda box: client.containers["killed"].kill()):
        box = screen("run", "-it", "--rm", *QUIET, "--name", "killed", "busybox", "sh", "-c", script)
        box.until(b"ready")
        end(box)
        assert box.end() in (143, 137)


def test_terminal_is_restored_when_the_container_cannot_start(screen: Open) -> None:
    assert screen("run", "-it", "--rm", *QUIET, "busybox", "nosuch").end() == 127


def test_logs_that_are_followed_end_quietly_with_ctrl_c(screen: Open, client: Any) -> None:
    with client.start("busybox", "sh", "-c", "echo hi; sleep 1000", network="none") as container:
        box = screen("logs", "-f", container.id)
        box.until(b"hi\r\n")
        box.type(b"\x03")
        assert box.end() == 130
        assert b"Traceback" not in box.seen
