"""OCI resources become version 2's files and values, converted as runc and crun convert them."""

import errno

import pytest

from dockerkit.daemon.kernel.cgroups.limits2 import cpu_weight, io_weight, swap_max, writes


def flat(resources, *, files=(), cpu_max="max 100000"):
    return [(write.file, write.value) for write in writes(resources, lambda file: file in files, lambda: cpu_max)]


@pytest.mark.parametrize(
    ("shares", "weight"), [(2, 1), (1, 1), (256, 35), (512, 59), (1024, 100), (2048, 174), (262144, 10000), (1 << 20, 10000)]
)
def test_shares_become_the_weight_of_other_runtimes(shares, weight):
    assert cpu_weight(shares) == weight


def test_more_shares_are_never_less_weight():
    weights = [cpu_weight(shares) for shares in range(2, 5000)]
    assert weights == sorted(weights)
    assert cpu_weight(1024) == 100


@pytest.mark.parametrize(("weight", "converted"), [(10, 1), (100, 910), (500, 4950), (1000, 10000)])
def test_a_block_weight_is_put_on_the_other_scale(weight, converted):
    assert io_weight(weight) == converted


@pytest.mark.parametrize(
    ("memory", "both", "swap"), [(100, 300, "200"), (100, 100, "0"), (100, -1, "max"), (-1, -1, "max"), (-1, 50, "50")]
)
def test_swap_is_what_goes_beyond_memory(memory, both, swap):
    assert swap_max(memory, both) == swap


@pytest.mark.parametrize(("memory", "both"), [(300, 200), (0, 200)])
def test_swap_without_or_below_memory_is_refused(memory, both):
    with pytest.raises(OSError) as refused:
        swap_max(memory, both)
    assert refused.value.errno == errno.EINVAL


def test_nothing_asked_for_writes_nothing():
    assert flat({}) == []
    assert flat({"cpu": {"shares": 0, "quota": 0}, "memory": {}, "pids": None, "blockIO": {"weight": 0}}) == []


def test_memory_swap_and_reservation():
    assert flat({"memory": {"limit": 1 << 28, "swap": 1 << 29, "reservation": 1 << 27}}) == [
        ("memory.swap.max", "268435456"),
        ("memory.max", "268435456"),
        ("memory.low", "134217728"),
    ]
    assert flat({"memory": {"limit": -1}}) == [("memory.swap.max", "max"), ("memory.max", "max")]


@pytest.mark.parametrize(
    ("cpu", "value"),
    [
        ({"quota": 50000, "period": 20000}, "50000 20000"),
        ({"quota": 50000}, "50000"),
        ({"quota": -1, "period": 20000}, "max 20000"),
        ({"quota": -1}, "max"),
        ({"period": 20000}, "7000 20000"),
    ],
)
def test_a_period_alone_keeps_the_quota(cpu, value):
    assert flat({"cpu": cpu}, cpu_max="7000 100000") == [("cpu.max", value)]


def test_disks():
    block = {
        "weight": 300,
        "weightDevice": [{"major": 8, "minor": 0, "weight": 100}],
        "throttleReadBpsDevice": [{"major": 8, "minor": 16, "rate": 1000}],
        "throttleWriteIOPSDevice": [{"major": 8, "minor": 16, "rate": 0}],
    }
    throttled = [("io.max", "8:16 rbps=1000"), ("io.max", "8:16 wiops=max")]
    assert flat({"blockIO": block}) == [("io.weight", "2930"), ("io.weight", "8:0 910"), *throttled]
    assert flat({"blockIO": block}, files=("io.bfq.weight",)) == [
        ("io.bfq.weight", "300"),
        ("io.bfq.weight", "8:0 100"),
        *throttled,
    ]


def test_huge_pages_are_bounded_when_reserved_too_where_the_kernel_can():
    limits = {"hugepageLimits": [{"pageSize": "2MB", "limit": 5}]}
    assert flat(limits) == [("hugetlb.2MB.max", "5")]
    assert flat(limits, files=("hugetlb.2MB.rsvd.max",)) == [("hugetlb.2MB.max", "5"), ("hugetlb.2MB.rsvd.max", "5")]


def test_everything_else_reaches_its_file():
    resources = {
        "cpu": {"cpus": "0-1", "mems": "0", "idle": 1, "burst": 5},
        "pids": {"limit": 7},
        "unified": {"memory.high": "1000"},
    }
    assert flat(resources) == [
        ("cpuset.mems", "0"),
        ("cpuset.cpus", "0-1"),
        ("cpu.idle", "1"),
        ("cpu.max.burst", "5"),
        ("pids.max", "7"),
        ("memory.high", "1000"),
    ]
    assert flat({"pids": {"limit": -1}}) == [("pids.max", "max")]
