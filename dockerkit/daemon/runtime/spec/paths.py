"""Which files of ``/proc`` and ``/sys`` a container does not see, or may not write. Pure data and one choice.

Source: moby 28, ``daemon/pkg/oci``; its advisories GHSA-jq35-85cj-fj4p (powercap) and GHSA-6fw5-f8r9-fgfm (interrupts,
thermal).
"""

from __future__ import annotations

from dockerkit.daemon.runtime.spec.host import Host, this_host
from dockerkit.daemon.runtime.spec.security import Security
from dockerkit.schema.container import HostConfig

MASKED_PATHS = (
    "/proc/acpi",
    "/proc/asound",
    "/proc/interrupts",
    "/proc/kcore",
    "/proc/keys",
    "/proc/latency_stats",
    "/proc/sched_debug",
    "/proc/scsi",
    "/proc/timer_list",
    "/proc/timer_stats",
    "/sys/devices/virtual/powercap",
    "/sys/firmware",
)
READONLY_PATHS = ("/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger")


def default_masked_paths(host: Host | None = None) -> list[str]:
    """Return what Docker masks on `host`: :data:`MASKED_PATHS` and the thermal counters of each processor it has."""
    return [*MASKED_PATHS, *(host or this_host()).thermal]


def covered_paths(host_config: HostConfig, security: Security, host: Host) -> tuple[list[str], list[str]]:
    """Return masked and read-only paths of a container: none when privileged or unconfined, else as asked, else Docker's."""
    if host_config.privileged or security.system_paths_unconfined:
        return [], []
    masked, read_only = host_config.masked_paths, host_config.readonly_paths
    return (
        default_masked_paths(host) if masked is None else list(masked),
        list(READONLY_PATHS) if read_only is None else list(read_only),
    )
