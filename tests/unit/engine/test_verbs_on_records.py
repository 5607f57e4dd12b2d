"""Verbs that change a record: what they write, what they tell, and what they refuse, without a kernel behind them."""

from __future__ import annotations

import itertools
import pathlib
from collections.abc import Iterator
from concurrent.futures import Future

import pytest
from msgspec.structs import replace
from pretendclock import PretendClock
from pretendcore import BIRTH, SECOND, actions, add, pretend_core, run

from dockerkit.daemon.engine import listing, pausing, renaming, stopping, updating
from dockerkit.daemon.engine.core import Core
from dockerkit.daemon.engine.lifecycle import TABLE, Change, Phase, diagram
from dockerkit.daemon.engine.pruning import Pruning
from dockerkit.errors import Conflict, Failed, Invalid
from dockerkit.schema.container import Health, RestartPolicy
from dockerkit.schema.update import UpdateRequest


class PretendGroup:
    """A control group that does, or refuses, what it is told."""

    def __init__(self) -> None:
        self.done: list[object] = []
        self.error: OSError | None = None

    def __getattr__(self, name: str):
        def act(*arguments: object) -> None:
            self.done.append((name, *arguments) if arguments else name)
            if self.error is not None:
                error, self.error = self.error, None
                raise error

        return act


class PretendGroups:
    """All containers share one group."""

    parent = "dockerkit-test"

    def __init__(self) -> None:
        self.group = PretendGroup()

    def open(self, path: str) -> PretendGroup:
        """Return the group."""
        return self.group


@pytest.fixture
def clock() -> PretendClock:
    return PretendClock()


@pytest.fixture
def core(tmp_path, clock) -> Iterator[Core]:
    made = pretend_core(str(tmp_path), clock)
    made.cgroups = PretendGroups()
    yield made
    made.database.close()


def test_a_paused_container_counts_as_running_and_says_so(core):
    entry = add(core)
    run(core, entry)
    pausing.pause(core, entry)
    state = entry.record.state
    assert (state.status, state.running, state.paused) == ("paused", True, True)
    assert listing.status(entry.record, BIRTH + 5 * SECOND) == "Up 5 seconds (Paused)"
    pausing.unpause(core, entry)
    assert (entry.record.phase, entry.record.state.paused) == (Phase.RUNNING, False)
    assert core.cgroups.group.done == ["freeze", "thaw"]
    assert actions(core) == ["create", "start", "pause", "unpause"]


def test_a_container_that_cannot_be_frozen_is_not_said_to_be_paused(core):
    entry = add(core)
    run(core, entry)
    core.cgroups.group.error = OSError(110, "a process could not be frozen")
    with pytest.raises(Failed, match="could not be frozen"):
        pausing.pause(core, entry)
    assert entry.record.phase is Phase.RUNNING
    assert "pause" not in actions(core)


def test_pausing_what_does_not_run_or_is_paused_is_refused_in_dockers_words(core):
    entry = add(core)
    with pytest.raises(Conflict, match=f"container {entry.record.id} is not running"):
        pausing.pause(core, entry)
    with pytest.raises(Conflict, match=f"container {entry.record.id} is not paused"):
        pausing.unpause(core, entry)
    run(core, entry)
    pausing.pause(core, entry)
    with pytest.raises(Conflict, match=f"container {entry.record.id} is already paused"):
        pausing.pause(core, entry)


@pytest.mark.parametrize(("signal", "told"), [("TERM", ["kill", "unpause"]), ("KILL", ["kill"])])
def test_a_signal_that_is_meant_to_end_a_paused_container_lets_it_go_on(core, signal, told):
    entry = add(core)
    run(core, entry)
    pausing.pause(core, entry)
    stopping.kill(core, entry, signal, "x")
    assert core.cgroups.group.done == ["freeze", "thaw"]
    assert (entry.record.phase, entry.record.manually_stopped) == (Phase.RUNNING, True)
    assert actions(core)[3:] == told


def test_another_signal_than_the_one_a_container_named_neither_wakes_it_nor_stops_its_restarts(core):
    entry = add(core)
    entry.record = replace(entry.record, config=replace(entry.record.config, stop_signal="USR1"))
    run(core, entry)
    pausing.pause(core, entry)
    stopping.kill(core, entry, "HUP", "x")
    assert (entry.record.phase, entry.record.manually_stopped) == (Phase.PAUSED, False)
    stopping.kill(core, entry, "10", "x")
    assert (entry.record.phase, entry.record.manually_stopped) == (Phase.RUNNING, True)
    assert entry.keeper.signals == [1, 10]


