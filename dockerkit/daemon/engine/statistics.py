"""``stats``: what a container uses, one sample at a time, in the shape from which ``docker stats`` computes its figures.

A rate needs two samples. The engine remembers the last ones of a container, half a second apart at least (the kernel counts
the host's time in hundredths of a second), so that whoever asks once a second gets the second before with it, however many ask.

On cgroup version 2 the shape is another, as dockerd's is: neither processors one by one nor a greatest use of memory, other
names in ``memory_stats.stats``, bytes only of block I/O, and no limit of processes is the greatest number there is.

Source: Engine API 1.51, ``ContainerStatsResponse``; moby ``daemon/stats``, ``daemon/stats_unix.go``.
"""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Mapping
from typing import Any, NamedTuple

from dockerkit.daemon.engine.core import Core
from dockerkit.daemon.engine.entries import Entry
from dockerkit.schema.container import NEVER
from dockerkit.schema.units import rfc3339

APART, STALE = 0.5, 10.0
"""Seconds between samples that make a rate: at least, and at most."""
_HOST_FIELDS = 7
_COUNTED = {"bytes": (0, 8), "packets": (1, 9), "errors": (2, 10), "dropped": (3, 11)}
"""Columns of /proc/PID/net/dev (proc_pid_net(5)), received and sent."""
_BLKIO = (
    "io_service_bytes_recursive", "io_serviced_recursive", "io_queue_recursive", "io_service_time_recursive",
    "io_wait_time_recursive", "io_merged_recursive", "io_time_recursive", "sectors_recursive",
)  # fmt: skip


_MEMORY_2 = (
    "anon", "file", "kernel_stack", "slab", "sock", "shmem", "file_mapped", "file_dirty", "file_writeback", "anon_thp",
    "inactive_anon", "active_anon", "inactive_file", "active_file", "unevictable", "slab_reclaimable", "slab_unreclaimable",
    "pgfault", "pgmajfault", "workingset_refault", "workingset_activate", "workingset_nodereclaim", "pgrefill", "pgscan",
    "pgsteal", "pgactivate", "pgdeactivate", "pglazyfree", "pglazyfreed", "thp_fault_alloc", "thp_collapse_alloc",
)  # fmt: skip
"""Lines of version 2's ``memory.stat`` that dockerd passes on."""
_NO_LIMIT = 2**64 - 1


class Sample(NamedTuple):
    """The processor's part of a sample; ``life`` tells which run of the container it is of."""

    moment: float
    read: str
    life: str
    cpu: dict[str, Any]


def stats(core: Core, entry: Entry) -> dict[str, Any]:
    """Return one sample, and in ``precpu_stats`` the one before; zeros for a container without a process, as dockerd."""
    record = entry.record
    names: dict[str, Any] = {"name": f"/{record.name}", "id": record.id}
    if not record.alive:
        return names | _empty()
    try:
        raw = core.cgroup(record).stats()
    except FileNotFoundError:  # it ended this moment
        return names | _empty()
    sample = Sample(time.monotonic(), rfc3339(time.time_ns()), record.state.started_at, _cpu(raw))
    before = _remember(entry.samples, sample)
    version = core.cgroups.version
    found: dict[str, Any] = {
        "read": sample.read,
        "preread": before.read if before else NEVER,
        "pids_stats": _pids(raw.get("pids", {}), version),
    }
    found |= {"blkio_stats": _blkio(raw.get("blkio", {}), version), "num_procs": 0, "storage_stats": {}}
    found |= {"cpu_stats": sample.cpu, "precpu_stats": before.cpu if before else _no_cpu()}
    found |= {"memory_stats": _memory(raw.get("memory", {}), version), **names}
    return found | (
        {"networks": interfaces(record.state.pid)} if any(place.addresses for place in record.places.values()) else {}
    )


def interfaces(pid: int) -> dict[str, dict[str, int]]:
    """Return what a process's interfaces but the loopback carried; nothing when it has ended."""
    try:
        with open(f"/proc/{pid}/net/dev", encoding="ascii") as file:
            lines = file.readlines()[2:]
    except (FileNotFoundError, ProcessLookupError):
        return {}
    counted = {
        name.strip(): [int(number) for number in counts.split()] for name, _, counts in (x.partition(":") for x in lines)
    }
    return {
        name: {f"{way}_{what}": counts[at[side]] for side, way in enumerate(("rx", "tx")) for what, at in _COUNTED.items()}
        for name, counts in counted.items()
        if name != "lo"
    }


def _remember(samples: deque[Sample], sample: Sample) -> Sample | None:
    """Return the sample to compare with; keep the new one unless one as new is kept."""
    known = [old for old in list(samples) if old.life == sample.life and sample.moment - old.moment <= STALE]
    apart = [old for old in known if sample.moment - old.moment >= APART]
    if len(apart) == len(known):
        samples.append(sample)
    return apart[-1] if apart else None


def _cpu(raw: Mapping[str, Any]) -> dict[str, Any]:
    used, throttled = raw.get("cpuacct", {}), raw.get("cpu", {})
    usage = {"total_usage": used.get("usage", 0)} | ({"percpu_usage": used["percpu"]} if "percpu" in used else {})
    return {
        "cpu_usage": usage | {"usage_in_kernelmode": used.get("system", 0), "usage_in_usermode": used.get("user", 0)},
        "system_cpu_usage": host_cpu_time(),
        "online_cpus": os.sysconf("SC_NPROCESSORS_ONLN"),
        "throttling_data": {name: throttled.get(name, 0) for name in ("periods", "throttled_periods", "throttled_time")},
    }


def host_cpu_time() -> int:
    """Return the nanoseconds all processors of the host have spent since boot, idle ones too (proc_stat(5))."""
    with open("/proc/stat", encoding="ascii") as file:
        counts = file.readline().split()[1 : _HOST_FIELDS + 1]
    return sum(map(int, counts)) * 1_000_000_000 // os.sysconf("SC_CLK_TCK")


def _memory(raw: Mapping[str, Any], version: int) -> dict[str, Any]:
    if not raw:
        return {}
    host = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    counts = {"usage": raw["usage"], "limit": min(raw["limit"], host)}
    if version == 1:
        counts |= {"max_usage": raw["max_usage"], "stats": raw["stat"]}
    else:
        counts["stats"] = {name: raw["stat"].get(name, 0) for name in _MEMORY_2}
    return counts | ({"failcnt": raw["failcnt"]} if raw["failcnt"] else {})


def _pids(raw: Mapping[str, int], version: int) -> dict[str, int]:
    if raw and version == 2:
        return {"current": raw["current"], "limit": raw["limit"] or _NO_LIMIT}
    return {name: number for name, number in raw.items() if number}


def _blkio(raw: Mapping[str, Any], version: int) -> dict[str, Any]:
    nothing: list[Any] | None = [] if version == 1 else None
    return {name: raw.get(name) or nothing for name in _BLKIO}


def _no_cpu() -> dict[str, Any]:
    return {
        "cpu_usage": {"total_usage": 0, "usage_in_kernelmode": 0, "usage_in_usermode": 0},
        "throttling_data": {"periods": 0, "throttled_periods": 0, "throttled_time": 0},
    }


def _empty() -> dict[str, Any]:
    return {
        "read": NEVER,
        "preread": NEVER,
        "pids_stats": {},
        "blkio_stats": dict.fromkeys(_BLKIO),
        "num_procs": 0,
        "storage_stats": {},
        "cpu_stats": _no_cpu(),
        "precpu_stats": _no_cpu(),
        "memory_stats": {},
    }
