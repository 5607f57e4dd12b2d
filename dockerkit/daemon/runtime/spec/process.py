"""The process half of a spec: resource limits by their names, sysctls, the first process itself. Pure."""

from __future__ import annotations

from typing import Any

from dockerkit.daemon.runtime.spec.namespaces import is_private, modes
from dockerkit.daemon.runtime.spec.security import Security
from dockerkit.errors import Invalid
from dockerkit.schema.container import ContainerConfig, HostConfig, Ulimit

ULIMITS = frozenset(
    ("core", "cpu", "data", "fsize", "locks", "memlock", "msgqueue", "nice", "nofile", "nproc", "rss", "rtprio", "rttime")
) | {"sigpending", "stack"}
"""Names of ``--ulimit``; ``as`` is not among them, as in Docker."""
_UNLIMITED = (1 << 64) - 1
_IPC_SYSCTLS = frozenset(
    f"kernel.{name}" for name in ("msgmax", "msgmnb", "msgmni", "sem", "shmall", "shmmax", "shmmni", "shm_rmid_forced")
)
DEFAULT_NETWORK_SYSCTLS = {"net.ipv4.ping_group_range": "0 2147483647", "net.ipv4.ip_unprivileged_port_start": "0"}
"""Docker's: ping without CAP_NET_RAW, ports below 1024 without CAP_NET_BIND_SERVICE; only in a network namespace of its own."""


def container_process(
    config: ContainerConfig,
    host_config: HostConfig,
    *,
    arguments: list[str],
    environment: list[str],
    capabilities: list[str],
    security: Security,
) -> dict[str, Any]:
    """Return OCI ``process``. Its user is root: names are looked up inside, by the runtime.

    Inheritable and ambient sets are empty (as Docker since CVE-2022-24769).
    """
    process: dict[str, Any] = {
        "terminal": config.tty,
        "user": {"uid": 0, "gid": 0},
        "args": arguments,
        "env": environment,
        "cwd": config.working_dir or "/",
        "capabilities": {
            "bounding": capabilities,
            "permitted": capabilities,
            "effective": capabilities,
            "inheritable": [],
            "ambient": [],
        },
        "noNewPrivileges": security.no_new_privileges,
        "oomScoreAdj": host_config.oom_score_adj,
    }
    height, width = (*host_config.console_size, 0, 0)[:2]
    if config.tty and height and width:
        process["consoleSize"] = {"height": height, "width": width}
    if host_config.ulimits:
        process["rlimits"] = [_rlimit(ulimit) for ulimit in host_config.ulimits]
    return process


def check_ulimits(host_config: HostConfig) -> None:
    """Refuse limits that do not exist or contradict themselves.

    :raises Invalid: in Docker's words.
    """
    for ulimit in host_config.ulimits:
        if ulimit.name not in ULIMITS:
            raise Invalid(f"invalid ulimit type: {ulimit.name}", hint=f"one of {', '.join(sorted(ULIMITS))}")
        if ulimit.hard != -1 and ulimit.soft == -1:
            text = f"soft: -1 (unlimited), hard: {ulimit.hard}"
            raise Invalid(f"ulimit soft limit must be less than or equal to hard limit: {text}")
        if ulimit.hard != -1 and ulimit.soft > ulimit.hard:
            raise Invalid(f"ulimit soft limit must be less than or equal to hard limit: {ulimit.soft} > {ulimit.hard}")


def sysctls(host_config: HostConfig) -> dict[str, str]:
    """Return OCI ``linux.sysctl``: Docker's two for a network of its own, and what was asked."""
    return (DEFAULT_NETWORK_SYSCTLS if is_private(host_config, "network") else {}) | (host_config.sysctls or {})


def check_sysctls(host_config: HostConfig) -> None:
    """Refuse sysctls that would change the host: only what belongs to a namespace of the container may be set.

    :raises Invalid: in the words of Docker's runtime.
    """
    mode = modes(host_config)
    for name in host_config.sysctls or ():
        if name in _IPC_SYSCTLS or name.startswith("fs.mqueue."):
            _refuse_if(mode["ipc"] == "host", f'sysctl "{name}" is not allowed in the hosts ipc namespace')
        elif name.startswith("net."):
            _refuse_if(mode["network"] == "host", f'sysctl "{name}" not allowed in host network namespace')
        elif name == "kernel.domainname":
            _refuse_if(mode["uts"] == "host", f'sysctl "{name}" is not allowed in host UTS namespace')
        elif name == "kernel.hostname":
            raise Invalid(f'sysctl "{name}" is not allowed as it conflicts with the OCI "hostname" field')
        else:
            raise Invalid(f'sysctl "{name}" is not in a separate kernel namespace')


def _refuse_if(wrong: bool, message: str) -> None:
    if wrong:
        raise Invalid(message)


def _rlimit(ulimit: Ulimit) -> dict[str, Any]:
    return {"type": f"RLIMIT_{ulimit.name.upper()}", "soft": ulimit.soft & _UNLIMITED, "hard": ulimit.hard & _UNLIMITED}
