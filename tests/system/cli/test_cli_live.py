"""The command line on a live daemon, as a program of its own: what it prints, how it exits, what it leaves."""

from __future__ import annotations

import contextlib
import os
import pathlib
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

from dockerkit.errors import NotFound
from tests.livedaemon import LiveDaemon

pytestmark = pytest.mark.system
HOME = str(pathlib.Path(__file__).resolve().parents[3])
Dk = Callable[..., "subprocess.CompletedProcess[str]"]


def program(root: str, module: str, *words: str, **more: Any) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "DOCKERKIT_ROOT": root, "DOCKERKIT_BOOTSTRAP": "always", "PYTHONPATH": HOME}
    for name in ("DOCKERKIT_HOST", "DOCKER_HOST"):
        environment.pop(name, None)
    command = [sys.executable, "-m", module, *words]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False, **more)


@pytest.fixture
def dk(live_daemon: LiveDaemon, client: Any) -> Dk:
    """Run the command line on the suite's daemon."""
    return lambda *words, **more: program(live_daemon.root, "dockerkit.cli", *words, **more)


def test_run_copies_both_streams_and_exits_as_the_program_did(dk: Dk) -> None:
    done = dk(
        "run",
        "--rm",
        "--network",
        "none",
        "-e",
        "A=1",
        "-w",
        "/tmp",
        "busybox",
        "sh",
        "-c",
        "echo $A $(pwd); echo wrong >&2; exit 7",
    )
    assert (done.returncode, done.stdout, done.stderr) == (7, "1 /tmp\n", "wrong\n")


def test_run_gives_the_programs_own_options_to_the_program(dk: Dk) -> None:
    assert dk("run", "--rm", "busybox", "echo", "--rm", "-e").stdout == "--rm -e\n"


def test_run_hands_standard_input_on(dk: Dk) -> None:
    assert dk("run", "--rm", "-i", "busybox", "sort", input="b\na\n").stdout == "a\nb\n"


def test_run_with_rm_leaves_no_container(dk: Dk, client: Any) -> None:
    assert dk("run", "--rm", "--name", "gone", "busybox", "true").returncode == 0
    assert "gone" not in client.containers


def test_run_with_rm_that_is_killed_takes_its_container_along(live_daemon: LiveDaemon, client: Any) -> None:
    environment = {**os.environ, "DOCKER_HOST": live_daemon.url, "PYTHONPATH": HOME}
    words = ["run", "--rm", "--network", "none", "--name", "orphan", "busybox", "sh", "-c", "echo up; exec sleep 1000"]
    command = [sys.executable, "-m", "dockerkit.cli", *words]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE) as killed:
        assert killed.stdout is not None
        assert killed.stdout.readline() == b"up\n"
        orphan = client.containers["orphan"]
        killed.kill()
    with contextlib.suppress(NotFound):  # it was quicker
        client.engine.call("POST", f"{orphan.path}/wait", query={"condition": "removed"}, timeout=30).read()
    assert "orphan" not in client.containers


def test_huge_input_against_huge_output_does_not_lock_up(dk: Dk) -> None:
    text = "0123456789abcde\n" * 500_000
    assert dk("run", "--rm", "-i", "--network", "none", "busybox", "cat", input=text).stdout == text


def test_input_that_nobody_reads_is_no_error(dk: Dk) -> None:
    assert dk("run", "--rm", "-i", "--network", "none", "busybox", "true", input="x" * 1_000_000).returncode == 0


