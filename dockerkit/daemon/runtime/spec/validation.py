"""What is refused, or only warned about, when a container is created: Docker's limits in Docker's words. Pure, given a host.

The order is dockerd's, so that of two mistakes the same one is named first. Source: moby 28, ``daemon/container.go``,
``daemon/daemon_unix.go``, ``runconfig``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from msgspec import UNSET

from dockerkit.daemon.runtime.spec.bounds import resource_warnings
from dockerkit.daemon.runtime.spec.capabilities import check_capabilities, container_capabilities
from dockerkit.daemon.runtime.spec.devices import check_devices
from dockerkit.daemon.runtime.spec.host import Host, this_host
from dockerkit.daemon.runtime.spec.namespaces import check_namespaces
from dockerkit.daemon.runtime.spec.process import check_sysctls, check_ulimits
from dockerkit.daemon.runtime.spec.seccomp import check_seccomp
from dockerkit.daemon.runtime.spec.security import read_security
from dockerkit.daemon.runtime.spec.tmpfs import check_tmpfs_target, merged_options, mount_options
from dockerkit.errors import Invalid
from dockerkit.schema.container import ContainerConfig, HealthConfig, HostConfig, RestartPolicy
from dockerkit.schema.signals import parse_signal

_MILLISECOND = 1_000_000


def validate(config: ContainerConfig, host_config: HostConfig, host: Host | None = None) -> list[str]:
    """Refuse what cannot be kept; return warnings about what can.

    Limits this host does not have are discarded before: see ``discarding``.

    :raises Invalid: the first mistake, in Docker's words.
    :raises Unsupported: an AppArmor profile or an SELinux label.
    """
    host = host or this_host()
    _check_config(config)
    _check_conflicts(config, host_config)
    check_capabilities(host_config, host)
    warnings = resource_warnings(host_config, host)
    check_namespaces(host_config)
    _check_host_config(host_config)
    read_security(host_config.security_opt)
    check_seccomp(host_config, container_capabilities(host_config, host), host)
    check_ulimits(host_config)
    check_sysctls(host_config)
    check_devices(host_config)
    _check_tmpfs(host_config)
    return warnings


def _check_config(config: ContainerConfig) -> None:
    if config.working_dir and not config.working_dir.startswith("/"):
        raise Invalid(f"the working directory '{config.working_dir}' is invalid, it needs to be an absolute path")
    if config.stop_signal is not UNSET and config.stop_signal:
        parse_signal(config.stop_signal)
    for variable in config.env:
        if not variable.partition("=")[0]:
            raise Invalid(f"invalid environment variable: {variable}")
    if config.healthcheck is not UNSET:
        _check_health(config.healthcheck)


def _check_health(health: HealthConfig) -> None:
    durations = {"Interval": health.interval, "Timeout": health.timeout, "StartPeriod": health.start_period}
    for name, duration in (durations | {"StartInterval": health.start_interval}).items():
        if duration != 0 and duration < _MILLISECOND:
            raise Invalid(f"{name} in Healthcheck cannot be less than 1ms")
    if health.retries < 0:
        raise Invalid("Retries in Healthcheck cannot be negative")


class Conflict(NamedTuple):
    """Two wishes that exclude each other, and Docker's words for it."""

    asked: Callable[[ContainerConfig, HostConfig], object]
    words: str


def _shares_network(host_config: HostConfig) -> bool:
    return host_config.network_mode.startswith("container:")


def _host_or_shared(host_config: HostConfig) -> bool:
    return host_config.network_mode == "host" or _shares_network(host_config)


def _said(value: object) -> bool:
    return value is not UNSET and bool(value)


CONFLICTS = (
    Conflict(lambda c, h: _shares_network(h) and c.hostname, "conflicting options: hostname and the network mode"),
    Conflict(
        lambda c, h: _shares_network(h) and h.links,
        "conflicting options: container type network can't be used with links. This would result in undefined behavior",
    ),
    Conflict(lambda c, h: _shares_network(h) and h.dns, "conflicting options: dns and the network mode"),
    Conflict(
        lambda c, h: _shares_network(h) and h.extra_hosts, "conflicting options: custom host-to-IP mapping and the network mode"
    ),
    Conflict(lambda c, h: _host_or_shared(h) and _said(c.mac_address), "conflicting options: mac-address and the network mode"),
    Conflict(
        lambda c, h: _shares_network(h) and (h.port_bindings or h.publish_all_ports),
        "conflicting options: port publishing and the container type network mode",
    ),
    Conflict(
        lambda c, h: _shares_network(h) and _said(c.exposed_ports),
        "conflicting options: port exposing and the container type network mode",
    ),
    Conflict(lambda c, h: h.uts_mode == "host" and c.hostname, "conflicting options: hostname and the UTS mode"),
    Conflict(lambda c, h: h.uts_mode == "host" and c.domainname, "conflicting options: domainname and the UTS mode"),
    Conflict(
        lambda c, h: h.network_mode == "host" and h.links,
        "conflicting options: host type networking can't be used with links. This would result in undefined behavior",
    ),
    Conflict(
        lambda c, h: h.auto_remove and h.restart_policy.name not in ("", "no"),
        "can't create 'AutoRemove' container with restart policy",
    ),
)


def _check_conflicts(config: ContainerConfig, host_config: HostConfig) -> None:
    for conflict in CONFLICTS:
        if conflict.asked(config, host_config):
            raise Invalid(conflict.words)


def _check_host_config(host_config: HostConfig) -> None:
    if host_config.shm_size < 0:
        raise Invalid("SHM size can not be less than 0")
    if not -1000 <= host_config.oom_score_adj <= 1000:
        raise Invalid(f"Invalid value {host_config.oom_score_adj}, range for oom score adj is [-1000, 1000]")
    check_restart_policy(host_config.restart_policy)
    if host_config.isolation not in ("", "default"):
        raise Invalid(f"invalid isolation '{host_config.isolation}' - linux only supports 'default'")
    if any(size < 0 for size in host_config.console_size):
        raise Invalid(f"invalid console size: {host_config.console_size}")


def check_restart_policy(policy: RestartPolicy) -> None:
    """Refuse a restart policy that does not exist or contradicts itself.

    :raises Invalid: in Docker's words.
    """
    if policy.name not in ("", "no", "always", "unless-stopped", "on-failure"):
        raise Invalid(
            f"invalid restart policy: unknown policy '{policy.name}'; "
            "use one of 'no', 'always', 'on-failure', or 'unless-stopped'"
        )
    if policy.maximum_retry_count and policy.name != "on-failure":
        raise Invalid("invalid restart policy: maximum retry count can only be used with 'on-failure'")
    if policy.maximum_retry_count < 0:
        raise Invalid("invalid restart policy: maximum retry count cannot be negative")


def _check_tmpfs(host_config: HostConfig) -> None:
    for target, options in (host_config.tmpfs or {}).items():
        check_tmpfs_target(target)
        merged_options(options.split(","))
    for mount in host_config.mounts or ():
        if mount.type == "tmpfs":
            check_tmpfs_target(mount.target)
            merged_options(mount_options(mount))
