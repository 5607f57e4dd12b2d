"""OCI ``linux.resources`` as the version 1 files and values that mean it. Pure: writes nothing.

Sources: OCI runtime spec, config-linux (Control groups); Linux Documentation/admin-guide/cgroup-v1.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

FEATURES: Mapping[str, tuple[str, str]] = {
    "memory.limit": ("memory", "memory.limit_in_bytes"),
    "memory.swap": ("memory", "memory.memsw.limit_in_bytes"),
    "memory.reservation": ("memory", "memory.soft_limit_in_bytes"),
    "memory.swappiness": ("memory", "memory.swappiness"),
    "memory.oom_kill_disable": ("memory", "memory.oom_control"),
    "cpu.shares": ("cpu", "cpu.shares"),
    "cpu.quota": ("cpu", "cpu.cfs_quota_us"),
    "cpu.realtime": ("cpu", "cpu.rt_runtime_us"),
    "cpuset": ("cpuset", "cpuset.cpus"),
    "pids": ("pids", ""),
    "blkio.weight": ("blkio", "blkio.weight"),
    "blkio.weight_device": ("blkio", "blkio.weight_device"),
    "blkio.throttle": ("blkio", "blkio.throttle.read_bps_device"),
    "devices": ("devices", "devices.allow"),
    "freezer": ("freezer", ""),
}
"""A limit's name → the controller and the file that tell whether a host can keep it; no file: the controller alone tells."""

SWAP_FILE = "memory.memsw.limit_in_bytes"

_CPU_PAIRS = (
    (("realtimePeriod", "cpu.rt_period_us"), ("realtimeRuntime", "cpu.rt_runtime_us")),
    (("period", "cpu.cfs_period_us"), ("quota", "cpu.cfs_quota_us")),
)
_THROTTLES = (
    ("throttleReadBpsDevice", "blkio.throttle.read_bps_device"),
    ("throttleWriteBpsDevice", "blkio.throttle.write_bps_device"),
    ("throttleReadIOPSDevice", "blkio.throttle.read_iops_device"),
    ("throttleWriteIOPSDevice", "blkio.throttle.write_iops_device"),
)


class Write(NamedTuple):
    """One value for one control file of one controller."""

    controller: str
    file: str
    value: str


Step = tuple[Write, ...]
"""Values that bound each other (memory and memory+swap, period and quota): to be written in this order, and when the kernel
answers EINVAL to the first, in the other: raising and lowering need opposite orders."""


def steps(resources: Mapping[str, Any]) -> list[Step]:
    """Return what to write for `resources`, in order; unset and zero limits write nothing.

    Devices are not among them (see ``devices``).
    """
    return [
        *_cpuset(resources.get("cpu") or {}),
        *_memory(resources.get("memory") or {}),
        *_cpu(resources.get("cpu") or {}),
        *_pids(resources.get("pids") or {}),
        *_blkio(resources.get("blockIO") or {}),
    ]


def _cpuset(cpu: Mapping[str, Any]) -> Iterator[Step]:
    if cpu.get("mems"):
        yield (Write("cpuset", "cpuset.mems", cpu["mems"]),)
    if cpu.get("cpus"):
        yield (Write("cpuset", "cpuset.cpus", cpu["cpus"]),)


def _memory(memory: Mapping[str, Any]) -> Iterator[Step]:
    limits = (("limit", "memory.limit_in_bytes"), ("swap", SWAP_FILE))
    if bounds := tuple(Write("memory", file, str(memory[key])) for key, file in limits if memory.get(key)):
        yield bounds
    if memory.get("reservation"):
        yield (Write("memory", "memory.soft_limit_in_bytes", str(memory["reservation"])),)
    if memory.get("swappiness") is not None:
        yield (Write("memory", "memory.swappiness", str(memory["swappiness"])),)
    if memory.get("disableOOMKiller") is not None:
        yield (Write("memory", "memory.oom_control", str(int(memory["disableOOMKiller"]))),)


def _cpu(cpu: Mapping[str, Any]) -> Iterator[Step]:
    if cpu.get("shares"):
        yield (Write("cpu", "cpu.shares", str(cpu["shares"])),)
    for pair in _CPU_PAIRS:
        if bounds := tuple(Write("cpu", file, str(cpu[key])) for key, file in pair if cpu.get(key)):
            yield bounds
    if cpu.get("burst"):
        yield (Write("cpu", "cpu.cfs_burst_us", str(cpu["burst"])),)
    if cpu.get("idle") is not None:
        yield (Write("cpu", "cpu.idle", str(cpu["idle"])),)


def _pids(pids: Mapping[str, Any]) -> Iterator[Step]:
    limit = pids.get("limit")
    if limit is not None:
        yield (Write("pids", "pids.max", str(limit) if limit > 0 else "max"),)


def _blkio(blkio: Mapping[str, Any]) -> Iterator[Step]:
    if blkio.get("weight"):
        yield (Write("blkio", "blkio.weight", str(blkio["weight"])),)
    for device in blkio.get("weightDevice") or ():
        yield (Write("blkio", "blkio.weight_device", f"{device['major']}:{device['minor']} {device['weight']}"),)
    for key, file in _THROTTLES:
        for device in blkio.get(key) or ():
            yield (Write("blkio", file, f"{device['major']}:{device['minor']} {device['rate']}"),)