def test_output_that_nobody_reads_is_no_traceback(live_daemon: LiveDaemon, client: Any) -> None:
    environment = {**os.environ, "DOCKER_HOST": live_daemon.url, "PYTHONPATH": HOME}
    command = f"{sys.executable} -m dockerkit.cli run --rm --network none busybox yes | head -1"
    done = subprocess.run(command, shell=True, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert (done.stdout, done.stderr) == ("y\n", "")


def test_several_names_are_all_tried_and_the_failures_told(dk: Dk, client: Any) -> None:
    for name in ("one", "two"):
        client.container("busybox", "sleep", "1000", name=name, network="none").start()
    done = dk("rm", "-f", "one", "nosuch", "two")
    assert (done.returncode, done.stdout) == (0, "one\ntwo\n")
    assert done.stderr == "Error response from daemon: No such container: nosuch\n"
    assert dk("stop", "-t", "0", "one", "two").returncode == 1


def test_copies_come_out_and_go_in(dk: Dk, client: Any, tmp_path: pathlib.Path) -> None:
    (tmp_path / "tree" / "below").mkdir(parents=True)
    (tmp_path / "tree" / "below" / "file").write_text("inside")
    (tmp_path / "tree" / "link").symlink_to("below/file")
    with client.start("busybox", "sleep", "1000", network="none", name="copied"):
        assert dk("cp", str(tmp_path / "tree"), "copied:/tmp").stderr == ""
        assert dk("exec", "copied", "cat", "/tmp/tree/link").stdout == "inside"
        assert dk("cp", "copied:/tmp/tree/.", str(tmp_path / "back")).stderr == ""
        assert (tmp_path / "back" / "below" / "file").read_text() == "inside"
        assert (tmp_path / "back" / "link").readlink() == pathlib.Path("below/file")
        assert dk("cp", "copied:/tmp/tree/link", str(tmp_path)).stderr == ""
        assert (tmp_path / "link").is_symlink()
        archive = subprocess.run(["tar", "-C", str(tmp_path), "-c", "tree"], capture_output=True, check=True).stdout
        assert dk("cp", "-", "copied:/var", input=archive.decode("latin-1")).stderr == ""
        assert dk("exec", "copied", "cat", "/var/tree/below/file").stdout == "inside"


@pytest.mark.parametrize(
    ("line", "found"),
    [("dk rm t", "plain,tabbed"), ("dk sys", "plain,system"), ("dk run --rm busy", "plain,busybox:latest"), ("dk rm zz", "")],
)
def test_completion_has_words_containers_and_images(live_daemon: LiveDaemon, client: Any, line: str, found: str) -> None:
    client.container("busybox", name="tabbed", network="none").create()
    environment = {
        **os.environ, "DOCKER_HOST": live_daemon.url, "PYTHONPATH": HOME,
        "_DK_COMPLETE": "bash_complete", "COMP_WORDS": line, "COMP_CWORD": str(line.count(" ")),
    }  # fmt: skip
    command = [sys.executable, "-c", "from dockerkit.cli.main import main; main(prog_name='dk')"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout.split("\n")[0] == found


def test_completion_starts_no_daemon(tmp_path: pathlib.Path) -> None:
    environment = {**os.environ, "DOCKERKIT_ROOT": str(tmp_path), "PYTHONPATH": HOME}
    environment |= {"_DK_COMPLETE": "bash_complete", "COMP_WORDS": "dk rm t", "COMP_CWORD": "2"}
    environment.pop("DOCKER_HOST", None)
    command = [sys.executable, "-c", "from dockerkit.cli.main import main; main(prog_name='dk')"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert (done.stdout, done.stderr) == ("\n", "")
    assert list(tmp_path.iterdir()) == []


def test_run_without_rm_leaves_the_container_that_ended(dk: Dk, client: Any) -> None:
    assert dk("run", "--name", "stays", "busybox", "echo", "hi").returncode == 0
    assert (client.containers["stays"].status, client.containers["stays"].logs()) == ("exited", "hi\n")


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["busybox", "no-such-program"], 127, "executable file not found in $PATH"),
        (["busybox", "/etc"], 126, "permission denied"),
        (["-m", "1m", "busybox", "true"], 125, "Minimum memory limit allowed is 6MB"),
        (["Nonsense:", "true"], 125, "invalid reference format"),
    ],
)
def test_run_that_cannot_exits_with_dockers_codes(dk: Dk, words: list[str], code: int, said: str) -> None:
    done = dk("run", "--rm", *words)
    assert done.returncode == code
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_daemon_by_hand_starts_is_there_and_stops(new_root: Callable[[], str]) -> None:
    root = new_root()
    try:
        started = program(root, "dockerkit.cli", "daemon", "start")
        assert (started.returncode, started.stdout) == (0, f"the daemon of {root} listens on unix://{root}/dockerkit.sock\n")
        assert "runs already, as process" in program(root, "dockerkit.cli", "daemon", "start").stdout
        status = program(root, "dockerkit.cli", "daemon", "status")
        assert status.returncode == 0
        assert root in status.stdout
        assert "containers running: 0" in status.stdout
    finally:
        stopped = program(root, "dockerkit.cli", "daemon", "stop")
    assert stopped.stdout == f"the daemon of {root} is gone\n"
    assert program(root, "dockerkit.cli", "daemon", "status").returncode == 3


def test_doctor_examines_this_machine() -> None:
    done = program("/var/lib/dockerkit", "dockerkit.cli", "doctor", "--json")
    assert done.returncode in (0, 1), done.stderr
    assert '"name"' in done.stdout


def test_tour_shows_everything_and_leaves_nothing(tmp_path: pathlib.Path) -> None:
    tour = subprocess.run(
        [sys.executable, "-m", "dockerkit.cli.tour"],
        env={**os.environ, "TMPDIR": str(tmp_path), "DOCKERKIT_BOOTSTRAP": "always", "PYTHONPATH": HOME},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert tour.returncode == 0, tour.stdout + tour.stderr
    for shown in ("('hi\\n', 0)", "'created'", "'exited', 7, 'working\\n'", "ContainerFailed: ", "a80425fb", "running\n"):
        assert shown in tour.stdout
    assert list(tmp_path.iterdir()) == []


def test_several_names_are_removed_at_once_and_each_is_answered_for(dk: Dk) -> None:
    for name in ("several-one", "several-two"):
        assert dk("create", "--name", name, "busybox", "true").returncode == 0
    done = dk("rm", "several-one", "several-two", "nosuch")
    assert (done.returncode, done.stdout) == (1, "several-one\nseveral-two\n")
    assert done.stderr == "Error response from daemon: No such container: nosuch\n"