def test_stop_kills_when_the_grace_is_over_and_not_before(core, clock):
    entry = add(core)
    run(core, entry)
    stopped = stopping.stop(core, entry, 3, "")
    clock.pass_(2.9)
    assert entry.keeper.signals == [15]
    clock.pass_(0.2)
    assert entry.keeper.signals == [15, 9]
    assert not stopped.done()
    entry.waiters.exited(137)
    assert stopped.result(0) is True
    assert actions(core)[2:] == ["kill", "kill"]  # "stop" is told with the end


def test_who_stops_a_container_that_awaits_its_restart_leaves_it_ended(core):
    entry = add(core, policy=RestartPolicy(name="always"))
    run(core, entry)
    core.commit(entry, entry.record.died(3, BIRTH + SECOND, restart=True))
    state = entry.record.state
    assert (state.status, state.running, state.restarting) == ("restarting", True, True)
    assert listing.status(entry.record, BIRTH + 4 * SECOND) == "Restarting (3) 3 seconds ago"
    waiting: Future = entry.waiters.add("not-running")
    assert stopping.stop(core, entry, None, "").result(0) is True
    assert (entry.record.phase, entry.record.manually_stopped) == (Phase.EXITED, True)
    assert waiting.result(0).status_code == 3


@pytest.mark.parametrize(
    ("health", "words"), [("starting", " (health: starting)"), ("healthy", " (healthy)"), ("unhealthy", " (unhealthy)")]
)
def test_a_row_says_how_healthy_a_running_container_is(core, health, words):
    entry = add(core)
    run(core, entry)
    record = replace(entry.record, state=replace(entry.record.state, health=Health(status=health)))
    assert listing.status(record, BIRTH + 60 * SECOND) == f"Up About a minute{words}"
    assert listing.health(record) == health


def test_a_renamed_container_is_found_by_its_new_name_only_and_the_old_one_is_free(core):
    entry = add(core)
    renaming.rename(core, entry, "/new")
    assert core.entries.resolve("new") is entry
    assert entry.record.name == "new"
    core.entries.reserve("x", "somebody else")
    (event,) = [event for event in core.events.history() if event.action == "rename"]
    assert (event.actor.attributes["name"], event.actor.attributes["oldName"]) == ("new", "/x")


@pytest.mark.parametrize(
    ("name", "error", "words"),
    [
        ("", Invalid, "Neither old nor new names may be empty"),
        ("x", Invalid, "Renaming a container with the same name as its current name"),
        ("/x", Invalid, "Renaming a container with the same name as its current name"),
        ("a/b", Invalid, r"Error when allocating new name: Invalid container name \(/a/b\), only"),
        (
            "yy",
            Conflict,
            'Error when allocating new name: Conflict. The container name "/yy" is already in use by container "yyy',
        ),
    ],
)
def test_a_name_that_is_none_or_taken_changes_nothing(core, name, error, words):
    entry, _ = add(core), add(core, "yy")
    with pytest.raises(error, match=words):
        renaming.rename(core, entry, name)
    assert (entry.record.name, core.entries.resolve("x")) == ("x", entry)
    assert actions(core) == ["create", "create"]


def test_a_rename_that_cannot_be_written_down_gives_the_new_name_back(core):
    entry = add(core)
    core.database.close()
    with pytest.raises(Exception, match="closed"):
        renaming.rename(core, entry, "new")
    assert not core.entries.taken("new")
    assert core.entries.taken("x")


def test_an_update_reaches_the_kernel_and_the_record(core):
    entry = add(core)
    run(core, entry)
    request = UpdateRequest(memory=64 << 20, memory_swap=128 << 20, cpu_shares=512, pids_limit=-1)
    assert updating.update(core, entry, request) == {"Warnings": []}
    host = entry.record.host_config
    assert (host.memory, host.memory_swap, host.cpu_shares, host.pids_limit) == (64 << 20, 128 << 20, 512, 0)
    (_, written) = core.cgroups.group.done[0]
    assert written["memory"]["limit"] == 64 << 20
    assert written["pids"] == {"limit": -1}
    assert actions(core)[-1] == "update"


