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
from dockerkit.errors import Damaged, Unavailable

FINE = {"name": "overlay", "ok": True, "detail": "mounted and written to", "next": ""}
MISSING = {"name": "user namespaces", "ok": False, "detail": "EPERM", "next": "sysctl kernel.unprivileged_userns_clone=1"}


@pytest.fixture
def dk(monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path) -> Any:
    """Run the command line on an empty data root."""
    monkeypatch.setenv("DOCKERKIT_ROOT", str(tmp_path))
    monkeypatch.delenv("DOCKERKIT_HOST", raising=False)

    def run(*words: str) -> Result:
        return CliRunner().invoke(main, words)

    return run


def test_help_names_every_word(dk: Any) -> None:
    said = dk("--help").output
    assert all(word in said for word in ("daemon", "doctor", "run", "version"))


def test_status_of_no_daemon_is_three_and_starts_none(dk: Any, tmp_path: pathlib.Path) -> None:
    result = dk("daemon", "status")
    assert (result.exit_code, result.output) == (daemon.NOT_RUNNING, f"no daemon runs for {tmp_path}\n")
    assert list(tmp_path.iterdir()) == []


def test_stopping_no_daemon_is_no_error(dk: Any, tmp_path: pathlib.Path) -> None:
    assert dk("daemon", "stop").output == f"no daemon runs for {tmp_path}\n"


@pytest.mark.parametrize("holder", ["", "nonsense", "99999999", str(os.getpid())])
def test_lock_of_a_daemon_long_dead_stops_nobody(dk: Any, tmp_path: pathlib.Path, holder: str) -> None:
    (tmp_path / "daemon.lock").write_text(holder)
    assert dk("daemon", "stop").output == f"no daemon runs for {tmp_path}\n"


def test_daemon_that_hangs_is_an_error_that_says_which(dk: Any, tmp_path: pathlib.Path) -> None:
    hanging = subprocess.Popen([sys.executable, "-c", "input()", "dockerkit.daemon"], stdin=subprocess.PIPE)
    try:
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
    assert result.output.startswith("dockerkit ")
    assert list(tmp_path.iterdir()) == []
