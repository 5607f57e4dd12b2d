"""run on the real daemon: output, input, ends, and nothing left."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import textwrap
import threading
from typing import Any

import pytest

import dockerkit as dk

pytestmark = pytest.mark.system


@pytest.fixture(autouse=True)
def nothing_left(client: Any) -> Any:
    """Every run leaves the daemon as it was."""
    before = {container.id for container in client.containers.list(all=True)}
    yield
    assert {container.id for container in client.containers.list(all=True)} == before


def test_output_and_exit_code(client: Any) -> None:
    done = client.run("busybox", "sh", "-c", "echo out; echo err >&2; exit 3")
    assert (done.exit_code, done.stdout, done.stderr) == (3, "out\n", "err\n")
    assert done.duration > 0


def test_input_reaches_the_program_and_ends(client: Any) -> None:
    assert client.run("busybox", "sort", input="b\na\n").stdout == "a\nb\n"
    assert client.run("busybox", "cat", stdin=True).stdout == ""
    assert client.run("busybox", "wc", "-c").stdout == "0\n"


def test_huge_input_and_output_at_once(client: Any) -> None:
    data = os.urandom(1 << 20) * 16
    assert client.run("busybox", "cat", input=data).stdout_bytes == data


def test_input_that_nobody_reads(client: Any) -> None:
    assert client.run("busybox", "true", input=b"x" * 5_000_000).exit_code == 0


def test_both_streams_arrive_whole(client: Any) -> None:
    done = client.run("busybox", "sh", "-c", "seq 1 20000; seq 1 20000 >&2")
    wanted = "".join(f"{n}\n" for n in range(1, 20001))
    assert (done.stdout, done.stderr) == (wanted, wanted)


def test_terminal_is_one_stream(client: Any) -> None:
    done = client.run("busybox", "sh", "-c", "test -t 1 && echo yes; echo err >&2", tty=True)
    assert (done.stdout, done.stderr) == ("yes\r\nerr\r\n", "")


@pytest.mark.parametrize(("program", "code"), [("no-such", 127), ("/no/such", 127), ("/etc/passwd", 126), ("/etc", 126)])
def test_program_that_cannot_be_started(client: Any, program: str, code: int) -> None:
    with pytest.raises(dk.errors.ContainerFailed) as caught:
        client.run("busybox", program)
    assert caught.value.completed is not None
    assert caught.value.completed.exit_code == code


def test_killed_by_a_signal_is_128_and_the_signal(client: Any) -> None:
    done = client.run("busybox", "sh", "-c", "sh -c 'kill -TERM $$'; exit $?")
    assert (done.exit_code, done.oom_killed) == (143, False)


def test_out_of_memory_is_seen(client: Any) -> None:
    done = client.run("busybox", "tail", "/dev/zero", memory="16m")
    assert (done.exit_code, done.oom_killed) == (137, True)


def test_timeout_kills_and_keeps_what_was_said(client: Any) -> None:
    with pytest.raises(dk.errors.TimedOut) as caught:
        client.run("busybox", "sh", "-c", "echo working; sleep 60", timeout=1)
    assert caught.value.completed is not None
    assert caught.value.completed.stdout == "working\n"


def test_timeout_ends_a_flood(client: Any) -> None:
    with pytest.raises(dk.errors.TimedOut):
        client.run("busybox", "yes", timeout=0.5)


def test_check_raises_for_a_programs_failure(client: Any) -> None:
    with pytest.raises(dk.errors.ContainerFailed, match="exit code 9: why"):
        client.run("busybox", "sh", "-c", "echo why >&2; exit 9", check=True)


def test_words_reach_the_kernel(client: Any, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("shared\n")
    tmp_path.chmod(0o755)
    monkeypatch.chdir(tmp_path)
    script = """
        echo $WHO $(id -u) $(pwd) $(hostname); cat /in/file; ulimit -n
        touch /x 2>/dev/null || echo fixed
        df -k /t | tail -1 | awk '{print $2}'
    """
    done = client.run(
        "busybox", "sh", "-c", script, env={"WHO": "me"}, user="nobody", workdir="/tmp", hostname="box", bind=("./", "/in"),
        ulimit=("nofile", 77), read_only=True, tmpfs=("/t", "1m"),
    )  # fmt: skip
    assert done.stdout.splitlines() == ["me 65534 /tmp box", "shared", "77", "fixed", "1024"]


def test_missing_source_of_a_bind(client: Any) -> None:
    with pytest.raises(dk.errors.NotFound, match="bind source path does not exist"):
        client.run("busybox", "true", bind=("/no/such/source", "/x"))


def test_refusals_of_the_engine_have_their_class(client: Any) -> None:
    with pytest.raises(dk.errors.Invalid, match="Minimum memory limit"):
        client.run("busybox", "true", memory="1m")
    with pytest.raises(dk.errors.NotFound, match="nosuchnetwork"):
        client.run("busybox", "true", network="nosuchnetwork")


def test_many_threads_at_once(client: Any) -> None:
    said: list[str] = []
    threads = [threading.Thread(target=lambda n=n: said.append(client.run("busybox", "echo", str(n)).stdout)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(said) == [f"{n}\n" for n in range(8)]


def test_inside_a_running_event_loop(client: Any) -> None:
    async def inside() -> str:
        return str(client.run("busybox", "echo", "hi").stdout)

    assert asyncio.run(inside()) == "hi\n"


def test_in_a_forked_child(client: Any) -> None:
    client.run("busybox", "true")
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.write(writer, client.run("busybox", "echo", "child").stdout.encode())
        finally:
            os._exit(0)
    os.close(writer)
    with open(reader) as said:
        assert said.read() == "child\n"
    os.waitpid(child, 0)
    assert client.run("busybox", "echo", "parent").stdout == "parent\n"


def program(url: str, code: str) -> subprocess.Popen[str]:
    """A process of its own that says "ready" and then does something long."""
    text = f"import dockerkit as dk, sys\nclient = dk.connect({url!r})\n" + textwrap.dedent(code)
    return subprocess.Popen([sys.executable, "-c", text], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def gone(client: Any, name: str) -> None:
    """Wait, by the engine's own word, until a container has been removed."""
    try:
        container = client.containers.get(name)
        client.engine.call("POST", f"/containers/{container.id}/wait", query={"condition": "removed"}, timeout=30).read()
    except dk.errors.NotFound:
        return


def running(client: Any, name: str, process: subprocess.Popen[str]) -> Any:
    """The container of that name, once it runs."""
    while process.poll() is None:
        try:
            container = client.containers.get(name)
            if container.status == "running":
                return container
        except dk.errors.NotFound:
            continue
    raise AssertionError(process.communicate()[1])


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_container_goes_with_the_process_that_runs_it(client: Any, number: int) -> None:
    with program(client.url, "client.run('busybox', 'sleep', '60', name='owned-run')") as process:
        running(client, "owned-run", process)
        process.send_signal(number)
        _, said = process.communicate(timeout=30)
    assert (number != signal.SIGINT) or "KeyboardInterrupt" in said
    gone(client, "owned-run")


def test_block_owns_its_container_whatever_happens(client: Any) -> None:
    code = """
    with client.start("busybox", "sleep", "60", name="owned-block"):
        print("inside", flush=True)
        sys.stdin.read()
    """
    text = f"import dockerkit as dk, sys\nclient = dk.connect({client.url!r})\n" + textwrap.dedent(code)
    with subprocess.Popen([sys.executable, "-c", text], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "inside\n"
        assert client.containers.get("owned-block").status == "running"
        process.kill()
    gone(client, "owned-block")
