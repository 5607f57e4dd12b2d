"""Docker's bounds of memory, processors, processes and disks, its warnings for what a host cannot limit. Pure.

Source: moby ``daemon/daemon_unix.go``.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from dockerkit.daemon.runtime.spec.host import Host, numbers_in, this_host
from dockerkit.daemon.runtime.spec.resources import throttles
from dockerkit.errors import Invalid
from dockerkit.schema.container import HostConfig

MIN_MEMORY = 6 * 1024 * 1024


class Lack(NamedTuple):
    """A limit that was asked for, the feature it needs, and what Docker says where that is missing."""

    asked: object
    feature: str
    words: str


def resource_warnings(host_config: HostConfig, host: Host | None = None) -> list[str]:
    """Refuse limits out of bounds; return Docker's warnings for those this host cannot keep.

    :raises Invalid: in Docker's words.
    """
    host = host or this_host()
    _check_memory(host_config)
    _check_cpu(host_config, host)
    _check_cpuset(host_config, host)
    _check_block_io(host_config)
    warnings = [lack.words for lack in _lacks(host_config, host.limits) if lack.asked and lack.feature not in host.limits]
    if host_config.oom_kill_disable and not host_config.memory:
        warnings.append(
            "OOM killer is disabled for the container, but no memory limit is set, this can result in the system "
            "running out of resources."
        )
    return warnings


def _check_memory(host_config: HostConfig) -> None:
    memory, swap, reservation = host_config.memory, host_config.memory_swap, host_config.memory_reservation
    if memory != 0 and memory < MIN_MEMORY:
        raise Invalid("Minimum memory limit allowed is 6MB")
    if memory > 0 and 0 < swap < memory:
        raise Invalid("Minimum memoryswap limit should be larger than memory limit, see usage")
    if memory == 0 and swap > 0:
        raise Invalid("You should always set the Memory limit when using Memoryswap limit, see usage")
    swappiness = host_config.memory_swappiness
    if swappiness is not None and not -1 <= swappiness <= 100:
        raise Invalid(f"Invalid value: {swappiness}, valid memory swappiness range is 0-100")
    if 0 < reservation < MIN_MEMORY:
        raise Invalid("Minimum memory reservation allowed is 6MB")
    if 0 < memory < reservation:
        raise Invalid("Minimum memory limit can not be less than memory reservation limit, see usage")


def _check_cpu(host_config: HostConfig, host: Host) -> None:
    nano, period, quota = host_config.nano_cpus, host_config.cpu_period, host_config.cpu_quota
    if nano > 0 and period > 0:
        raise Invalid("Conflicting options: Nano CPUs and CPU Period cannot both be set")
    if nano > 0 and quota > 0:
        raise Invalid("Conflicting options: Nano CPUs and CPU Quota cannot both be set")
    if nano > 0 and "cpu.quota" not in host.limits:
        raise Invalid("NanoCPUs can not be set, as your kernel does not support CPU CFS scheduler or the cgroup is not mounted")
    if nano < 0 or nano > host.cpus * 1_000_000_000:
        raise Invalid(f"range of CPUs is from 0.01 to {host.cpus}.00, as there are only {host.cpus} CPUs available")
    if host_config.cpu_shares < 0:
        raise Invalid("shares: invalid argument")
    if period != 0 and not 1000 <= period <= 1_000_000:
        raise Invalid("CPU cfs period can not be less than 1ms (i.e. 1000) or larger than 1s (i.e. 1000000)")
    if 0 < quota < 1000:
        raise Invalid("CPU cfs quota can not be less than 1ms (i.e. 1000)")
    if host_config.cpu_realtime_runtime > host_config.cpu_realtime_period > 0:
        raise Invalid("cpu real-time runtime cannot be higher than cpu real-time period")


def _check_cpuset(host_config: HostConfig, host: Host) -> None:
    for field, listed, have, words in (
        ("cpus", host_config.cpuset_cpus, host.processors, "CPUs"),
        ("mems", host_config.cpuset_mems, host.nodes, "memory nodes"),
    ):
        try:
            asked = numbers_in(listed)
        except ValueError:
            raise Invalid(f"Invalid value {listed} for cpuset {field}") from None
        if not asked <= numbers_in(have):
            raise Invalid(f"Requested {words} are not available - requested {listed}, available: {have}")


def _check_block_io(host_config: HostConfig) -> None:
    if host_config.blkio_weight and not 10 <= host_config.blkio_weight <= 1000:
        raise Invalid("Range of blkio weight is from 10 to 1000")


_NO_CGROUP = "or the cgroup is not mounted"


def _lacks(host_config: HostConfig, limits: frozenset[str]) -> Iterator[Lack]:
    memory, swap = host_config.memory, host_config.memory_swap
    yield Lack(
        memory > 0,
        "memory.limit",
        f"Your kernel does not support memory limit capabilities {_NO_CGROUP}. Limitation discarded.",
    )
    yield Lack(
        memory > 0 and swap != -1 and "memory.limit" in limits,  # without the one, nobody speaks of the other
        "memory.swap",
        f"Your kernel does not support swap limit capabilities {_NO_CGROUP}. Memory limited without swap.",
    )
    yield Lack(
        host_config.memory_swappiness is not None and host_config.memory_swappiness >= 0,
        "memory.swappiness",
        f"Your kernel does not support memory swappiness capabilities {_NO_CGROUP}. Memory swappiness discarded.",
    )
    yield Lack(
        host_config.memory_reservation > 0,
        "memory.reservation",
        f"Your kernel does not support memory soft limit capabilities {_NO_CGROUP}. Limitation discarded.",
    )
    yield Lack(
        host_config.oom_kill_disable,
        "memory.oom_kill_disable",
        "Your kernel does not support OomKillDisable. OomKillDisable discarded.",
    )
    yield Lack(
        (host_config.pids_limit or 0) > 0,
        "pids",
        f"Your kernel does not support PIDs limit capabilities {_NO_CGROUP}. PIDs limit discarded.",
    )
    yield from _cpu_lacks(host_config)
    yield from _block_io_lacks(host_config)


def _cpu_lacks(host_config: HostConfig) -> Iterator[Lack]:
    yield Lack(
        host_config.cpu_shares > 0, "cpu.shares", f"Your kernel does not support CPU shares {_NO_CGROUP}. Shares discarded."
    )
    yield Lack(
        host_config.cpu_period or host_config.cpu_quota,
        "cpu.quota",
        "Your kernel does not support CPU CFS scheduler. CPU period/quota discarded.",
    )
    yield Lack(
        host_config.cpuset_cpus or host_config.cpuset_mems,
        "cpuset",
        f"Your kernel does not support cpuset {_NO_CGROUP}. Cpuset discarded.",
    )


def _block_io_lacks(host_config: HostConfig) -> Iterator[Lack]:
    yield Lack(
        host_config.blkio_weight,
        "blkio.weight",
        f"Your kernel does not support Block I/O weight {_NO_CGROUP}. Weight discarded.",
    )
    yield Lack(
        host_config.blkio_weight_device,
        "blkio.weight_device",
        f"Your kernel does not support Block I/O weight_device {_NO_CGROUP}. Weight-device discarded.",
    )
    yield Lack(
        throttles(host_config),
        "blkio.throttle",
        f"Your kernel does not support Block I/O limits {_NO_CGROUP}. Limits discarded.",
    )
