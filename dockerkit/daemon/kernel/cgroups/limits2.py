"""OCI ``linux.resources`` as the version 2 files and values that mean it, converted where version 1 counted otherwise. Pure.

The OCI's numbers are those of version 1; what a share or a weight becomes is what runc and crun make of it, so that a container
gets the same here as there. Sources: OCI runtime spec, config-linux (Control groups); Linux
Documentation/admin-guide/cgroup-v2; opencontainers/cgroups, ``ConvertCPUSharesToCgroupV2Value`` and
``ConvertBlkIOToCgroupV2Value``.
"""

from __future__ import annotations

import errno
import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from dockerkit.daemon.kernel.cgroups.limits import Write

LIMITING = ("memory", "pids", "cpu", "cpuset", "io")
"""Controllers that keep Docker's limits."""
USED = (*LIMITING, "hugetlb")
"""Controllers containers' groups are given, when the host has them."""
FEATURES: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "memory.limit": ("memory", ("memory.max",)),
    "memory.swap": ("memory", ("memory.swap.max",)),
    "memory.reservation": ("memory", ("memory.low",)),
    "cpu.shares": ("cpu", ("cpu.weight",)),
    "cpu.quota": ("cpu", ("cpu.max",)),
    "cpuset": ("cpuset", ("cpuset.cpus",)),
    "pids": ("pids", ("pids.max",)),
    "blkio.weight": ("io", ("io.bfq.weight", "io.weight")),
    "blkio.weight_device": ("io", ("io.bfq.weight", "io.weight")),
    "blkio.throttle": ("io", ("io.max",)),
}
"""Names of version 1's ``limits.FEATURES`` → the controller and the files of which one tells that a host can keep the limit.

Version 2 has no swappiness, no switch for the out-of-memory killer and no real-time budgets."""
SWAP_FILE = "memory.swap.max"
MEMORY_FILE = "memory.max"
CPU_FILE = "cpu.max"
BFQ_FILE = "io.bfq.weight"

_LEAST_SHARES, _MOST_SHARES, _MOST_WEIGHT = 2, 1 << 18, 10_000
_THROTTLES = (
    ("throttleReadBpsDevice", "rbps"),
    ("throttleWriteBpsDevice", "wbps"),
    ("throttleReadIOPSDevice", "riops"),
    ("throttleWriteIOPSDevice", "wiops"),
)


def cpu_weight(shares: int) -> int:
    """Return the weight (1 to 10000, usually 100) that stands for `shares` (2 to 262144, usually 1024).

    A curve through least, usual and most; a straight line would give the usual 1024 shares a weight of 39.
    """
    if shares <= _LEAST_SHARES:
        return 1
    if shares >= _MOST_SHARES:
        return _MOST_WEIGHT
    power = math.log2(shares)
    return math.ceil(10 ** ((power * power + 125 * power) / 612 - 7 / 34))


def io_weight(weight: int) -> int:
    """Return the weight (1 to 10000) that stands for a block I/O weight (10 to 1000)."""
    return 1 + (weight - 10) * 9999 // 990


def swap_max(memory: int, both: int) -> str:
    """Return how much may be swapped, when `memory` and `both` memory and swap are bounded; -1 is no bound.

    :raises OSError: EINVAL, `both` is below `memory`, or `memory` is not known.
    """
    if both < 0:
        return "max"
    if memory < 0:
        return str(both)
    if not 0 < memory <= both:
        raise OSError(errno.EINVAL, "memory and swap together are to be at least the memory limit", SWAP_FILE)
    return str(both - memory)


def writes(resources: Mapping[str, Any], has: Callable[[str], bool], cpu_max: Callable[[], str]) -> Iterator[Write]:
    """Yield what to write for `resources`, in order; unset and zero limits write nothing. Devices are not among them.

    :param has: whether the group has a file: which of two the kernel offers.
    :param cpu_max: what the group's ``cpu.max`` reads: a period alone leaves the quota as it is.
    :raises OSError: EINVAL, limits that contradict each other.
    """
    yield from _cpuset(resources.get("cpu") or {})
    yield from _memory(resources.get("memory") or {})
    yield from _cpu(resources.get("cpu") or {}, cpu_max)
    yield from _pids(resources.get("pids") or {})
    yield from _io(resources.get("blockIO") or {}, has)
    yield from _huge_pages(resources.get("hugepageLimits") or (), has)
    for file, value in (resources.get("unified") or {}).items():
        yield Write(file.partition(".")[0], file, value)


def _cpuset(cpu: Mapping[str, Any]) -> Iterator[Write]:
    for key in ("mems", "cpus"):
        if cpu.get(key):
            yield Write("cpuset", f"cpuset.{key}", cpu[key])


def _memory(memory: Mapping[str, Any]) -> Iterator[Write]:
    limit, both = memory.get("limit") or 0, memory.get("swap") or 0
    if both or limit < 0:  # without a limit there is none of swap either, as with version 1
        yield Write("memory", SWAP_FILE, swap_max(limit, both or -1))
    if limit:
        yield Write("memory", MEMORY_FILE, _amount(limit))
    if memory.get("reservation"):
        yield Write("memory", "memory.low", _amount(memory["reservation"]))


def _cpu(cpu: Mapping[str, Any], cpu_max: Callable[[], str]) -> Iterator[Write]:
    if cpu.get("idle") is not None:
        yield Write("cpu", "cpu.idle", str(cpu["idle"]))
    if cpu.get("shares"):
        yield Write("cpu", "cpu.weight", str(cpu_weight(cpu["shares"])))
    quota, period = cpu.get("quota") or 0, cpu.get("period") or 0
    if period:
        wanted = _amount(quota) if quota else cpu_max().partition(" ")[0]
        yield Write("cpu", CPU_FILE, f"{wanted or 'max'} {period}")
    elif quota:
        yield Write("cpu", CPU_FILE, _amount(quota))
    if cpu.get("burst"):
        yield Write("cpu", "cpu.max.burst", str(cpu["burst"]))


def _pids(pids: Mapping[str, Any]) -> Iterator[Write]:
    limit = pids.get("limit")
    if limit is not None:
        yield Write("pids", "pids.max", str(limit) if limit > 0 else "max")


def _io(block: Mapping[str, Any], has: Callable[[str], bool]) -> Iterator[Write]:
    # BFQ counts as version 1 did; the other knows another scale
    file, scale = (BFQ_FILE, int) if has(BFQ_FILE) else ("io.weight", io_weight)
    if block.get("weight"):
        yield Write("io", file, str(scale(block["weight"])))
    for device in block.get("weightDevice") or ():
        yield Write("io", file, f"{device['major']}:{device['minor']} {scale(device['weight'])}")
    for key, word in _THROTTLES:
        for device in block.get(key) or ():
            yield Write("io", "io.max", f"{device['major']}:{device['minor']} {word}={_amount(device['rate'] or -1)}")


def _huge_pages(limits: Any, has: Callable[[str], bool]) -> Iterator[Write]:
    for limit in limits:
        for kind in ("", ".rsvd"):
            file = f"hugetlb.{limit['pageSize']}{kind}.max"
            if not kind or has(file):
                yield Write("hugetlb", file, str(limit["limit"]))


def _amount(number: int) -> str:
    return str(number) if number >= 0 else "max"
