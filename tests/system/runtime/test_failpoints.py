"""Keeper and shim, killed or failed at every place they can be told to: nothing is left, and what is told of the end is true.

That nothing is left (mounts, control groups, descriptors) is checked by the ``boxes`` fixture after each test.
"""

from __future__ import annotations

import errno
import os
import select
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from dockerkit.daemon.kernel import failpoints
from dockerkit.daemon.runtime.exits import read_ended, read_running
from dockerkit.daemon.runtime.runtime import StartFailed
from tests.system.runtime.executing import execute, run

if TYPE_CHECKING:
    from conftest import Box, Boxes

pytestmark = pytest.mark.system

STEPS = ("root", "mounts", "streams", "clone", "log", "record")
BEFORE = ("taken", *STEPS, "born")
AFTER = ("ended", "exit-record", "exit-written", "exit-told", "cgroup", "cleaned")


@pytest.fixture
def tell(boxes: Boxes) -> Callable[[str], None]:
    """Tell a failpoint; all processes that could come by have looked for the file by now, or will."""
    file = boxes.place / "run/failpoints"
    file.write_text("")

    def write(line: str) -> None:
        file.write_text(f"{line}\n")

    boxes.sh("true")
    return write


def wait_gone(pid: int) -> None:
    try:
        pidfd = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    assert select.select([pidfd], [], [], 30)[0], "a process of the container is left"
    os.close(pidfd)


def files_of(box: Box) -> list[str]:
    return sorted(set(os.listdir(box.launch.directory)) - {"upper", "work", "log"})


@pytest.mark.parametrize("place", BEFORE)
def test_a_keeper_killed_before_its_container_runs_fails_the_start(
    boxes: Boxes, tell: Callable[[str], None], place: str
) -> None:
    tell(f"keeper.{place}=kill")
    box = boxes.make("sleep", "1000")
    with pytest.raises(StartFailed, match="the keeper died"):
        boxes.start(box)
    assert box.output() == ""
    assert files_of(box) == []
    assert boxes.runtime.adopt(box.launch.id, box.launch.directory) is None
    assert boxes.sh("echo next") == "next\n"


@pytest.mark.parametrize("place", STEPS)
def test_a_step_that_fails_is_named_and_undone(boxes: Boxes, tell: Callable[[str], None], place: str) -> None:
    tell(f"keeper.{place}=fail:ENOSPC")
    box = boxes.make("sleep", "1000")
    with pytest.raises(StartFailed) as caught:
        boxes.start(box)
    assert (caught.value.step, caught.value.errno) == (place, errno.ENOSPC)
    assert box.output() == ""
    assert files_of(box) == []
    assert boxes.sh("echo next") == "next\n"


def test_a_keeper_killed_as_its_container_runs_takes_it_along(boxes: Boxes, tell: Callable[[str], None]) -> None:
    tell("keeper.started=kill")
    box = boxes.start(boxes.make("sleep", "1000", client=False))
    ended = box.wait()
    assert (ended.exit_code, ended.error) == (137, "keeper died")
    assert box.keeper is not None
    wait_gone(box.keeper.pid)


@pytest.mark.parametrize("place", AFTER)
def test_a_keeper_killed_at_its_containers_end_tells_the_truth(boxes: Boxes, tell: Callable[[str], None], place: str) -> None:
    tell(f"keeper.{place}=kill")
    box = boxes.start(boxes.make("sh", "-c", "echo out; exit 7"))
    box.output()
    ended = box.wait()
    known = place not in ("ended", "exit-record")
    assert (ended.exit_code, ended.error) == ((7, "") if known else (137, "keeper died"))
    assert read_ended(box.launch.directory) == ended
    assert read_running(box.launch.directory) is None
    assert files_of(box) == ["exit.json"]
    assert boxes.runtime.adopt(box.launch.id, box.launch.directory) == ended


def test_an_exit_that_cannot_be_written_down_is_told_all_the_same(boxes: Boxes, tell: Callable[[str], None]) -> None:
    tell("keeper.exit-record=fail:EIO")
    box = boxes.start(boxes.make("sh", "-c", "exit 7", client=False))
    ended = box.wait()
    assert ended.exit_code == 7
    assert "could not be written down" in ended.error


def test_a_group_the_keeper_cannot_remove_is_removed_for_it(boxes: Boxes, tell: Callable[[str], None]) -> None:
    tell("keeper.cgroup=fail:EBUSY")
    assert boxes.start(boxes.make("sh", "-c", "exit 7", client=False)).wait().exit_code == 7


@pytest.mark.parametrize("place", ["exec", "exec-started", "exec-ended"])
def test_a_keeper_killed_at_an_exec_takes_all_along(boxes: Boxes, tell: Callable[[str], None], place: str) -> None:
    box = boxes.start(boxes.make("sleep", "1000", client=False))
    tell(f"keeper.{place}=kill")
    if place == "exec-ended":
        assert run(box, "true") == (137, "")
    else:
        with pytest.raises(StartFailed, match="keeper has gone"):
            execute(box, "sleep", "1000")
    assert (box.wait().exit_code, box.wait().error) == (137, "keeper died")
    assert box.keeper is not None
    wait_gone(box.keeper.pid)


def test_an_exec_that_fails_costs_nothing_else(boxes: Boxes, tell: Callable[[str], None]) -> None:
    box = boxes.start(boxes.make("sleep", "1000", client=False))
    tell("keeper.exec=fail:EAGAIN")
    with pytest.raises(StartFailed) as caught:
        execute(box, "true")
    assert (caught.value.step, caught.value.errno) == ("clone", errno.EAGAIN)
    assert run(box, "echo", "again") == (0, "again\n")


@pytest.mark.parametrize("action", ["kill", "fail:EAGAIN"])
@pytest.mark.parametrize("place", ["fork", "forked", "taken"])
def test_a_shim_lost_anywhere_costs_no_container(boxes: Boxes, tell: Callable[[str], None], place: str, action: str) -> None:
    box = boxes.start(boxes.make("sh", "-c", "cat; exit 7", open_stdin=True))
    tell(f"shim.{place}={action}")
    for number in range(4):
        assert boxes.sh(f"echo {number}") == f"{number}\n"
    assert (boxes.place / "run/failpoints").read_text() == "", "nobody came by"
    assert box.client is not None
    box.client.close()
    box.client = None
    assert box.wait().exit_code == 7


@pytest.mark.parametrize("place", ["taken", "clone", "born", "exit-told", "cleaned"])
def test_a_slow_keeper_is_only_slow(boxes: Boxes, tell: Callable[[str], None], place: str) -> None:
    tell(f"keeper.{place}=delay:50")
    assert boxes.run("sh", "-c", "echo slow; exit 3") == (3, "slow\n")


def test_the_list_of_places_is_complete() -> None:
    text = failpoints.__doc__ or ""
    for place in (*BEFORE, "started", "exec", "exec-started", "exec-ended", *AFTER):
        assert f"``keeper.{place}``" in text or f"``.{place}``" in text, place
    package = Path(failpoints.__file__).parents[1] / "runtime"
    lines = [line for file in package.rglob("*.py") for line in file.read_text().splitlines()]
    hits = {line.split('"')[1] for line in lines if 'failpoints.hit("' in line}
    assert {place for place in hits if f"``{place}``" not in text} == set()
