"""The command line's manners: errors in two lines, exit codes that scripts can use, nothing started by asking."""

from __future__ import annotations

import json
import os
import pathlib
import subprocess
import sys
from typing import Any

import pytest
from click.testing import CliRunner, Result

from dockerkit.cli import daemon, doctor
from dockerkit.cli.main import main
from dockerkit.cli.offers import GROUPS, LATER, WORDS
from dockerkit.errors import Damaged, Unavailable

FINE = {"name": "overlay", "ok": True, "detail": "mounted and written to", "next": ""}
MISSING = {"name": "user namespaces", "ok": False, "detail": "EPERM", "next": "sysctl kernel.unprivileged_userns_clone=1"}


@pytest.fixture
def dk(monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path) -> Any:
    """Run the command line on an empty data root, where no daemon may be started."""

    def started(*_: Any, **__: Any) -> None:
        raise AssertionError("a daemon was about to be started")

    monkeypatch.setattr("dockerkit.client.daemon.start", started)
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    monkeypatch.setenv("DOCKERKIT_ROOT", str(tmp_path))
    monkeypatch.delenv("DOCKERKIT_HOST", raising=False)

    def run(*words: str) -> Result:
        return CliRunner().invoke(main, words)

    return run


def test_help_names_every_word(dk: Any) -> None:
    said = dk("--help").output
    assert all(word in said for word in ("daemon", "doctor", "run", "version", "container", "cp", "stats", "swarm"))


def test_status_of_no_daemon_is_three_and_starts_none(dk: Any, tmp_path: pathlib.Path) -> None:
    result = dk("daemon", "status")
    assert (result.exit_code, result.output) == (daemon.NOT_RUNNING, f"no daemon runs for {tmp_path}\n")
    assert list(tmp_path.iterdir()) == []


def test_stopping_no_daemon_is_no_error(dk: Any, tmp_path: pathlib.Path) -> None:
    assert dk("daemon", "stop").output == f"no daemon runs for {tmp_path}\n"


@pytest.mark.parametrize(
    "holder", ["", "nonsense", "99999999", str(os.getpid())], ids=["nothing", "nonsense", "nobody", "this process"]
)
def test_lock_of_a_daemon_long_dead_stops_nobody(dk: Any, tmp_path: pathlib.Path, holder: str) -> None:
    (tmp_path / "daemon.lock").write_text(holder)
    assert dk("daemon", "stop").output == f"no daemon runs for {tmp_path}\n"


def test_daemon_that_hangs_is_an_error_that_says_which(dk: Any, tmp_path: pathlib.Path) -> None:
    command = [sys.executable, "-c", "print(flush=True); input()", "dockerkit.daemon"]
    hanging = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        assert hanging.stdout is not None
        hanging.stdout.readline()
        (tmp_path / "daemon.lock").write_text(f"{hanging.pid}\n")
        result = dk("daemon", "stop")
        assert result.exit_code == 1
        assert f"dockerkit: process {hanging.pid} holds {tmp_path} and does not answer\n  hint: " in result.output
        assert hanging.poll() is None
    finally:
        hanging.communicate(b"\n")


def test_doctor_of_a_good_machine(dk: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "examine", lambda: [FINE])
    result = dk("doctor")
    assert result.exit_code == 0
    assert "overlay" in result.output
    assert "this machine can run containers" in result.output


def test_doctor_names_what_is_missing_and_the_next_step(dk: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "examine", lambda: [FINE, MISSING])
    result = dk("doctor")
    assert result.exit_code == 1
    assert f"{MISSING['name']}: {MISSING['next']}" in result.output


def test_doctor_as_json_is_the_findings(dk: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "examine", lambda: [FINE, MISSING])
    result = dk("doctor", "--json")
    assert json.loads(result.output) == [FINE, MISSING]
    assert result.exit_code == 1


def test_probe_that_breaks_is_an_error_with_what_it_said(monkeypatch: pytest.MonkeyPatch) -> None:
    broken = subprocess.CompletedProcess([], 1, stdout="", stderr="Traceback: no such module\n")
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: broken)
    with pytest.raises(Damaged, match="no such module"):
        doctor.examine()


