"""The contract of cgroups, run over every implementation."""

import errno
import os
import signal
import threading
import time

import pytest

from dockerkit.daemon.kernel.cgroups import limits2

pytestmark = pytest.mark.system
MIB = 1024 * 1024


def pause():
    signal.pause()


def test_a_child_that_joins_is_inside_and_nobody_else_is(group, inside):
    assert group.pids() == []
    pid = inside(group, pause)
    assert group.pids() == [pid]


def test_the_groups_child_processes_are_born_inside(group, inside):
    def fork_and_wait():
        os.fork()
        signal.pause()

    inside(group, fork_and_wait)
    until(lambda: len(group.pids()) == 2)


def test_preparing_twice_changes_nothing(cgroups, group):
    cgroups.prepare()
    assert cgroups.list() == [group.path]


def test_creating_twice_takes_the_group_over(cgroups, group, needs):
    needs("pids")
    again = cgroups.create(group.path, {"pids": {"limit": 5}})
    assert again.stats()["pids"]["limit"] == 5


def test_a_path_outside_of_the_parent_is_refused(cgroups):
    for path in (
        "elsewhere/confined/x",
        f"{cgroups.parent}/confined/..",
        f"{cgroups.parent}/other/x",
        f"{cgroups.parent}/confined",
    ):
        with pytest.raises(OSError) as refused:
            cgroups.create(path, {})
        assert refused.value.errno == errno.EINVAL
        assert refused.value.filename == path


def test_more_processes_than_the_limit_cannot_be_forked(cgroups, inside, exit_status, needs):
    needs("pids")
    group = cgroups.create(f"{cgroups.parent}/confined/pids", {"pids": {"limit": 3}})

    def bomb():
        try:
            for _ in range(10):
                if os.fork() == 0:
                    signal.pause()
        except BlockingIOError:
            return 7
        return 0

    assert exit_status(inside(group, bomb)) == 7
    assert group.stats()["pids"]["limit"] == 3
    group.kill()


def test_too_much_memory_is_killed_and_counted(cgroups, inside, exit_status, needs):
    needs("memory.limit")
    group = cgroups.create(f"{cgroups.parent}/confined/memory", {"memory": {"limit": 16 * MIB, "swap": 16 * MIB}})
    assert group.oom_kills() == 0

    def eat():
        bytearray(64 * MIB)

    assert exit_status(inside(group, eat)) == -signal.SIGKILL
    assert group.oom_kills() >= 1
    assert group.stats()["memory"]["limit"] == 16 * MIB


def test_memory_limits_can_be_raised_and_lowered_together(cgroups, needs):
    needs("memory.limit")
    group = cgroups.create(f"{cgroups.parent}/confined/both", {"memory": {"limit": 16 * MIB, "swap": 32 * MIB}})
    for limit in (128 * MIB, 8 * MIB):
        group.update({"memory": {"limit": limit, "swap": 2 * limit}})
        assert group.stats()["memory"]["limit"] == limit
    group.update({"memory": {"limit": 64 * MIB, "swap": -1}})
    assert group.stats()["memory"]["limit"] == 64 * MIB


