"""Programs inside a container: exec, popen, attach; in and out, killed in time, and nothing left running."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from typing import Any

import pytest

import dockerkit as dk

pytestmark = pytest.mark.system


def running(box: Any) -> list[str]:
    """The commands that run in a container."""
    return sorted(row.cmd for row in box.top())


def interrupt_soon() -> None:
    """Press Ctrl-C in a moment."""
    main = threading.main_thread().ident
    assert main is not None
    threading.Timer(0.2, signal.pthread_kill, (main, signal.SIGINT)).start()


def test_exec_is_a_result(box: Any) -> None:
    done = box.exec("sh", "-c", "echo out; echo err >&2; exit 3")
    assert (done.exit_code, done.stdout, done.stderr) == (3, "out\n", "err\n")
    with pytest.raises(dk.errors.ContainerFailed, match="exit code 3: err"):
        box.exec("sh", "-c", "echo err >&2; exit 3", check=True)


def test_exec_words(box: Any) -> None:
    script = "echo $WHO $(id -u) $(pwd)"
    assert box.exec("sh", "-c", script, env={"WHO": "me"}, user="nobody", workdir="/tmp").stdout == "me 65534 /tmp\n"
    assert box.exec("sh", "-c", "test -t 1 && echo yes", tty=True).stdout == "yes\r\n"
    assert box.exec("cat", input="häh").stdout == "häh"
    assert box.exec("cat").stdout == ""


def test_exec_moves_huge_input_and_output_at_once(box: Any) -> None:
    data = os.urandom(1 << 20) * 16
    assert box.exec("cat", input=data).stdout_bytes == data
    assert box.exec("true", input=data).exit_code == 0


def test_exec_streams_arrive_whole(box: Any) -> None:
    done = box.exec("sh", "-c", "seq 1 20000; seq 1 20000 >&2")
    wanted = "".join(f"{n}\n" for n in range(1, 20001))
    assert (done.stdout, done.stderr) == (wanted, wanted)


@pytest.mark.parametrize(("program", "code"), [("no-such", 127), ("/no/such", 127), ("/etc/passwd", 126)])
@pytest.mark.parametrize("way", ["exec", "popen"])
def test_program_that_cannot_be_executed(box: Any, way: str, program: str, code: int) -> None:
    with pytest.raises(dk.errors.ContainerFailed, match="could not be started") as caught:
        getattr(box, way)(program)
    assert caught.value.completed is not None
    assert caught.value.completed.exit_code == code


def test_exec_of_an_unknown_user_fails_and_says_so(box: Any) -> None:
    with pytest.raises(dk.errors.DockerkitError, match="nosuch"):
        box.exec("id", user="nosuch")


def test_exec_in_containers_that_do_not_run(up: Any) -> None:
    box = up()
    box.pause()
    with pytest.raises(dk.errors.Conflict, match="paused"):
        box.exec("true")
    box.unpause().kill()
    box.wait()
    with pytest.raises(dk.errors.Conflict, match="not running"):
        box.exec("true")


def test_timeout_kills_the_program_and_keeps_its_output(box: Any) -> None:
    with pytest.raises(dk.errors.TimedOut) as caught:
        box.exec("sh", "-c", "echo working; exec sleep 654", timeout=0.5)
    assert caught.value.completed is not None
    assert (caught.value.completed.stdout, caught.value.completed.exit_code) == ("working\n", 137)
    assert "sleep 654" not in running(box)


def test_timeout_ends_a_flood(box: Any) -> None:
    with pytest.raises(dk.errors.TimedOut):
        box.exec("yes", timeout=0.3)
    assert "yes" not in running(box)


def test_interrupt_kills_the_program(box: Any) -> None:
    with pytest.raises(KeyboardInterrupt):
        interrupt_soon()
        box.exec("sleep", "655")
    assert "sleep 655" not in running(box)


def test_exec_ends_with_its_container(box: Any) -> None:
    threading.Timer(0.2, box.kill).start()
    assert box.exec("sleep", "600").exit_code == 137


def test_many_threads_at_once(box: Any) -> None:
    said: list[str] = []
    threads = [threading.Thread(target=lambda n=n: said.append(box.exec("echo", str(n)).stdout)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(said) == [f"{n}\n" for n in range(8)]


def test_popen_is_a_conversation(box: Any) -> None:
    with box.popen("sh") as shell:
        assert shell.poll() is None
        assert shell.pid > 0
        shell.stdin.write(b"echo one\n")
        assert shell.stdout.readline() == b"one\n"
        shell.stdin.write("echo two >&2\n")
        assert shell.stderr.readline() == b"two\n"
        shell.stdin.write(b"exit 4\n")
    assert shell.returncode == 4


def test_popen_as_text_and_without_some_streams(box: Any) -> None:
    with box.popen("sh", "-c", "cat; echo err >&2", text=True, stderr=subprocess.STDOUT) as both:
        assert both.communicate("häh\n") == ("häh\nerr\n", None)
    with box.popen("sh", "-c", "cat; echo err >&2", stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL) as only:
        assert only.stdin is None
        assert only.communicate() == (None, b"err\n")


def test_popen_moves_huge_input_and_output_at_once(box: Any) -> None:
    data = os.urandom(1 << 20) * 16
    with box.popen("cat") as cat:
        assert cat.communicate(data) == (data, b"")
    with box.popen("cat") as cat:
        cat.stdin.write(data)  # nobody reads meanwhile: it must not lock up
        cat.stdin.close()
        assert cat.stdout.read() == data


def test_popen_times_out_and_goes_on(box: Any) -> None:
    with box.popen("sh", "-c", "echo early; read line; echo $line") as process:
        with pytest.raises(dk.errors.TimedOut, match="it runs on"):
            process.wait(0.1)
        assert process.communicate("late\n") == (b"early\nlate\n", b"")


def test_popen_is_waited_for_though_what_it_started_goes_on(box: Any) -> None:
    with box.popen("sh", "-c", "sleep 656 & exit 5") as process:
        assert process.wait(30) == 5


@pytest.mark.parametrize(("word", "code"), [("kill", 137), ("terminate", 143)])
def test_popen_can_be_signalled(box: Any, word: str, code: int) -> None:
    process = box.popen("sleep", "657")
    getattr(process, word)()
    assert process.wait(30) == code
    getattr(process, word)()
    process.close()


def test_popen_is_killed_when_its_block_fails(box: Any) -> None:
    with pytest.raises(ZeroDivisionError), box.popen("sleep", "658"):
        raise ZeroDivisionError
    assert "sleep 658" not in running(box)


def test_popen_interrupted_while_it_waits(box: Any) -> None:
    with pytest.raises(KeyboardInterrupt), box.popen("sleep", "659") as process:
        interrupt_soon()
        process.stdout.read()
    assert "sleep 659" not in running(box)


def test_popen_on_a_terminal(box: Any) -> None:
    with box.popen("sh", tty=True) as shell:
        shell.resize(33, 101)
        shell.stdin.write(b"stty size; exit\n")
        assert b"33 101" in shell.stdout.read()


def test_attach_talks_to_the_container_itself(up: Any) -> None:
    box = up("cat", stdin=True)
    with box.attach() as streams:
        streams.stdin.write(b"hello\n")
        assert streams.stdout.readline() == b"hello\n"
    assert box.status == "running", "detached, not ended"
    with box.attach(logs=True, stdin=False) as again:
        assert again.stdout.readline() == b"hello\n"
        box.kill()
        assert again.stdout.read() == b""
        assert again.wait() == 137
    with pytest.raises(dk.errors.Conflict, match="has ended"):
        box.attach()
