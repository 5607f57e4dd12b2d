"""``info`` and ``version``: what this engine and its host are, in Docker's shape."""

from __future__ import annotations

import os
import platform
import time
from collections import Counter
from collections.abc import Collection
from typing import Any

from dockerkit.daemon.engine import roots
from dockerkit.daemon.engine.core import Core
from dockerkit.daemon.engine.diskusage import disk_usage
from dockerkit.daemon.engine.lifecycle import Phase
from dockerkit.daemon.images.platform import host_platform
from dockerkit.daemon.runtime.spec.host import this_host
from dockerkit.schema.endpoint import API_VERSION, EXTENSIONS, MIN_API_VERSION
from dockerkit.schema.units import rfc3339
from dockerkit.schema.version import VERSION

_OFFERED = {
    "MemoryLimit": ("memory.limit", "memory limit support"),
    "SwapLimit": ("memory.swap", "swap limit support"),
    "CpuCfsPeriod": ("cpu.quota", "cpu cfs period support"),
    "CpuCfsQuota": ("cpu.quota", "cpu cfs quota support"),
    "CPUShares": ("cpu.shares", "cpu shares support"),
    "CPUSet": ("cpuset", "cpuset support"),
    "PidsLimit": ("pids", ""),
    "OomKillDisable": ("memory.oom_kill_disable", ""),
}
"""Names of limits in ``/info`` → the feature of cgroups that keeps them, and what Docker warns of where it is missing."""


_PLUGINS = {
    "Volume": ["local"],
    "Network": ["bridge", "host", "ipvlan", "macvlan", "null"],
    "Authorization": None,
    "Log": ["json-file", "local"],
}


class System:
    """The engine as a whole."""

    def __init__(self, core: Core, id: str, cgroup_version: int) -> None:
        self._core = core
        self._id = id
        self._cgroup_version = cgroup_version

    def version(self) -> dict[str, Any]:
        """Return the answer of ``GET /version``."""
        host = os.uname()
        core = {
            "Version": VERSION,
            "ApiVersion": API_VERSION,
            "MinAPIVersion": MIN_API_VERSION,
            "GitCommit": "",
            "GoVersion": "",
            "Os": "linux",
            "Arch": host_platform().architecture,
            "KernelVersion": host.release,
            "BuildTime": "",
        }
        details = {"ApiVersion": API_VERSION, "MinAPIVersion": MIN_API_VERSION, "Os": "linux", "Extensions": EXTENSIONS}
        details |= {"Python": platform.python_version()}
        return {
            "Platform": {"Name": "dockerkit"},
            "Components": [{"Name": "dockerkit", "Version": VERSION, "Details": details}],
            **core,
        }

    def info(self) -> dict[str, Any]:
        """Return the answer of ``GET /info``; ``DaemonPid`` is ours."""
        host = os.uname()
        phases = Counter(entry.record.phase for entry in self._core.entries.all())
        return {
            "ID": self._id,
            "DaemonPid": os.getpid(),
            "Containers": phases.total(),
            "ContainersRunning": phases[Phase.RUNNING],
            "ContainersPaused": phases[Phase.PAUSED],
            "ContainersStopped": phases.total() - phases[Phase.RUNNING] - phases[Phase.PAUSED],
            "Images": len(self._core.images.list()),
            "Driver": roots.driver(self._core.snapshots.snapshotter.name),
            "DriverStatus": [["Reason", self._core.snapshots.why]],
            "DockerRootDir": self._core.root,
            "Plugins": {
                "Volume": ["local"],
                "Network": ["bridge", "host", "ipvlan", "macvlan", "null"],
                "Authorization": None,
                "Log": ["json-file", "local"],
            },
            "NEventsListener": self._core.events.listeners,
            "NFd": len(os.listdir("/proc/self/fd")),
            "SystemTime": rfc3339(time.time_ns()),
            "KernelVersion": host.release,
            "OperatingSystem": _os_release().get("PRETTY_NAME", "Linux"),
            "OSVersion": _os_release().get("VERSION_ID", ""),
            "OSType": "linux",
            "Architecture": host.machine,
            "NCPU": len(os.sched_getaffinity(0)),
            "MemTotal": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
            "Name": host.nodename,
            "ServerVersion": VERSION,
            **(limits := _limits(self._cgroup_version, self._core.cgroups.reason)),
            **_fixed(),
            "Warnings": [*limits["Warnings"], *self._core.fabric.warnings()],
        }

    def disk_usage(self, types: Collection[str] = ()) -> dict[str, Any]:
        """Return the answer of ``GET /system/df``; see :func:`dockerkit.daemon.engine.diskusage.disk_usage`."""
        return disk_usage(self._core, types)


def _limits(cgroup_version: int, reason: str) -> dict[str, Any]:
    """Return what of limits can be kept; ``CgroupReason`` is ours: why this version."""
    kept = this_host().limits
    lacking = [f"WARNING: No {words}" for feature, words in _OFFERED.values() if words and feature not in kept]
    with open("/proc/sys/net/ipv4/ip_forward", encoding="ascii") as file:
        forwarding = file.read().strip() == "1"
    return {
        **{name: feature in kept for name, (feature, _) in _OFFERED.items()},
        "IPv4Forwarding": forwarding,
        "CgroupDriver": "cgroupfs",
        "CgroupVersion": str(cgroup_version),
        "CgroupReason": reason,
        "Warnings": lacking,
    }


def _fixed() -> dict[str, Any]:
    return {
        "Debug": False,
        "NGoroutines": 0,
        "LoggingDriver": "json-file",
        "IndexServerAddress": "https://index.docker.io/v1/",
        "RegistryConfig": {"InsecureRegistryCIDRs": ["127.0.0.0/8", "::1/128"], "IndexConfigs": {}, "Mirrors": []},
        "HttpProxy": "",
        "HttpsProxy": "",
        "NoProxy": "",
        "Labels": [],
        "ExperimentalBuild": False,
        "Runtimes": {"dockerkit": {"path": ""}},
        "DefaultRuntime": "dockerkit",
        "Swarm": {"LocalNodeState": "inactive", "NodeID": "", "NodeAddr": "", "ControlAvailable": False, "Error": ""},
        "LiveRestoreEnabled": True,
        "Isolation": "",
        "InitBinary": "",
        "ContainerdCommit": {"ID": ""},
        "RuncCommit": {"ID": ""},
        "InitCommit": {"ID": ""},
        "SecurityOptions": ["name=seccomp,profile=builtin"],
    }


def _os_release() -> dict[str, str]:
    try:
        return platform.freedesktop_os_release()
    except OSError:
        return {}
