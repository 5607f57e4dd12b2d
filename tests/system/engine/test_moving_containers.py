"""Pause, restart, rename, update, prune, top and stats on a real kernel, as the API calls them."""

from __future__ import annotations

import os
import pathlib
import socket
import threading
from collections.abc import Callable
from concurrent.futures import wait as wait_all
from typing import TypeVar

import pytest

from dockerkit.daemon.engine.engine import Engine
from dockerkit.daemon.runtime.launch import Attachment
from dockerkit.errors import Conflict, Failed
from dockerkit.schema.container import HostConfig, RestartPolicy
from dockerkit.schema.update import UpdateRequest

pytestmark = pytest.mark.system
T = TypeVar("T")
BUSY = ("sh", "-c", "while :; do :; done")


def _group(engine: Engine, container: str, controller: str, file: str) -> str:
    path = engine._core.cgroup_path(engine._core.entries.resolve(container).record)
    return pathlib.Path("/sys/fs/cgroup", controller, path, file).read_text().strip()


def _actions(engine: Engine, container: str) -> list[str]:
    return [event.action for event in engine.events.history() if event.actor.id == container]


def test_a_paused_container_stands_still_and_goes_on(engine, make):
    container = make(*BUSY)
    engine.containers.pause(container)
    assert _group(engine, container, "freezer", "freezer.state") == "FROZEN"
    (row,) = engine.containers.list(filters={"status": ["paused"]})
    assert (row.id, row.state, row.status.endswith("(Paused)")) == (container, "paused", True)
    assert engine.system.info()["ContainersPaused"] == 1
    engine.containers.unpause(container)
    assert _group(engine, container, "freezer", "freezer.state") == "THAWED"
    assert _actions(engine, container)[-2:] == ["pause", "unpause"]


@pytest.mark.parametrize("act", ["kill", "stop", "remove", "restart"])
def test_a_frozen_container_can_be_ended_in_every_way(engine, make, act):
    container = make()
    engine.containers.pause(container)
    ended = engine.containers.wait(container, "next-exit")
    if act == "kill":
        engine.containers.kill(container)
    elif act == "stop":
        engine.containers.stop(container, timeout=0).result(20)
    elif act == "remove":
        engine.containers.remove(container, force=True).result(20)
    else:
        engine.containers.restart(container, timeout=0).result(20)
    assert ended.result(20).status_code == 137
    if act == "restart":
        state = engine.containers.inspect(container).state
        assert (state.status, state.paused) == ("running", False)


def test_what_is_paused_is_neither_started_nor_removed_without_force(engine, make):
    container = make(name="stands-still")
    engine.containers.pause(container)
    with pytest.raises(Conflict, match="cannot start a paused container, try unpause instead"):
        engine.containers.start(container)
    words = 'cannot remove container "/stands-still": container is paused and must be unpaused first'
    with pytest.raises(Conflict, match=words):
        engine.containers.remove(container)


def test_restart_runs_the_program_again_as_dockerd_tells_it(engine, make):
    container = make(name="again")
    first = engine.containers.inspect(container).state
    engine.containers.restart(container, timeout=0).result(20)
    second = engine.containers.inspect(container).state
    assert second.running
    assert (second.pid, second.started_at) != (first.pid, first.started_at)
    assert _actions(engine, container) == ["create", "start", "kill", "kill", "die", "stop", "start", "restart"]


def test_restart_only_starts_what_does_not_run(engine, make):
    container = make("true", start=False)
    ended = engine.containers.wait(container, "next-exit")
    engine.containers.restart(container).result(20)
    assert ended.result(20).status_code == 0
    assert _actions(engine, container)[:3] == ["create", "start", "restart"]


def test_a_restart_that_cannot_start_says_so(engine, make):
    container = make("nosuch", start=False, name="unable")
    with pytest.raises(Failed, match=r'cannot restart container unable: .*exec: "nosuch": executable file not found in'):
        engine.containers.restart("unable").result(20)
    assert engine.containers.inspect(container).state.exit_code == 127


def test_what_removes_itself_survives_a_restart_and_goes_at_its_own_end(engine, make):
    container = make(host=HostConfig(network_mode="none", auto_remove=True))
    wait_all([engine.containers.restart(container, timeout=0) for _ in range(2)], 20)
    assert engine.containers.inspect(container).state.running
    gone = engine.containers.wait(container, "removed")
    engine.containers.kill(container)
    assert gone.result(20).status_code == 137


