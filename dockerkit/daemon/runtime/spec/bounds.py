"""Docker's bounds of memory, processors and disks. Pure.

Source: moby ``daemon/daemon_unix.go``.
"""

from __future__ import annotations

from dockerkit.daemon.runtime.spec.host import Host, numbers_in, this_host
from dockerkit.errors import Invalid
from dockerkit.schema.container import HostConfig

MIN_MEMORY = 6 * 1024 * 1024
_UNBOUNDED = (
    "OOM killer is disabled for the container, but no memory limit is set, this can result in the system "
    "running out of resources."
)


def resource_warnings(host_config: HostConfig, host: Host | None = None) -> list[str]:
    """Refuse limits out of bounds; return Docker's warnings about those that are a risk.

    :raises Invalid: in Docker's words.
    """
    host = host or this_host()
    _check_memory(host_config)
    _check_cpu(host_config, host)
    _check_cpuset(host_config, host)
    _check_block_io(host_config)
    return [_UNBOUNDED] if host_config.oom_kill_disable and not host_config.memory else []


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
