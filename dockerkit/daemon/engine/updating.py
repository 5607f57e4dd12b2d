"""``update``: other limits and another restart policy for a container, running or not. All of it, or nothing.

Source: moby ``container/container_unix.go`` (``UpdateContainer``); words proven on a real dockerd.
"""

from __future__ import annotations

import errno
from typing import NamedTuple

from msgspec import UnsetType
from msgspec.structs import replace

from dockerkit.daemon.engine.core import Core
from dockerkit.daemon.engine.entries import Entry
from dockerkit.daemon.engine.events import Happening
from dockerkit.daemon.engine.record import Record
from dockerkit.daemon.runtime.spec import check_restart_policy, container_limits, discarded, resource_warnings, this_host
from dockerkit.errors import Conflict, DockerkitError, Failed
from dockerkit.schema.container import HostConfig
from dockerkit.schema.update import UpdateRequest


def update(core: Core, entry: Entry, request: UpdateRequest) -> dict[str, list[str]]:
    """Change limits; those of a living container at once.

    :raises Invalid: a limit out of bounds, an unknown policy; in Docker's words.
    :raises Conflict: it contradicts what is set already, or the container uses more memory than it may have.
    """
    discards, warnings = discarded(_wish(request))
    request = replace(request, **discards)
    warnings += _check(entry.record.host_config, request)
    with entry.lock:
        record = entry.record
        _check_against(record, request)
        changed = replace(record, host_config=_changed(record.host_config, request))
        if record.alive:
            _apply(core, record, changed)
        try:
            core.commit(entry, changed, Happening("update"))
        except DockerkitError:
            if record.alive:
                _restore(core, record)
            raise
    return {"Warnings": warnings}


def _wish(request: UpdateRequest) -> HostConfig:
    return replace(HostConfig(), **request.limits())


def _check(present: HostConfig, request: UpdateRequest) -> list[str]:
    wish = _wish(request)
    if wish.memory_swap and not wish.memory:
        wish.memory = present.memory
    if not isinstance(request.restart_policy, UnsetType):
        check_restart_policy(request.restart_policy)
    return resource_warnings(wish)


class _Clash(NamedTuple):
    given: str
    present: str
    words: str


_CLASHES = (
    _Clash("nano_cpus", "cpu_period", "Nano CPUs cannot be updated as CPU Period has already been set"),
    _Clash("nano_cpus", "cpu_quota", "Nano CPUs cannot be updated as CPU Quota has already been set"),
    _Clash("cpu_period", "nano_cpus", "CPU Period cannot be updated as NanoCPUs has already been set"),
    _Clash("cpu_quota", "nano_cpus", "CPU Quota cannot be updated as NanoCPUs has already been set"),
)


def _check_against(record: Record, request: UpdateRequest) -> None:
    host = record.host_config
    for clash in _CLASHES:
        if getattr(request, clash.given) > 0 and getattr(host, clash.present) > 0:
            raise _cannot(record, f"Conflicting options: {clash.words}")
    if request.memory and not request.memory_swap and request.memory > host.memory_swap:
        words = "Memory limit should be smaller than already set memoryswap limit, update the memoryswap at the same time"
        raise _cannot(record, words)
    policy = request.restart_policy
    if not isinstance(policy, UnsetType) and policy.name not in ("", "no") and host.auto_remove:
        raise _cannot(record, "Restart policy cannot be updated because AutoRemove is enabled for the container")


def _cannot(record: Record, words: str) -> Conflict:
    return Conflict(f"Cannot update container {record.id}: {words}")


def _changed(host: HostConfig, request: UpdateRequest) -> HostConfig:
    limits = request.limits()
    if request.pids_limit is not None:
        limits["pids_limit"] = max(request.pids_limit, 0)
    policy = request.restart_policy
    if isinstance(policy, UnsetType) or not policy.name:
        policy = host.restart_policy
    return replace(host, restart_policy=policy, **limits)


def _apply(core: Core, record: Record, changed: Record) -> None:
    try:
        core.cgroup(record).update(container_limits(changed.host_config))
    except FileNotFoundError:  # it ended this moment: its next life gets the new limits
        return
    except OSError as error:
        _restore(core, record)
        if error.errno == errno.EBUSY:
            hint = "give it more, or have it use less first"
            raise Conflict(f"Cannot update container {record.id}: it uses more memory than that now", hint=hint) from error
        raise Failed(f"Cannot update container {record.id}: {error.strerror}: {error.filename}") from error


def _restore(core: Core, record: Record) -> None:
    """Give a container its limits back after a change that was refused half-way; what had none gets none."""
    host = this_host()
    limits = container_limits(record.host_config)
    memory = {"limit": -1, "swap": -1} if "memory.swap" in host.limits else {"limit": -1}
    cpu = {"cpus": host.processors, "mems": host.nodes, "shares": 1024, "period": 100_000, "quota": -1}
    core.cgroup(record).update(
        limits
        | {
            "memory": memory | limits.get("memory", {}),
            "cpu": cpu | limits.get("cpu", {}),
            "pids": limits.get("pids", {"limit": -1}),
        }
    )
