"""Failpoints do what they are told, once, and nothing when nobody tells them anything."""

from __future__ import annotations

import errno
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from dockerkit.daemon.kernel import failpoints


@pytest.fixture
def told(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "failpoints"
    failpoints.arm("")


def test_nothing_is_told(told: Path) -> None:
    failpoints.arm(str(told))
    failpoints.hit("a.place")


def test_a_failure_is_told_once_and_at_its_place_only(told: Path) -> None:
    told.write_text("a.place=fail:ENOSPC\nother=kill\na.place=fail:nonsense\n")
    failpoints.arm(str(told))
    failpoints.hit("a")
    for code in (errno.ENOSPC, errno.EIO):
        with pytest.raises(OSError, match="failpoint") as caught:
            failpoints.hit("a.place")
        assert caught.value.errno == code
    failpoints.hit("a.place")
    assert told.read_text() == "other=kill\n"


def test_what_is_told_later_is_heard(told: Path) -> None:
    told.write_text("")
    failpoints.arm(str(told))
    failpoints.hit("a.place")
    told.write_text("a.place=fail:EIO\n")
    with pytest.raises(OSError, match="failpoint"):
        failpoints.hit("a.place")


def test_a_file_that_was_taken_away_tells_nothing(told: Path) -> None:
    told.write_text("a.place=kill\n")
    failpoints.arm(str(told))
    told.unlink()
    failpoints.hit("a.place")


def test_the_environment_tells_too(told: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(failpoints.ENVIRONMENT, "a.place=delay:30,b.place=fail:EPERM")
    failpoints.arm(str(told))
    begun = time.monotonic()
    failpoints.hit("a.place")
    assert time.monotonic() - begun >= 0.03
    with pytest.raises(PermissionError):
        failpoints.hit("b.place")
    failpoints.hit("b.place")


def test_kill_kills(told: Path) -> None:
    told.write_text("a.place=kill\n")
    pid = os.fork()
    if pid == 0:
        failpoints.arm(str(told))
        failpoints.hit("a.place")
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == -signal.SIGKILL
    assert told.read_text() == ""
