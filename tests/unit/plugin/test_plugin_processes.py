"""Marks of processes, file names of logs, states in words, what is packed."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib

import pytest

from dockerkit.schema.container import ContainerState
from dockerkit.testing.dossier import how_it_is
from dockerkit.testing.logfiles import log_path
from dockerkit.testing.processes import is_gone, mark
from dockerkit.testing.reuse import wish_hash
from tests.unit.plugin.suites import HOME


def test_a_living_process_is_not_gone_and_an_ended_one_is() -> None:
    assert not is_gone(mark())
    said = "from dockerkit.testing.processes import mark; print(mark())"
    ended = subprocess.run([sys.executable, "-c", said], cwd=HOME, capture_output=True, text=True, check=True)
    assert is_gone(ended.stdout.strip())


def test_a_process_number_that_another_has_now_is_gone() -> None:
    machine = mark().rpartition("/")[0]
    assert is_gone(f"{machine}/1")


@pytest.mark.parametrize(
    "said", ["", "elsewhere/1/2", "other-host/boot/ns/1/5", f"x/{os.getpid()}/"], ids=["nothing", "elsewhere", "other", "here"]
)
def test_nothing_is_known_of_other_machines(said: str) -> None:
    assert not is_gone(said)


def test_log_files_are_named_after_test_fixture_and_container() -> None:
    path = log_path("/logs", "tests/db/test_x.py::TestDb::test_y[a/b]", "pg[16]", "0123456789abcdef")
    assert path == "/logs/tests-db-test_x.py-TestDb-test_y[a-b].pg[16]-0123456789ab.log"
    assert os.path.dirname(log_path("/logs", "../../etc/passwd", "..", "0" * 64)) == "/logs"
    assert len(os.path.basename(log_path("/logs", "x" * 1000, "pg", "0" * 64))) < 200


@pytest.mark.parametrize(
    ("state", "words"),
    [
        (ContainerState(status="running"), "runs"),
        (ContainerState(status="exited", exit_code=3), "ended with exit code 3"),
        (ContainerState(status="exited", exit_code=137, oom_killed=True), "ended with exit code 137 (out of memory)"),
        (ContainerState(status="created", error="no such file"), "was not started (no such file)"),
        (ContainerState(status="paused"), "is paused"),
    ],
)
def test_states_in_words(state: ContainerState, words: str) -> None:
    assert how_it_is(state) == words


def test_equal_wishes_share_a_hash_whatever_makes_them_ready() -> None:
    import dockerkit as dk

    wish = dk.container("redis:7").env(A="1").memory("64m")
    assert wish_hash(wish) == wish_hash(dk.container("redis:7").memory("64m").env(A="1").ready(lambda container: True))
    assert wish_hash(wish) != wish_hash(wish.env(B="2"))


def test_plugin_is_packed_typed_and_registered() -> None:
    project = tomllib.loads((HOME / "pyproject.toml").read_text())
    packages = project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    assert packages == ["dockerkit", "pytest_plugin/pytest_dockerkit"]
    assert all((HOME / package / "py.typed").is_file() for package in packages)
    assert project["project"]["entry-points"]["pytest11"] == {"pytest_dockerkit": "pytest_dockerkit"}
