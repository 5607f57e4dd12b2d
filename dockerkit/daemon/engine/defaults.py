"""What dockerd fills in when a request leaves it open, so that inspect shows what runs."""

from __future__ import annotations

from msgspec.structs import replace

from dockerkit.daemon.runtime.spec import READONLY_PATHS, default_masked_paths
from dockerkit.schema.container import HostConfig

SHM_SIZE = 67108864


def filled(host: HostConfig) -> HostConfig:
    """Return `host` with dockerd's defaults, proven in ``tests/parity``."""
    secluded = not host.privileged and "systempaths=unconfined" not in (host.security_opt or [])
    return replace(
        host,
        network_mode="bridge" if host.network_mode in ("", "default") else host.network_mode,
        shm_size=host.shm_size or SHM_SIZE,
        ipc_mode=host.ipc_mode or "private",
        cgroupns_mode=host.cgroupns_mode or "private",
        runtime=host.runtime or "dockerkit",
        log_config=replace(host.log_config, type=host.log_config.type or "json-file"),
        restart_policy=replace(host.restart_policy, name=host.restart_policy.name or "no"),
        masked_paths=(list(default_masked_paths()) if secluded else []) if host.masked_paths is None else host.masked_paths,
        readonly_paths=(list(READONLY_PATHS) if secluded else []) if host.readonly_paths is None else host.readonly_paths,
        pids_limit=host.pids_limit or None,
        memory_swap=host.memory_swap or 2 * host.memory,
        oom_kill_disable=bool(host.oom_kill_disable),
    )
