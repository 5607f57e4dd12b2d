"""Containers on cgroup version 2, forced where the host has both: born in their group, and nothing of it left."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from dockerkit.daemon.kernel import cgroups
from dockerkit.daemon.kernel.cgroups.hierarchies import read_mounts
from dockerkit.daemon.runtime.runtime import StartFailed

if TYPE_CHECKING:
    from conftest import Box, Boxes

UNIFIED = read_mounts().version2
pytestmark = [pytest.mark.system, pytest.mark.skipif(not UNIFIED, reason="no unified hierarchy is mounted")]


@pytest.fixture(autouse=True)
def _version_2(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(cgroups.SETTING, "2")


@pytest.fixture
def groups(boxes: Boxes) -> Iterator[cgroups.Cgroups]:
    """The groups of this session's containers."""
    found = cgroups.detect(boxes.make("true", client=False).spec["linux"]["cgroupsPath"].split("/")[0])
    yield found
    found.close()


def own_group(pid: int) -> str:
    lines = Path(f"/proc/{pid}/cgroup").read_text().splitlines()
    return next(line.removeprefix("0::/") for line in lines if line.startswith("0::"))


def running(boxes: Boxes, script: str) -> tuple[Box, int]:
    box = boxes.make("sh", "-c", script)
    del box.spec["linux"]["resources"]
    boxes.start(box)
    assert box.keeper is not None
    return box, box.keeper.pid


def test_a_container_is_born_in_its_group_and_its_keeper_is_not_there(boxes: Boxes, groups: cgroups.Cgroups) -> None:
    box, pid = running(boxes, "sleep 1000")
    path = box.spec["linux"]["cgroupsPath"]
    assert own_group(pid) == path
    keeper = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    assert path.split("/")[0] not in own_group(keeper)
    assert groups.open(path).pids() == [pid]


def test_it_sees_its_own_group_only_and_cannot_change_it(boxes: Boxes) -> None:
    box, _ = running(
        boxes, "cat /proc/self/cgroup; ls -d /sys/fs/cgroup/cgroup.procs; echo 1 > /sys/fs/cgroup/cgroup.freeze; echo end"
    )
    said = box.output()
    assert "0::/\n" in said
    assert "/sys/fs/cgroup/cgroup.procs\n" in said
    assert "Read-only file system" in said


def test_in_the_hosts_cgroup_namespace_it_sees_the_whole_tree(boxes: Boxes) -> None:
    box = boxes.make("sh", "-c", "cat /proc/self/cgroup; ls -d $0")
    del box.spec["linux"]["resources"]
    path = f"/sys/fs/cgroup/{box.spec['linux']['cgroupsPath']}"
    box.spec["process"]["args"].append(path)
    box.spec["linux"]["namespaces"] = [entry for entry in box.spec["linux"]["namespaces"] if entry["type"] != "cgroup"]
    boxes.start(box)
    said = box.output()
    assert said.endswith(f"{path}\n")
    assert f"0::/{box.spec['linux']['cgroupsPath']}\n" in said


def test_a_device_that_is_not_on_dockers_list_is_denied(boxes: Boxes) -> None:
    box, _ = running(boxes, "echo > /dev/null && echo null; mknod /tmp/kmsg c 1 11 && head -c1 /tmp/kmsg; echo end")
    said = box.output()
    assert said.startswith("null\n")
    assert "Operation not permitted" in said
    assert box.wait().exit_code == 0


def test_it_stands_still_while_it_is_frozen_and_dies_with_its_group(boxes: Boxes, groups: cgroups.Cgroups) -> None:
    box, pid = running(boxes, "sleep 1000 & while :; do :; done")
    path = box.spec["linux"]["cgroupsPath"]
    group = groups.open(path)
    group.freeze()
    used = group.stats()["cpuacct"]["usage"]
    assert group.stats()["cpuacct"]["usage"] == used
    group.kill()
    assert box.wait().exit_code == 128 + signal.SIGKILL
    assert not os.path.exists(f"/proc/{pid}")
    assert not os.path.exists(os.path.join(UNIFIED, path))


def test_a_limit_without_a_controller_is_told_with_its_step_and_leaves_nothing(boxes: Boxes) -> None:
    box = boxes.make("true")
    path = box.spec["linux"]["cgroupsPath"]
    box.spec["linux"]["resources"] = {"hugepageLimits": [{"pageSize": "3MB", "limit": 1}]}
    with pytest.raises(StartFailed, match="the cgroup controller hugetlb is not available") as caught:
        boxes.start(box)
    assert caught.value.step == "cgroup"
    assert not os.path.exists(os.path.join(UNIFIED, path))
