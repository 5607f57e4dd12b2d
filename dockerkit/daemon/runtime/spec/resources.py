"""Limits of a container as OCI ``linux.resources``; those this host cannot keep are left out. Pure."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from dockerkit.daemon.runtime.spec.host import Host, this_host
from dockerkit.schema.container import HostConfig

_PERIOD = 100_000
"""Microseconds; what a number of CPUs is a part of."""


def container_resources(host_config: HostConfig, devices: list[dict[str, Any]], host: Host) -> dict[str, Any]:
    """Return OCI ``linux.resources``.

    :param devices: what may be used (``linux.resources.devices``).
    :raises OSError: a disk named in a block I/O limit does not exist.
    """
    parts = {
        "memory": _memory(host_config, host.limits),
        "cpu": _cpu(host_config, host.limits),
        "pids": _pids(host_config, host.limits),
        "blockIO": _block_io(host_config, host.limits),
    }
    return {"devices": devices} | {name: part for name, part in parts.items() if part}


def container_limits(host_config: HostConfig, host: Host | None = None) -> dict[str, Any]:
    """Return the part of OCI ``linux.resources`` that can be changed while a container runs: all but its devices."""
    resources = container_resources(host_config, [], host or this_host())
    del resources["devices"]
    return resources


def _memory(host_config: HostConfig, limits: frozenset[str]) -> dict[str, Any]:
    memory: dict[str, Any] = {}
    if host_config.memory > 0 and "memory.limit" in limits:
        memory["limit"] = host_config.memory
        swap = host_config.memory_swap or 2 * host_config.memory
        if "memory.swap" in limits:
            memory["swap"] = max(swap, -1)
    if host_config.memory_reservation > 0 and "memory.reservation" in limits:
        memory["reservation"] = host_config.memory_reservation
    swappiness = host_config.memory_swappiness
    if swappiness is not None and swappiness >= 0 and "memory.swappiness" in limits:
        memory["swappiness"] = swappiness
    if host_config.oom_kill_disable and "memory.oom_kill_disable" in limits:
        memory["disableOOMKiller"] = True
    return memory


def _cpu(host_config: HostConfig, limits: frozenset[str]) -> dict[str, Any]:
    cpu: dict[str, Any] = {}
    if host_config.cpu_shares > 0 and "cpu.shares" in limits:
        cpu["shares"] = min(max(host_config.cpu_shares, 2), 262144)
    if "cpu.quota" in limits:
        cpu |= _quota(host_config)
    if "cpu.realtime" in limits:
        wished = {"realtimePeriod": host_config.cpu_realtime_period, "realtimeRuntime": host_config.cpu_realtime_runtime}
        cpu |= {key: number for key, number in wished.items() if number}
    if "cpuset" in limits:
        sets = {"cpus": host_config.cpuset_cpus, "mems": host_config.cpuset_mems}
        cpu |= {key: listed for key, listed in sets.items() if listed}
    return cpu


def _quota(host_config: HostConfig) -> dict[str, int]:
    if host_config.nano_cpus > 0:
        return {"period": _PERIOD, "quota": host_config.nano_cpus * _PERIOD // 1_000_000_000}
    wished = {"period": host_config.cpu_period, "quota": host_config.cpu_quota}
    return {key: number for key, number in wished.items() if number}


def _pids(host_config: HostConfig, limits: frozenset[str]) -> dict[str, int]:
    if host_config.pids_limit is None or "pids" not in limits:
        return {}
    return {"limit": host_config.pids_limit if host_config.pids_limit > 0 else -1}


def _block_io(host_config: HostConfig, limits: frozenset[str]) -> dict[str, Any]:
    block: dict[str, Any] = {}
    if host_config.blkio_weight and "blkio.weight" in limits:
        block["weight"] = host_config.blkio_weight
    if host_config.blkio_weight_device and "blkio.weight_device" in limits:
        block["weightDevice"] = [_disk(entry) | {"weight": entry["Weight"]} for entry in host_config.blkio_weight_device]
    if "blkio.throttle" in limits:
        block |= {
            key: [_disk(entry) | {"rate": entry["Rate"]} for entry in entries]
            for key, entries in throttles(host_config).items()
        }
    return block


def throttles(host_config: HostConfig) -> dict[str, list[dict[str, Any]]]:
    """Return the disk rates asked for, by their OCI names."""
    wished = {
        "throttleReadBpsDevice": host_config.blkio_device_read_bps,
        "throttleWriteBpsDevice": host_config.blkio_device_write_bps,
        "throttleReadIOPSDevice": host_config.blkio_device_read_iops,
        "throttleWriteIOPSDevice": host_config.blkio_device_write_iops,
    }
    return {key: entries for key, entries in wished.items() if entries}


def _disk(entry: Mapping[str, Any]) -> dict[str, int]:
    numbers = os.stat(entry["Path"]).st_rdev
    return {"major": os.major(numbers), "minor": os.minor(numbers)}