def test_error_is_its_message_and_hint_and_no_traceback(dk: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> None:
        raise Unavailable("nobody answers", hint="start somebody")

    monkeypatch.setattr(doctor, "examine", refuse)
    result = dk("doctor")
    assert (result.exit_code, result.output) == (1, "dockerkit: nobody answers\n  hint: start somebody\n")


def test_version_says_ours_and_starts_nothing(dk: Any, tmp_path: pathlib.Path) -> None:
    result = dk("version")
    assert result.exit_code == 0
    assert result.output.startswith("Client: dockerkit\n Version: ")
    assert "no engine answers" in result.stderr
    assert list(tmp_path.iterdir()) == []


def modules_after(*words: str) -> set[str]:
    """Return what a command line has imported at its end."""
    script = (
        "import sys\nfrom dockerkit.cli.main import main\nmain(sys.argv[1:], standalone_mode=False)\nprint('', *sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", script, *words], capture_output=True, text=True, check=True)
    return set(done.stdout.splitlines()[-1].split())


@pytest.mark.parametrize("words", [["--help"], ["container", "--help"]])
def test_listing_the_words_loads_neither_client_nor_any_command(words: list[str]) -> None:
    loaded = modules_after(*words)
    heavy = {"msgspec", "h11", "rich", "dockerkit.client", "dockerkit.cli.run", "dockerkit.cli.ps", "dockerkit.daemon"}
    assert not heavy & loaded


@pytest.mark.parametrize("words", [["run", "--help"], ["cp", "--help"], ["exec", "--help"]])
def test_help_of_a_command_never_loads_the_daemon_or_a_connection(words: list[str]) -> None:
    assert not {"h11", "rich", "dockerkit.daemon", "dockerkit.client.client"} & modules_after(*words)


def every_word() -> list[tuple[str, ...]]:
    groups = [(group, word) for group, (_, table) in GROUPS.items() for word in table]
    return [*((word,) for word in WORDS), *groups]


@pytest.mark.parametrize("words", every_word(), ids=" ".join)
def test_every_word_is_there_and_has_help(dk: Any, words: tuple[str, ...]) -> None:
    result = dk(*words, "--help")
    assert result.exit_code == 0, result.output
    assert "Usage: " in result.output


@pytest.mark.parametrize("word", sorted(LATER))
def test_word_of_dockers_that_comes_later_says_so_and_what_brings_it(dk: Any, word: str) -> None:
    result = dk(word, "anything", "--some-flag")
    assert result.exit_code == 1
    assert result.stderr == f"dockerkit: {word} is not offered yet\n  hint: {LATER[word]}\n"


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (
            ["ps", "--nosuch"],
            125,
            "unknown flag: --nosuch\n\nUsage:  main ps [OPTIONS]\n\nRun 'main ps --help' for more information\n",
        ),
        (["ps", "-z"], 125, "unknown shorthand flag: 'z' in -z\n"),
        (["ps", "a"], 1, "main: 'main ps' accepts no arguments\n"),
        (["rm"], 1, "main: 'main rm' requires at least 1 argument\n"),
        (["rename", "a"], 1, "main: 'main rename' requires 2 arguments\n"),
        (["run"], 1, "main: 'main run' requires at least 1 argument\n"),
        (["nosuch"], 1, "main: unknown command: main nosuch\n"),
        (["system", "nosuch"], 1, "main: unknown command: main system nosuch\n"),
        (
            ["ps", "-f", "bad"],
            125,
            'invalid argument "bad" for "-f, --filter" flag: bad format of filter (expected name=value)\n',
        ),
        (["run", "--gpus", "all", "busybox"], 125, "--gpus is not offered yet\n"),
        (["inspect", "-f", "{{foo}}", "x"], 64, 'template parsing error: template: :1: function "foo" not defined\n'),
        (["inspect", "--type", "secret", "x"], 1, "dockerkit: inspect --type secret is not offered yet\n"),
        (["cp", "a", "b"], 1, "must specify at least one container source\n"),
        (["cp", "x:a", "y:b"], 1, "copying between containers is not supported\n"),
        (["update", "x"], 1, "you must provide one or more flags when using this command\n"),
        (["rename", "x", " "], 1, "Error: Neither old nor new names may be empty\n"),
        (["logs", "--since", "yesterday", "x"], 1, 'failed to parse value as time or duration: "yesterday"\n'),
        (["run", "-d", "-a", "stdout", "busybox"], 1, "conflicting options: cannot specify both --attach and --detach\n"),
        (["run", "-it", "busybox"], 1, "the input device is not a TTY\n"),
        (["run", "--detach-keys", "ctrl-?", "busybox"], 1, "invalid detach keys"),
    ],
)
def test_command_line_that_cannot_be_is_refused_in_dockers_words(dk: Any, words: list[str], code: int, said: str) -> None:
    result = dk(*words)
    assert (result.exit_code, result.stderr.startswith(said)) == (code, True), result.stderr
    assert "Traceback" not in result.output