def test_cpu_quota_and_period_can_be_raised_and_lowered_together(cgroups, needs):
    needs("cpu.quota")
    group = cgroups.create(f"{cgroups.parent}/confined/cpu", {"cpu": {"quota": 50000, "period": 100000, "shares": 512}})
    for period in (1000000, 10000):
        group.update({"cpu": {"period": period, "quota": period // 2}})


def test_a_cpu_quota_throttles(cgroups, inside, needs):
    needs("cpu.quota")
    group = cgroups.create(f"{cgroups.parent}/confined/slow", {"cpu": {"quota": 1000, "period": 10000}})

    def spin():
        while True:
            pass

    inside(group, spin)
    until(lambda: group.stats()["cpu"]["throttled_periods"] > 0)
    assert group.stats()["cpuacct"]["usage"] > 0


def test_a_container_runs_on_its_processors_only(cgroups, inside, exit_status, needs):
    needs("cpuset")
    group = cgroups.create(f"{cgroups.parent}/confined/set", {"cpu": {"cpus": "0", "mems": "0"}})
    assert exit_status(inside(group, lambda: len(os.sched_getaffinity(0)))) == 1


def test_a_processor_that_is_not_there_is_refused_and_leaves_nothing(cgroups, needs):
    needs("cpuset")
    with pytest.raises(OSError) as refused:
        cgroups.create(f"{cgroups.parent}/confined/nowhere", {"cpu": {"cpus": "4000"}})
    assert "cpuset.cpus" in refused.value.filename
    assert cgroups.list() == []


def use(path_of_node, numbers, mode=os.O_RDONLY):
    """Return a function that makes a device node, opens it, and exits with the errno."""

    def try_it():
        os.mknod(path_of_node, 0o600 | 0o020000, os.makedev(*numbers))
        try:
            os.open(path_of_node, mode)
        except OSError as error:
            return error.errno
        finally:
            os.unlink(path_of_node)
        return 0

    return try_it


def test_a_confined_container_can_use_the_default_devices_only(group, inside, exit_status, tmp_path):
    node = str(tmp_path / "node")
    assert exit_status(inside(group, use(node, (1, 3)))) == 0
    assert exit_status(inside(group, use(node, (1, 11)))) == errno.EPERM


def test_an_open_container_can_use_every_device(cgroups, inside, exit_status, tmp_path):
    group = cgroups.create(f"{cgroups.parent}/open/all", {"devices": [{"allow": True, "access": "rwm"}]})
    assert exit_status(inside(group, use(str(tmp_path / "node"), (1, 11)))) in (0, errno.ENXIO)


def test_a_container_with_one_device_more_can_use_that_one_only(cgroups, inside, exit_status, tmp_path):
    devices = [{"allow": False, "access": "rwm"}, {"allow": True, "type": "c", "major": 1, "minor": 11, "access": "r"}]
    group = cgroups.create(f"{cgroups.parent}/open/one", {"devices": devices})
    node = str(tmp_path / "node")
    assert exit_status(inside(group, use(node, (1, 11)))) in (0, errno.ENXIO)
    assert exit_status(inside(group, use(node, (1, 11), os.O_WRONLY))) == errno.EPERM
    assert exit_status(inside(group, use(node, (1, 5)))) == 0
    assert exit_status(inside(group, use(node, (10, 229)))) == errno.EPERM


def test_a_frozen_container_stands_still_until_thawed(group, inside):
    def spin():
        while True:
            pass

    inside(group, spin)
    group.freeze()
    before = group.stats()["cpuacct"]["usage"]
    assert group.stats()["cpuacct"]["usage"] == before
    group.thaw()
    until(lambda: group.stats()["cpuacct"]["usage"] > before)


def test_a_frozen_container_dies_when_killed(group, inside, exit_status):
    pid = inside(group, pause)
    group.freeze()
    group.kill()
    assert exit_status(pid) == -signal.SIGKILL


def test_a_fork_bomb_is_killed_to_the_last_process(cgroups, inside, exit_status, needs):
    needs("pids")
    group = cgroups.create(f"{cgroups.parent}/confined/bomb", {"pids": {"limit": 100}})

    def bomb():
        while True:
            try:
                os.fork()
            except BlockingIOError:
                continue

    inside(group, bomb)
    until(lambda: len(group.pids()) > 20)
    group.kill()
    group.remove()
    assert group.pids() == []


def test_removal_waits_for_the_killed_to_leave(group, inside, cgroups):
    pid = inside(group, lambda: bytearray(128 * MIB) and signal.pause())
    reaper = threading.Thread(target=os.waitpid, args=(pid, 0))
    group.kill()
    reaper.start()
    group.remove()
    reaper.join()
    assert cgroups.list() == []


def test_removing_twice_succeeds(group):
    group.remove()
    group.remove()
    assert group.pids() == []


def test_groups_the_container_made_inside_go_with_it(group, cgroups):
    for tree in cgroups.hierarchies:
        os.makedirs(os.path.join(tree.directory, group.path, "inner", "innermost"))
    group.remove()
    assert cgroups.list() == []


def test_an_impossible_limit_is_an_error_that_names_the_file(group, needs):
    needs("cpu.quota")
    with pytest.raises(OSError) as refused:
        group.update({"cpu": {"quota": 1}})
    assert refused.value.filename.endswith((f"{group.path}/cpu.cfs_quota_us", f"{group.path}/cpu.max"))


def test_another_handle_finds_the_same_group(handle, group, inside):
    pid = inside(group, pause)
    again = handle()
    assert again.list() == [group.path]
    assert again.open(group.path).pids() == [pid]


def test_a_closed_hierarchy_is_never_mistaken_for_another_file(cgroups, handle, tmp_path):
    other = handle()
    group = other.open(f"{cgroups.parent}/confined/closed")
    other.close()
    descriptors = [os.open(tmp_path, os.O_RDONLY) for _ in range(10)]
    with pytest.raises(OSError) as refused:
        group.stats()
    for descriptor in descriptors:
        os.close(descriptor)
    assert refused.value.errno == errno.EBADF
    assert other.list() == []


def test_a_parent_with_containers_is_not_discarded(handle, group, inside):
    inside(group, pause)
    with pytest.raises(OSError) as refused:
        handle().discard()
    assert refused.value.errno == errno.EBUSY


def test_the_host_says_which_limits_it_keeps(cgroups):
    kept = {"memory.limit": "memory", "pids": "pids", "cpu.quota": "cpu", "cpuset": "cpuset"}
    assert {name for name, controller in kept.items() if controller in cgroups.controllers} <= cgroups.features()
    assert {"devices", "freezer"} <= cgroups.features()


def test_a_limit_without_its_controller_is_an_error_that_says_so(cgroups):
    lacking = {"pids": {"limit": 5}, "memory": {"limit": 64 * MIB}, "cpu": {"shares": 5}}
    for controller, limit in lacking.items():
        if controller not in cgroups.controllers:
            with pytest.raises(OSError, match=f"the cgroup controller {controller} is not") as refused:
                cgroups.create(f"{cgroups.parent}/confined/lacking", {controller: limit})
            assert refused.value.errno == errno.EOPNOTSUPP
    assert cgroups.list() == []


def test_swap_is_skipped_and_said_when_the_kernel_does_not_count_it(cgroups, group, monkeypatch, needs):
    needs("memory.limit")
    if cgroups.version == 1:
        monkeypatch.setattr(group, "_has_swap_file", lambda: False)
        file = "memory.memsw.limit_in_bytes"
    else:
        file = "memory.swap.nosuch"
        monkeypatch.setattr(limits2, "SWAP_FILE", file)
    group.update({"memory": {"limit": 64 * MIB, "swap": 64 * MIB}})
    assert group.skipped == (file,)
    assert group.stats()["memory"]["limit"] == 64 * MIB


def until(reached):
    """Come back when `reached` is true; the test's time-out is the bound."""
    while not reached():
        time.sleep(0)  # gives the processor away, nothing more
