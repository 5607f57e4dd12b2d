"""What a daemon makes of what it finds: nothing is lost, nothing is told twice, and the record says what is true."""

from __future__ import annotations

import os

import pytest
from msgspec.structs import replace
from pretendclock import PretendClock
from pretendcore import BIRTH, SECOND, PretendKeeper, actions, add, pretend_core, run

from dockerkit.daemon.engine import recovery, restarts
from dockerkit.daemon.engine.entries import Entries
from dockerkit.daemon.engine.lifecycle import Change, Phase
from dockerkit.daemon.runtime.runtime import Exit
from dockerkit.schema.container import RestartPolicy
from dockerkit.schema.units import rfc3339

ID = "x" * 64


class Groups:
    """Control groups, as names."""

    parent = "dockerkit-x"

    def __init__(self) -> None:
        self.there: list[str] = []
        self.did: list[str] = []

    def list(self):
        """Return what is there."""
        return list(self.there)

    def open(self, path):
        """Return a handle that notes what is done."""
        return _Group(self, path)


class _Group:
    def __init__(self, groups, path) -> None:
        self._groups, self._path = groups, path

    def __getattr__(self, verb):
        return lambda: self._groups.did.append(f"{verb} {os.path.basename(self._path)[:2]}")


@pytest.fixture
def clock():
    return PretendClock()


@pytest.fixture
def started():
    """Whom a restart policy started, and whether it was awaited."""
    return []


@pytest.fixture
def core(tmp_path, clock, started, monkeypatch):
    made = pretend_core(str(tmp_path), clock)
    made.cgroups = Groups()
    os.makedirs(made.trash(""))
    os.makedirs(made.directory(""))
    monkeypatch.setattr(recovery, "Keeper", PretendKeeper)
    monkeypatch.setattr(restarts, "start", lambda core, entry, *, awaited=False: started.append((entry.record.name, awaited)))
    yield made
    made.events.close()
    made.database.close()


def _restart_daemon(core, **found):
    """Forget what is in memory and take up what is on disk."""
    core.entries = Entries()
    core.runtime.found = {name * 64: what for name, what in found.items()}
    recovery.recover(core)
    return {entry.record.name: entry for entry in core.entries.all()}


def test_who_runs_is_adopted_without_an_event(core):
    run(core, add(core))
    keeper = PretendKeeper()
    entry = _restart_daemon(core, x=keeper)["x"]
    assert entry.keeper is keeper
    assert entry.record.phase is Phase.RUNNING
    assert actions(core) == ["create", "start"]


def test_a_start_that_was_not_written_down_is_written_with_its_event(core):
    add(core)
    entry = _restart_daemon(core, x=PretendKeeper())["x"]
    assert (entry.record.phase, entry.record.state.pid) == (Phase.RUNNING, 42)
    assert actions(core) == ["create", "start"]


def test_a_life_that_nobody_saw_is_written_down_once(core):
    add(core)
    ended = Exit(7, False, BIRTH)
    entry = _restart_daemon(core, x=ended)["x"]
    assert (entry.record.phase, entry.record.state.exit_code) == (Phase.EXITED, 7)
    assert entry.record.state.finished_at == rfc3339(BIRTH)
    _restart_daemon(core, x=ended)
    assert actions(core) == ["create", "start", "die"]


def test_an_end_that_nobody_saw_is_written_down_with_its_exit_code_once(core):
    run(core, add(core))
    ended = Exit(3, False, BIRTH + SECOND)
    entry = _restart_daemon(core, x=ended)["x"]
    assert (entry.record.phase, entry.record.state.exit_code) == (Phase.EXITED, 3)
    _restart_daemon(core, x=ended)
    assert actions(core) == ["create", "start", "die"]


def test_after_a_reboot_what_ran_is_said_to_have_ended(core):
    run(core, add(core))
    entry = _restart_daemon(core)["x"]
    assert (entry.record.phase, entry.record.state.exit_code) == (Phase.EXITED, 255)
    assert "went away" in entry.record.state.error
    assert actions(core) == ["create", "start", "die"]


def test_after_a_reboot_restart_policies_apply(core, clock, started):
    for name, policy in (("a", "always"), ("u", "unless-stopped"), ("f", "on-failure"), ("n", "no")):
        run(core, add(core, name, policy=RestartPolicy(name=policy)))
    found = _restart_daemon(core)
    assert {name: entry.record.phase.value for name, entry in found.items()} == {
        "a": "restarting", "u": "restarting", "f": "restarting", "n": "exited"
    }  # fmt: skip
    clock.pass_(restarts.FIRST + 0.01)
    assert sorted(started) == [("a", True), ("f", True), ("u", True)]


def test_after_a_reboot_a_keeper_that_is_gone_has_not_died(core):
    run(core, add(core))
    _restart_daemon(core, x=PretendKeeper())
    core.database.exchange("boot", "another")
    unseen = Exit(137, False, BIRTH, error=recovery.KEEPER_DIED)
    entry = _restart_daemon(core, x=unseen)["x"]
    assert (entry.record.state.exit_code, entry.record.state.error) == (255, "the host was restarted")
    _restart_daemon(core, x=unseen)
    assert actions(core) == ["create", "start", "die"]


def test_what_stood_still_before_is_frozen_and_what_ran_is_thawed(core):
    run(core, add(core))
    paused = add(core, "p")
    run(core, paused)
    core.commit(paused, paused.record.with_state(Change.PAUSE))
    _restart_daemon(core, x=PretendKeeper(), p=PretendKeeper())
    assert sorted(core.cgroups.did) == ["freeze pp", "thaw xx"]


@pytest.mark.parametrize("phase", ["removing", "dead"])
def test_a_removal_under_way_is_finished_even_if_something_lives(core, phase):
    entry = add(core)
    entry.record = replace(entry.record, state=replace(entry.record.state, status=phase))
    core.commit(entry, entry.record)
    keeper = PretendKeeper()
    _restart_daemon(core, x=keeper)
    assert keeper.signals == [9]
    keeper.gone.set_result(None)
    assert core.entries.all() == []
    assert actions(core) == ["create", "destroy"]


def test_a_control_group_without_a_keeper_is_killed_and_removed(core):
    run(core, add(core))
    core.cgroups.there = [f"dockerkit-x/confined/{ID}", "dockerkit-x/open/oo"]
    _restart_daemon(core, x=PretendKeeper())
    assert core.cgroups.did == ["thaw xx", "kill oo", "remove oo"]


def test_a_directory_without_a_record_goes_and_trash_is_emptied(core):
    os.makedirs(f"{core.directory('stray')}/upper")
    os.makedirs(f"{core.trash('old')}/upper")
    _restart_daemon(core)
    assert os.listdir(core.directory("")) == []
    assert os.listdir(core.trash("")) == []


def test_one_container_that_cannot_be_taken_up_does_not_keep_the_daemon_from_the_others(core, monkeypatch):
    run(core, add(core))
    run(core, add(core, "y"))
    keeper = PretendKeeper()

    def adopt(id, directory):
        if id == ID:
            raise OSError(5, "Input/output error")
        return keeper

    monkeypatch.setattr(core.runtime, "adopt", adopt)
    core.entries = Entries()
    recovery.recover(core)
    phases = {entry.record.name: entry.record.phase for entry in core.entries.all()}
    assert phases == {"x": Phase.EXITED, "y": Phase.RUNNING}