def test_an_update_of_a_container_that_does_not_run_is_for_its_next_life(core):
    entry = add(core)
    updating.update(core, entry, UpdateRequest(cpu_shares=512))
    assert entry.record.host_config.cpu_shares == 512
    assert core.cgroups.group.done == []


@pytest.mark.parametrize(
    ("present", "request_", "error", "words"),
    [
        ({}, {"memory": 1}, Invalid, "Minimum memory limit allowed is 6MB"),
        ({}, {"memory": 64 << 20}, Conflict, "Memory limit should be smaller than already set memoryswap limit"),
        ({"memory": 64 << 20, "memory_swap": 128 << 20}, {"memory_swap": 1}, Invalid, "Minimum memoryswap limit should be"),
        (
            {"nano_cpus": 1_000_000_000},
            {"cpu_period": 100_000},
            Conflict,
            "CPU Period cannot be updated as NanoCPUs has already",
        ),
        ({"nano_cpus": 1_000_000_000}, {"cpu_quota": 20_000}, Conflict, "CPU Quota cannot be updated as NanoCPUs has already"),
        ({"cpu_quota": 20_000}, {"nano_cpus": 500_000_000}, Conflict, "Nano CPUs cannot be updated as CPU Quota has already"),
        ({}, {"cpuset_cpus": "4095"}, Invalid, "Requested CPUs are not available - requested 4095"),
        ({}, {"restart_policy": RestartPolicy(name="bad")}, Invalid, "unknown policy 'bad'"),
        (
            {},
            {"restart_policy": RestartPolicy(name="always", maximum_retry_count=3)},
            Invalid,
            "maximum retry count can only be used with 'on-failure'",
        ),
        (
            {"auto_remove": True},
            {"restart_policy": RestartPolicy(name="always")},
            Conflict,
            "Restart policy cannot be updated because AutoRemove is enabled for the container",
        ),
    ],
)
def test_an_update_that_contradicts_what_is_set_or_itself_changes_nothing(core, present, request_, error, words):
    entry = add(core)
    run(core, entry)
    core.commit(entry, replace(entry.record, host_config=replace(entry.record.host_config, **present)))
    before = entry.record
    with pytest.raises(error, match=words):
        updating.update(core, entry, UpdateRequest(**request_))
    assert entry.record is before
    assert core.cgroups.group.done == []


def test_memory_below_current_use_is_one_clear_conflict_and_the_old_limits_are_back(core):
    entry = add(core)
    run(core, entry)
    core.cgroups.group.error = OSError(16, "Device or resource busy", "/sys/fs/cgroup/memory/x/memory.limit_in_bytes")
    with pytest.raises(Conflict, match="it uses more memory than that now"):
        updating.update(core, entry, UpdateRequest(memory=8 << 20, memory_swap=8 << 20))
    assert entry.record.host_config.memory == 0
    (_, restored) = core.cgroups.group.done[-1]
    assert restored["memory"]["limit"] == -1


def test_a_policy_can_be_changed_alone(core):
    entry = add(core)
    updating.update(core, entry, UpdateRequest(restart_policy=RestartPolicy(name="on-failure", maximum_retry_count=3)))
    assert entry.record.host_config.restart_policy.maximum_retry_count == 3
    updating.update(core, entry, UpdateRequest(restart_policy=RestartPolicy()))
    assert entry.record.host_config.restart_policy.name == "on-failure"


@pytest.mark.parametrize("filters", [{"nosuch": ["x"]}, {"until": ["bad"]}, {"until": ["1h", "2h"]}])
def test_prune_refuses_filters_it_does_not_know(core, filters):
    with pytest.raises(Invalid):
        Pruning(core).prune(filters)


def test_whatever_ends_a_container_leaves_it_where_it_can_be_removed():
    removable = {phase for phase, change in TABLE if change is Change.REMOVE} | {Phase.REMOVING}
    for phase, change in itertools.product(Phase, (Change.DIE, Change.GIVE_UP)):
        if (phase, change) in TABLE:
            assert TABLE[phase, change] in removable


def test_the_page_draws_the_table():
    page = pathlib.Path(__file__).parents[3] / "docs" / "container-lifecycle.md"
    assert f"```mermaid\n{diagram()}\n```" in page.read_text()