def test_restarted_by_hand_is_not_restarted_by_its_policy_too(engine, make):
    container = make(host=HostConfig(network_mode="none", restart_policy=RestartPolicy(name="always")))
    engine.containers.restart(container, timeout=0).result(20)
    found = engine.containers.inspect(container)
    assert (found.state.running, found.restart_count) == (True, 0)
    engine.containers.stop(container, timeout=0).result(20)
    assert engine.containers.inspect(container).state.status == "exited"


def test_a_new_name_holds_at_once_and_the_old_one_is_free(engine, make):
    container = make(name="old-name")
    engine.containers.rename(container, "new-name")
    assert engine.containers.inspect("new-name").name == "/new-name"
    other = make(name="old-name")
    with pytest.raises(Conflict, match="is already in use by container"):
        engine.containers.rename(other, "new-name")
    assert engine.containers.inspect("old-name").id == other


def test_new_limits_hold_at_once_and_in_the_next_life(engine, make):
    container = make()
    request = UpdateRequest(memory=64 << 20, memory_swap=-1, nano_cpus=500_000_000, pids_limit=50, cpuset_cpus="0")
    assert engine.containers.update(container, request) == {"Warnings": []}
    for _ in range(2):
        assert _group(engine, container, "memory", "memory.limit_in_bytes") == str(64 << 20)
        assert _group(engine, container, "cpu", "cpu.cfs_quota_us") == "50000"
        assert _group(engine, container, "pids", "pids.max") == "50"
        assert _group(engine, container, "cpuset", "cpuset.cpus") == "0"
        engine.containers.restart(container, timeout=0).result(20)
    engine.containers.update(container, UpdateRequest(pids_limit=0))
    assert _group(engine, container, "pids", "pids.max") == "max"


def test_memory_below_what_is_used_and_cannot_be_freed_is_refused_and_changes_nothing(engine, make):
    host = HostConfig(network_mode="none", tmpfs={"/fill": ""}, memory=128 << 20, memory_swap=128 << 20)
    container = make("sh", "-c", "head -c 40m /dev/zero > /fill/x; echo full; exec sleep 1000", host=host)
    _wait_for_output(engine, container)
    with pytest.raises(Conflict, match=f"Cannot update container {container}: it uses more memory than that now"):
        engine.containers.update(container, UpdateRequest(memory=8 << 20, memory_swap=8 << 20, cpuset_cpus="0"))
    assert engine.containers.inspect(container).host_config.memory == 128 << 20
    assert _group(engine, container, "memory", "memory.limit_in_bytes") == str(128 << 20)
    assert _group(engine, container, "cpuset", "cpuset.cpus") == _group(engine, container, "cpuset", "../cpuset.cpus")
    assert engine.containers.inspect(container).state.running


def _wait_for_output(engine: Engine, container: str) -> None:
    heard = threading.Event()
    with_output = engine.containers.follow(
        container, stdout=True, stderr=False, since=0, until=0, tail=None, timestamps=False, wake=heard.set
    )
    try:
        while not list(with_output.lines()):
            assert heard.wait(20)
            heard.clear()
    finally:
        with_output.close()


def test_prune_takes_what_does_not_run_and_fits(engine, make):
    running, created = make(), make(start=False, labels={"k": "v"})
    ended = make("sh", "-c", "echo 12345 > /five", labels={"k": "w"})
    engine.containers.wait(ended).result(20)
    assert engine.containers.prune({"label": ["k=v"], "until": ["1h"]}) == {"ContainersDeleted": None, "SpaceReclaimed": 0}
    assert engine.containers.prune({"label": ["k=v"]})["ContainersDeleted"] == [created]
    answer = engine.containers.prune({"label!": ["other"]})
    assert (ended in answer["ContainersDeleted"], answer["SpaceReclaimed"] >= 6) == (True, True)
    assert engine.containers.inspect(running).state.running
    (last,) = [event for event in engine.events.history() if event.action == "prune"][-1:]
    assert last.actor.attributes["reclaimed"] == str(answer["SpaceReclaimed"])


