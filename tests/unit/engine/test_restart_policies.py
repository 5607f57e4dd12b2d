"""Restart policies: when, how often, for whom; and what a daemon that starts makes of them."""

from __future__ import annotations

import pytest
from msgspec.structs import replace
from pretendclock import PretendClock
from pretendcore import BIRTH, SECOND, actions, add, pretend_core, run

from dockerkit.daemon.engine import restarts, stopping
from dockerkit.daemon.engine.dying import on_exit
from dockerkit.daemon.engine.lifecycle import Phase
from dockerkit.daemon.engine.removal import remove
from dockerkit.daemon.runtime.runtime import Exit
from dockerkit.errors import Failed
from dockerkit.schema.container import RestartPolicy


@pytest.fixture
def clock():
    return PretendClock()


@pytest.fixture
def core(tmp_path, clock, monkeypatch):
    made = pretend_core(str(tmp_path), clock)
    monkeypatch.setattr(restarts, "start", _start)
    yield made
    made.events.close()
    made.database.close()


def _start(core, entry, *, awaited=False):
    with entry.lock:
        if awaited is not (entry.record.phase is Phase.RESTARTING):
            return False
        run(core, entry, BIRTH)
    return True


def _die(core, entry, exit_code=1, lived=0.01):
    keeper = entry.keeper
    on_exit(core, entry.record.id, Exit(exit_code, False, BIRTH + int(lived * SECOND)))
    keeper.gone.set_result(None)


def test_the_waits_are_doubled_from_a_tenth_of_a_second_to_a_minute():
    waits, wait = [], 0.0
    for _ in range(12):
        wait = restarts.backoff(wait, lived=0.5)
        waits.append(wait)
    assert waits == pytest.approx([0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8, 25.6, 51.2, 60, 60])


def test_ten_seconds_of_life_make_the_wait_short_again_and_a_clock_that_was_set_back_does_not():
    assert restarts.backoff(51.2, lived=10) == restarts.FIRST
    assert restarts.backoff(0.4, lived=9.9) == 0.8
    assert restarts.backoff(0.4, lived=-3600) == 0.8


def test_a_container_that_dies_at_once_is_restarted_later_each_time_and_counted(core, clock):
    entry = add(core, policy=RestartPolicy(name="always"))
    run(core, entry)
    began = clock.now
    moments = []
    for count in range(1, 5):
        _die(core, entry, 0)
        assert (entry.record.phase, entry.record.restart_count) == (Phase.RESTARTING, count)
        assert entry.record.state.running
        assert entry.record.state.restarting
        assert entry.record.state.pid == 0
        clock.pass_(restarts.FIRST * 2 ** (count - 1) - 0.001)
        assert entry.record.phase is Phase.RESTARTING
        clock.pass_(0.002)
        assert entry.record.phase is Phase.RUNNING
        moments.append(clock.now - began)
    assert moments == pytest.approx([0.1, 0.3, 0.7, 1.5], abs=0.01)
    assert actions(core) == ["create", "start"] + ["die", "start"] * 4


def test_on_failure_counts_to_its_maximum_and_leaves_a_success_alone(core, clock):
    entry = add(core, policy=RestartPolicy(name="on-failure", maximum_retry_count=2))
    run(core, entry)
    for _ in range(2):
        _die(core, entry, 3)
        clock.pass_(1)
    _die(core, entry, 3)
    assert (entry.record.phase, entry.record.restart_count) == (Phase.EXITED, 2)
    clock.pass_(100)
    assert entry.record.phase is Phase.EXITED
    fine = add(core, "y", policy=RestartPolicy(name="on-failure"))
    run(core, fine)
    _die(core, fine, 0)
    assert fine.record.phase is Phase.EXITED


@pytest.mark.parametrize("name", ["always", "unless-stopped", "on-failure"])
def test_whoever_was_killed_on_request_stays_down(core, clock, name):
    entry = add(core, policy=RestartPolicy(name=name))
    run(core, entry)
    stopping.kill(core, entry, "KILL", "x")
    _die(core, entry, 137)
    clock.pass_(100)
    assert entry.record.phase is Phase.EXITED


