"""OCI resources become the right files and values, in the right order."""

from dockerkit.daemon.kernel.cgroups.devices import DEFAULT_DEVICES, EVERYTHING, confined_rules, container_rules
from dockerkit.daemon.kernel.cgroups.limits import Write, steps


def flat(resources):
    return [(write.file, write.value) for step in steps(resources) for write in step]


def test_nothing_asked_for_writes_nothing():
    assert steps({}) == []
    assert steps({"cpu": {"shares": 0}, "memory": {}, "pids": None}) == []


def test_memory_and_swap_are_one_step_because_each_bounds_the_other():
    (step,) = steps({"memory": {"limit": 1 << 28, "swap": 1 << 29}})
    assert step == (
        Write("memory", "memory.limit_in_bytes", "268435456"),
        Write("memory", "memory.memsw.limit_in_bytes", "536870912"),
    )


def test_period_is_written_before_quota():
    assert flat({"cpu": {"quota": 50000, "period": 100000}}) == [("cpu.cfs_period_us", "100000"), ("cpu.cfs_quota_us", "50000")]


def test_memory_nodes_are_written_before_processors():
    assert flat({"cpu": {"cpus": "0-1", "mems": "0"}}) == [("cpuset.mems", "0"), ("cpuset.cpus", "0-1")]


def test_no_process_limit_is_max():
    assert flat({"pids": {"limit": -1}}) == [("pids.max", "max")]
    assert flat({"pids": {"limit": 7}}) == [("pids.max", "7")]


def test_every_other_limit_reaches_its_file():
    resources = {
        "memory": {"reservation": 1, "swappiness": 0, "disableOOMKiller": True},
        "cpu": {"shares": 512, "realtimePeriod": 2, "realtimeRuntime": 1, "burst": 5, "idle": 1},
        "blockIO": {
            "weight": 300,
            "weightDevice": [{"major": 8, "minor": 0, "weight": 100}],
            "throttleWriteIOPSDevice": [{"major": 8, "minor": 16, "rate": 9}],
        },
    }
    assert dict(flat(resources)) == {
        "memory.soft_limit_in_bytes": "1",
        "memory.swappiness": "0",
        "memory.oom_control": "1",
        "cpu.shares": "512",
        "cpu.rt_period_us": "2",
        "cpu.rt_runtime_us": "1",
        "cpu.cfs_burst_us": "5",
        "cpu.idle": "1",
        "blkio.weight": "300",
        "blkio.weight_device": "8:0 100",
        "blkio.throttle.write_iops_device": "8:16 9",
    }


def test_a_fresh_confined_group_is_denied_everything_first():
    rules = confined_rules(EVERYTHING)
    assert rules[0] == ("devices.deny", "a")
    assert [rule.line for rule in rules[1:]] == list(DEFAULT_DEVICES)


def test_an_interrupted_device_list_is_completed_without_denying_again():
    assert [rule.line for rule in confined_rules("\n".join(DEFAULT_DEVICES[:3]))] == list(DEFAULT_DEVICES[3:])
    assert confined_rules("\n".join(DEFAULT_DEVICES)) == []


def test_a_containers_own_device_list_keeps_the_defaults():
    rules = container_rules(
        [{"allow": False, "access": "rwm"}, {"allow": True, "type": "c", "major": 10, "minor": 229, "access": "rw"}]
    )
    assert rules[0] == ("devices.deny", "a")
    assert rules[-1] == ("devices.allow", "c 10:229 rw")
    assert ("devices.allow", "c 1:3 rwm") in rules


def test_allowing_everything_writes_nothing():
    assert container_rules([{"allow": True, "access": "rwm"}]) == []
    assert container_rules([{"allow": True, "type": "a", "major": -1, "minor": -1, "access": "rwm"}]) == []
    assert container_rules(None) == []


def test_a_wildcard_minor_stays_a_wildcard():
    assert container_rules([{"allow": True, "type": "b", "major": 8, "minor": -1, "access": "r"}]) == [
        ("devices.allow", "b 8:* r")
    ]
