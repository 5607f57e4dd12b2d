"""One file says who keeps a container, and becomes the one that says how it ended."""

from __future__ import annotations

import os
from pathlib import Path

from dockerkit.daemon.runtime import exits
from dockerkit.daemon.runtime.exits import Exit


def test_the_record_of_a_running_container_becomes_that_of_an_ended_one(tmp_path: Path) -> None:
    exits.write_running(str(tmp_path), {"cgroup": "x"})
    assert exits.read_running(str(tmp_path)) == {"cgroup": "x"}
    assert exits.read_ended(str(tmp_path)) is None
    ended = Exit(3, True, 12345, log_lost=6)
    exits.write_ended(str(tmp_path), ended)
    assert exits.read_ended(str(tmp_path)) == ended
    assert os.listdir(tmp_path) == ["exit.json"]


def test_a_second_life_forgets_how_the_first_ended(tmp_path: Path) -> None:
    exits.write_running(str(tmp_path), {"long": "x" * 500})
    exits.write_ended(str(tmp_path), Exit(1, False, 1))
    exits.write_running(str(tmp_path), {})
    assert exits.read_ended(str(tmp_path)) is None


def test_a_record_that_was_not_finished_is_as_good_as_none(tmp_path: Path) -> None:
    (tmp_path / "keeper.json").write_text('{"cgr')
    assert exits.read_running(str(tmp_path)) is None


def test_a_container_that_never_began_leaves_no_record(tmp_path: Path) -> None:
    exits.write_running(str(tmp_path), {})
    exits.forget(str(tmp_path))
    exits.forget(str(tmp_path))
    assert os.listdir(tmp_path) == []
