"""The engine's pure parts: lifecycle, steps, merging, waiting, reading logs, rows."""

from __future__ import annotations

import itertools

import pytest

from dockerkit.daemon.engine import logreading
from dockerkit.daemon.engine.lifecycle import TABLE, Change, Phase, after
from dockerkit.daemon.engine.merge import merge, merged_env, process_environment
from dockerkit.daemon.engine.steps import Step, run
from dockerkit.daemon.engine.waiting import NEXT_EXIT, NOT_RUNNING, REMOVED, Waiters
from dockerkit.daemon.logs.records import Record
from dockerkit.errors import Conflict, Invalid
from dockerkit.schema.container import ContainerConfig
from dockerkit.schema.image import ImageConfig


def test_every_phase_can_be_left_and_every_phase_can_be_reached():
    assert {phase for phase, _ in TABLE} == set(Phase)
    assert set(TABLE.values()) == set(Phase)


@pytest.mark.parametrize(("phase", "change"), [pair for pair in itertools.product(Phase, Change) if pair not in TABLE])
def test_a_change_that_the_table_does_not_have_is_a_conflict(phase, change):
    with pytest.raises(Conflict, match="abc"):
        after(phase, change, "abc")


def test_a_failing_step_undoes_the_earlier_ones_in_reverse_and_is_what_the_caller_sees():
    done: list[str] = []

    def fail(_):
        raise RuntimeError("first")

    def fail_to_undo(_):
        raise RuntimeError("second")

    steps = [
        Step("a", lambda c: c.append("a"), lambda c: c.append("-a")),
        Step("b", lambda c: c.append("b"), fail_to_undo),
        Step("c", lambda c: c.append("c"), lambda c: c.append("-c")),
        Step("d", fail, lambda c: c.append("-d")),
    ]
    with pytest.raises(RuntimeError, match="first") as caught:
        run(steps, done)
    assert done == ["a", "b", "c", "-c", "-a"]
    assert caught.value.__notes__ == ["step: d", "undoing b failed too: second"]


@pytest.mark.parametrize(
    ("wish", "image", "expected"),
    [
        (ContainerConfig(), ImageConfig(cmd=["sh"]), (None, ["sh"])),
        (ContainerConfig(cmd=["ls"]), ImageConfig(cmd=["sh"], entrypoint=["/e"]), (["/e"], ["ls"])),
        (ContainerConfig(cmd="ls -l"), ImageConfig(cmd=["sh"]), (None, ["ls -l"])),
        (ContainerConfig(entrypoint=["/x"]), ImageConfig(cmd=["sh"], entrypoint=["/e"]), (["/x"], None)),
        (ContainerConfig(entrypoint=[]), ImageConfig(cmd=["sh"], entrypoint=["/e"]), (None, ["sh"])),
        (ContainerConfig(entrypoint=[""], cmd=["ls"]), ImageConfig(cmd=["sh"], entrypoint=["/e"]), (None, ["ls"])),
    ],
)
def test_entrypoint_and_command_are_merged_by_dockers_rules(wish, image, expected):
    merged = merge(wish, image)
    assert (merged.entrypoint, merged.cmd) == expected


def test_nothing_to_run_is_refused():
    with pytest.raises(Invalid, match="no command specified"):
        merge(ContainerConfig(), ImageConfig())


def test_the_wish_wins_over_the_image_and_a_bare_name_removes():
    assert merged_env(["A=1", "B=2", "C=3"], ["B=x", "C"]) == ["A=1", "B=x"]


def test_the_environment_has_path_hostname_and_term_unless_said_otherwise():
    config = ContainerConfig(tty=True, env=["TERM=dumb", "A=1"])
    environment = process_environment(config, "box")
    assert environment[0].startswith("PATH=/usr/local/sbin:")
    assert environment[1:] == ["HOSTNAME=box", "TERM=dumb", "A=1"]


def test_waiters_are_completed_once_and_only_by_what_they_wait_for():
    waiters = Waiters()
    futures = {condition: waiters.add(condition) for condition in (NOT_RUNNING, NEXT_EXIT, REMOVED)}
    waiters.exited(3)
    assert [futures[c].done() for c in (NOT_RUNNING, NEXT_EXIT, REMOVED)] == [True, True, False]
    waiters.removed(3)
    assert futures[REMOVED].result().status_code == 3


def test_a_waiter_that_gave_up_does_not_disturb_the_others():
    waiters = Waiters()
    gone, there = waiters.add(NEXT_EXIT), waiters.add(NEXT_EXIT)
    gone.cancel()
    waiters.exited(0)
    assert there.result().status_code == 0


def _records(*items):
    return [Record(time=moment, stream=stream, data=data, end=0) for moment, stream, data in items]


def _lines(pieces):
    return [(moment, stream, line) for moment, stream, lines in pieces for line in lines]


def test_a_line_that_came_in_pieces_is_joined_and_has_the_moment_of_its_first_byte():
    found = _lines(logreading.pieces_of(_records((1, 1, b"he"), (2, 2, b"err\n"), (3, 1, b"llo\nnext"), (4, 1, b"\n"))))
    assert found == [(2, 2, b"err\n"), (1, 1, b"hello\n"), (3, 1, b"next\n")]


def test_a_last_line_without_newline_is_given_as_it_is():
    assert _lines(logreading.pieces_of(_records((1, 1, b"a\nb")))) == [(1, 1, b"a\n"), (1, 1, b"b")]


def test_a_line_longer_than_dockers_limit_comes_in_pieces():
    found = _lines(logreading.pieces_of(_records((1, 1, b"x" * 40_000 + b"\n"))))
    assert [len(text) for _, _, text in found] == [16384, 16384, 7233]


def test_a_log_whose_beginning_was_dropped_begins_with_the_next_whole_line():
    records = [
        Record(time=1, stream=1, data=b"22\nthree\nfo", end=0, continues=True),
        Record(time=2, stream=2, data=b"whole\n", end=0),
        Record(time=3, stream=1, data=b"ur\n", end=0, continues=True),
    ]
    assert _lines(logreading.pieces_of(records)) == [(1, 1, b"three\n"), (2, 2, b"whole\n"), (1, 1, b"four\n")]


def test_the_end_of_a_long_dropped_line_is_none_however_many_records_it_has():
    records = [Record(time=n, stream=1, data=data, end=0, continues=True) for n, data in enumerate((b"aa", b"bb", b"c\nd\n"))]
    assert _lines(logreading.pieces_of(records)) == [(2, 1, b"d\n")]