def test_a_kill_while_it_awaits_its_restart_ends_the_waiting_and_is_no_event(core, clock):
    entry = add(core, policy=RestartPolicy(name="always"))
    run(core, entry)
    _die(core, entry)
    ended = entry.waiters.add("not-running")
    stopping.kill(core, entry, "KILL", "x")
    assert ended.result(0).status_code == 1
    clock.pass_(100)
    assert entry.record.phase is Phase.EXITED
    assert actions(core)[-1] == "die"


def test_those_who_wait_are_told_of_every_death(core, clock):
    entry = add(core, policy=RestartPolicy(name="always"))
    run(core, entry)
    first = entry.waiters.add("not-running")
    _die(core, entry, 5)
    assert first.result(0).status_code == 5
    second = entry.waiters.add("next-exit")
    clock.pass_(1)
    _die(core, entry, 6)
    assert second.result(0).status_code == 6


def test_a_forced_removal_while_it_awaits_its_restart_removes_it_for_good(core, clock):
    entry = add(core, policy=RestartPolicy(name="always"))
    run(core, entry)
    _die(core, entry)
    remove(core, entry, force=True).result(0)
    clock.pass_(100)
    assert core.entries.all() == []
    assert actions(core)[-2:] == ["die", "destroy"]


def test_a_restart_that_fails_ends_the_waiting_and_says_why(core, clock, monkeypatch):
    def fail(core, entry, *, awaited=False):
        raise Failed("no room")

    monkeypatch.setattr(restarts, "start", fail)
    entry = add(core, policy=RestartPolicy(name="always"))
    run(core, entry)
    _die(core, entry, 4)
    ended = entry.waiters.add("not-running")
    clock.pass_(1)
    assert (entry.record.phase, entry.record.state.exit_code) == (Phase.EXITED, 4)
    assert "no room" in entry.record.state.error
    assert ended.result(0).status_code == 4


def test_the_restart_waits_for_the_keeper_before_it(core, clock):
    entry = add(core, policy=RestartPolicy(name="always"))
    run(core, entry)
    keeper = entry.keeper
    on_exit(core, entry.record.id, Exit(1, False, BIRTH))
    clock.pass_(5)
    assert entry.record.phase is Phase.RESTARTING
    keeper.gone.set_result(None)
    assert entry.record.phase is Phase.RUNNING


def test_the_wait_of_an_earlier_life_does_not_shorten_the_next(core, clock):
    entry = add(core, policy=RestartPolicy(name="always"))
    run(core, entry)
    _die(core, entry)
    stopping.kill(core, entry, "KILL", "x")
    clock.pass_(0.05)
    run(core, entry)
    assert entry.record.restart_count == 0
    _die(core, entry)
    clock.pass_(0.06)
    assert entry.record.phase is Phase.RESTARTING
    clock.pass_(0.05)
    assert entry.record.phase is Phase.RUNNING


@pytest.mark.parametrize(
    ("name", "exit_code", "stopped", "ran", "runs"),
    [
        ("always", 0, True, True, True),
        ("always", 0, False, True, True),
        ("always", 0, False, False, False),
        ("unless-stopped", 137, True, True, False),
        ("unless-stopped", 0, False, True, True),
        ("on-failure", 137, True, True, True),
        ("on-failure", 0, False, True, False),
        ("no", 1, False, True, False),
        ("", 1, False, True, False),
    ],
)
def test_what_a_daemon_that_starts_runs_again_is_what_dockerd_would(core, name, exit_code, stopped, ran, runs):
    entry = add(core, policy=RestartPolicy(name=name))
    if ran:
        run(core, entry)
        died = entry.record.died(exit_code, BIRTH)
        entry.record = replace(died, manually_stopped=stopped)
    restarts.resume(core, entry)
    assert (entry.record.phase is Phase.RUNNING) == runs


def test_a_restart_that_was_due_when_the_daemon_went_is_made_up_for_by_the_next(core, clock):
    entry = add(core, policy=RestartPolicy(name="on-failure", maximum_retry_count=1))
    run(core, entry)
    entry.record = replace(entry.record.died(1, BIRTH, restart=True), restart_count=1)
    entry.keeper = None
    restarts.resume(core, entry)
    clock.pass_(restarts.FIRST)
    assert (entry.record.phase, entry.record.restart_count) == (Phase.RUNNING, 1)
