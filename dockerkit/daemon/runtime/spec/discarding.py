"""Limits that were asked for and that this host cannot keep: discarded, with Docker's warnings; inspect shows none. Pure.

Source: moby ``daemon/daemon_unix.go``; words and what is left proven on a real dockerd.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from msgspec.structs import replace

from dockerkit.daemon.runtime.spec.host import Host, this_host
from dockerkit.daemon.runtime.spec.resources import throttles
from dockerkit.schema.container import HostConfig

_NO_CGROUP = "or the cgroup is not mounted"
_THROTTLES = ("blkio_device_read_bps", "blkio_device_write_bps", "blkio_device_read_iops", "blkio_device_write_iops")


class Lack(NamedTuple):
    """A feature a host may lack: how to see that a limit needs it, what Docker says then, and what becomes of the limit."""

    feature: str
    asked: Callable[[HostConfig], object]
    words: str
    left: dict[str, Any]


LACKS = (
    Lack(
        "memory.limit",
        lambda host: host.memory > 0,
        f"Your kernel does not support memory limit capabilities {_NO_CGROUP}. Limitation discarded.",
        {"memory": 0, "memory_swap": -1},
    ),
    Lack(
        "memory.swap",
        lambda host: host.memory > 0 and host.memory_swap != -1,
        f"Your kernel does not support swap limit capabilities {_NO_CGROUP}. Memory limited without swap.",
        {"memory_swap": -1},
    ),
    Lack(
        "memory.swappiness",
        lambda host: host.memory_swappiness is not None and host.memory_swappiness >= 0,
        f"Your kernel does not support memory swappiness capabilities {_NO_CGROUP}. Memory swappiness discarded.",
        {"memory_swappiness": None},
    ),
    Lack(
        "memory.reservation",
        lambda host: host.memory_reservation > 0,
        f"Your kernel does not support memory soft limit capabilities {_NO_CGROUP}. Limitation discarded.",
        {"memory_reservation": 0},
    ),
    Lack(
        "memory.oom_kill_disable",
        lambda host: host.oom_kill_disable,
        "Your kernel does not support OomKillDisable. OomKillDisable discarded.",
        {"oom_kill_disable": None},
    ),
    Lack(
        "pids",
        lambda host: (host.pids_limit or 0) > 0,
        f"Your kernel does not support PIDs limit capabilities {_NO_CGROUP}. PIDs limit discarded.",
        {"pids_limit": None},
    ),
    Lack(
        "cpu.shares",
        lambda host: host.cpu_shares > 0,
        f"Your kernel does not support CPU shares {_NO_CGROUP}. Shares discarded.",
        {"cpu_shares": 0},
    ),
    Lack(
        "cpu.quota",
        lambda host: host.cpu_period or host.cpu_quota,
        "Your kernel does not support CPU CFS scheduler. CPU period/quota discarded.",
        {"cpu_period": 0, "cpu_quota": 0},
    ),
    Lack(
        "cpuset",
        lambda host: host.cpuset_cpus or host.cpuset_mems,
        f"Your kernel does not support cpuset {_NO_CGROUP}. Cpuset discarded.",
        {"cpuset_cpus": "", "cpuset_mems": ""},
    ),
    Lack(
        "blkio.weight",
        lambda host: host.blkio_weight,
        f"Your kernel does not support Block I/O weight {_NO_CGROUP}. Weight discarded.",
        {"blkio_weight": 0},
    ),
    Lack(
        "blkio.weight_device",
        lambda host: host.blkio_weight_device,
        f"Your kernel does not support Block I/O weight_device {_NO_CGROUP}. Weight-device discarded.",
        {"blkio_weight_device": []},
    ),
    Lack(
        "blkio.throttle",
        throttles,
        f"Your kernel does not support Block I/O limits {_NO_CGROUP}. Limits discarded.",
        {name: [] for name in _THROTTLES},
    ),
)


def discarded(wish: HostConfig, host: Host | None = None) -> tuple[dict[str, Any], list[str]]:
    """Return what of `wish` becomes something else, by the names of :class:`HostConfig`, and Docker's warnings."""
    limits = (host or this_host()).limits
    changes: dict[str, Any] = {}
    warnings = []
    for lack in LACKS:
        if lack.feature not in limits and lack.asked(wish):
            wish = replace(wish, **lack.left)  # without the one, nobody speaks of the other
            changes |= lack.left
            warnings.append(lack.words)
    return changes, warnings
