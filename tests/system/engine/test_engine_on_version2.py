"""An engine told to use cgroup version 2: warnings for what it cannot limit, info, stats, pause, kill, nothing left."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator

import pytest
from liveengine import Ear, create

from dockerkit.daemon.engine.engine import Engine
from dockerkit.daemon.kernel import cgroups
from dockerkit.daemon.kernel.cgroups.hierarchies import read_mounts
from dockerkit.daemon.runtime.spec.host import this_host
from dockerkit.schema.container import CreateRequest, HostConfig

UNIFIED = read_mounts().version2
MIB = 1024 * 1024
pytestmark = [pytest.mark.system, pytest.mark.skipif(not UNIFIED, reason="no unified hierarchy is mounted")]


@pytest.fixture(scope="module")
def engine(new_root: Callable[[], str]) -> Iterator[Engine]:
    """A started engine on version 2, with ``busybox``."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(cgroups.SETTING, "2")
        this_host.cache_clear()  # it looked with version 1
        started = Engine(new_root())
        started.start()
        started.images.bootstrap("busybox", programs=[], packages=[], progress=lambda _: None)
        yield started
        for row in started.containers.list(all=True):
            started.containers.remove(row.id, force=True).result(20)
        started.close()
    this_host.cache_clear()


def test_info_says_which_version_and_why(engine: Engine) -> None:
    info = engine.system.info()
    assert (info["CgroupVersion"], info["CgroupDriver"]) == ("2", "cgroupfs")
    assert info["CgroupReason"].startswith("version 2, as DOCKERKIT_CGROUPS says")
    assert info["MemoryLimit"] == ("memory.limit" in this_host().limits)
    assert ("WARNING: No memory limit support" in info["Warnings"]) != info["MemoryLimit"]


def test_limits_without_a_controller_are_discarded_with_a_warning(engine: Engine) -> None:
    if "memory.limit" in this_host().limits:
        pytest.skip("there is one")
    limits = HostConfig(network_mode="none", memory=64 * MIB, pids_limit=7)
    made = engine.containers.create(CreateRequest(image="busybox", cmd=["true"], host_config=limits))
    assert made.warnings == [
        "Your kernel does not support memory limit capabilities or the cgroup is not mounted. Limitation discarded.",
        "Your kernel does not support PIDs limit capabilities or the cgroup is not mounted. PIDs limit discarded.",
    ]
    with Ear(engine) as ear:
        engine.containers.start(made.id)
        ear.until("die")
    assert engine.containers.inspect(made.id).state.exit_code == 0
    engine.containers.remove(made.id, force=True).result(20)


def test_a_container_pauses_is_measured_is_killed_and_leaves_no_group(engine: Engine) -> None:
    id = create(engine, "life", "sh", "-c", "while :; do :; done")
    with Ear(engine) as ear:
        engine.containers.start(id)
        engine.containers.pause(id)
        (place,) = [entry for entry in os.scandir(f"{UNIFIED}/{engine._core.cgroups.parent}/confined") if entry.name == id]
        with open(f"{place.path}/cgroup.events", encoding="ascii") as events:
            assert "frozen 1" in events.read()
        found = engine.containers.stats(id)
        engine.containers.unpause(id)
        engine.containers.kill(id)
        ear.until("die")
    assert found["cpu_stats"]["cpu_usage"]["total_usage"] > 0
    assert "percpu_usage" not in found["cpu_stats"]["cpu_usage"]
    assert found["blkio_stats"]["io_serviced_recursive"] is None
    assert "max_usage" not in found["memory_stats"]
    engine.containers.remove(id, force=True).result(20)
    assert not os.path.exists(place.path)