def test_top_shows_every_process_of_the_container_and_no_other(engine, make):
    container = make("sh", "-c", "sleep 1000 & exec sleep 2000")
    both = {"sleep 2000", "sleep 1000"}
    found = _seen(lambda: engine.containers.top(container), lambda found: {row[-1] for row in found["Processes"]} == both)
    assert found["Titles"] == ["UID", "PID", "PPID", "C", "STIME", "TTY", "TIME", "CMD"]
    init, child = found["Processes"]
    assert (init[0], init[-1], child[-1]) == ("root", "sleep 2000", "sleep 1000")
    assert init[1] == child[2] == str(engine.containers.inspect(container).state.pid)
    engine.containers.pause(container)
    assert len(engine.containers.top(container, "-o pid,args")["Processes"]) == 2


def _seen(look: Callable[[], T], wanted: Callable[[T], bool]) -> T:
    """Look until what is wanted is there; what a program does next tells nobody."""
    for _ in range(10_000):
        if wanted(found := look()):
            return found
    raise AssertionError(f"ten thousand looks have not shown it: {found}")


def test_top_of_what_does_not_run_is_refused(engine, make):
    container = make(start=False)
    with pytest.raises(Conflict, match=f"container {container} is not running"):
        engine.containers.top(container)


def test_docker_stats_computes_sane_figures_from_two_samples(engine, make):
    container = make(*BUSY, host=HostConfig(network_mode="none", memory=64 << 20))
    engine.containers.stats(container)
    (sample,) = engine._core.entries.resolve(container).samples
    engine._core.entries.resolve(container).samples[0] = sample._replace(moment=sample.moment - 1)
    _burn(0.3)
    found = engine.containers.stats(container)
    now, before = found["cpu_stats"], found["precpu_stats"]
    used = now["cpu_usage"]["total_usage"] - before["cpu_usage"]["total_usage"]
    passed = now["system_cpu_usage"] - before["system_cpu_usage"]
    assert 0 < used / passed * now["online_cpus"] <= now["online_cpus"] * 1.2
    memory = found["memory_stats"]
    assert 0 < memory["usage"] - memory["stats"]["total_inactive_file"] < memory["limit"] == 64 << 20
    assert found["pids_stats"]["current"] == 1
    assert found["preread"] < found["read"]
    assert (found["name"], found["id"]) == (engine.containers.inspect(container).name, container)


def _burn(seconds: float) -> None:
    """Let the container compute while this process does."""
    end = os.times().user + seconds
    while os.times().user < end:
        pass


def test_stats_of_what_does_not_run_are_zeros_as_dockerds(engine, make):
    found = engine.containers.stats(make(start=False))
    assert (found["read"], found["memory_stats"], found["pids_stats"]) == ("0001-01-01T00:00:00Z", {}, {})
    assert found["cpu_stats"]["cpu_usage"]["total_usage"] == 0


def test_listening_ports_are_the_containers_own(engine, make):
    container = make("sh", "-c", "nc -l -p 8080 & echo ready; exec sleep 1000")
    _wait_for_output(engine, container)
    _seen(lambda: engine.containers.listening(container), lambda found: found == {"Ports": [8080]})


def test_disk_usage_counts_images_layers_and_what_containers_wrote(engine, make):
    container = make("sh", "-c", "head -c 5000 /dev/zero > /x; echo done; exec sleep 1000")
    _wait_for_output(engine, container)
    found = engine.system.disk_usage()
    (image,) = [row for row in found["Images"] if row.repo_tags == ["busybox:latest"]]
    assert found["LayersSize"] == image.size > 0
    assert image.containers >= 1
    (row,) = [row for row in found["Containers"] if row.id == container]
    assert (row.size_rw, row.size_root_fs) == (5000, image.size + 5000)
    assert engine.system.disk_usage(["image"])["Containers"] is None


def test_a_client_that_never_reads_does_not_hold_up_a_restart(engine, make):
    container = make("sh", "-c", "head -c 8m /dev/zero; exec sleep 1000", start=False)
    ours, theirs = socket.socketpair()
    with ours:
        engine.containers.attach(container, Attachment(theirs.detach(), stdout=True, framed=False))
        engine.containers.start(container)
        _seen(lambda: engine.containers.top(container), lambda found: found["Processes"][0][-1] == "sleep 1000")
        engine.containers.restart(container, timeout=0).result(20)
        assert engine.containers.inspect(container).state.running
