"""The OCI runtime spec of one container, put together from its parts. Pure, given a host."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from dockerkit.daemon.runtime.spec.capabilities import container_capabilities
from dockerkit.daemon.runtime.spec.devices import container_devices
from dockerkit.daemon.runtime.spec.host import Host, this_host
from dockerkit.daemon.runtime.spec.mounts import SHM, BindMount, container_mounts
from dockerkit.daemon.runtime.spec.namespaces import namespaces
from dockerkit.daemon.runtime.spec.paths import covered_paths
from dockerkit.daemon.runtime.spec.process import container_process, sysctls
from dockerkit.daemon.runtime.spec.resources import container_resources
from dockerkit.daemon.runtime.spec.security import Security, read_security
from dockerkit.schema.container import ContainerConfig, HostConfig

OCI_VERSION = "1.2.0"


def runtime_spec(
    *,
    id: str,
    hostname: str,
    config: ContainerConfig,
    host_config: HostConfig,
    arguments: list[str],
    environment: list[str],
    directory: str,
    cgroup: str,
    binds: Iterable[BindMount] = (),
    joined: Mapping[str, str] | None = None,
    host: Host | None = None,
) -> dict[str, Any]:
    """Return the OCI runtime spec (1.2) of a container, without ``linux.seccomp``: see ``seccomp_program`` for that.

    :param config: merged with the image's already.
    :param directory: the container's, which holds ``hosts``, ``hostname`` and ``resolv.conf``.
    :param cgroup: ``dockerkit-<root id>/<policy>/<id>``; the policy is :func:`~…devices.device_policy`'s.
    :param joined: for modes ``container:ID``: namespace type → ``/proc/PID/ns/…``; and ``shm`` → the other's ``/dev/shm``.
    :param host: this one when left out.
    :raises Invalid: what ``validate`` would have refused.
    :raises Failed: a device is not there, in Docker's words.
    """
    host, joined = host or this_host(), joined or {}
    security = read_security(host_config.security_opt)
    process = container_process(
        config,
        host_config,
        arguments=arguments,
        environment=environment,
        capabilities=container_capabilities(host_config, host),
        security=security,
    )
    shm = SHM if host_config.ipc_mode == "host" else joined.get("shm", "")
    spec: dict[str, Any] = {
        "ociVersion": OCI_VERSION,
        "process": process,
        "root": {"path": "rootfs", "readonly": host_config.readonly_rootfs},
        "mounts": container_mounts(host_config, directory=directory, binds=binds, security=security, host=host, shm=shm),
        "linux": _linux(host_config, security, cgroup, joined, host),
        "annotations": dict(host_config.annotations or {}),
    }
    return spec | _names(config, host_config, hostname)


def _linux(host_config: HostConfig, security: Security, cgroup: str, joined: Mapping[str, str], host: Host) -> dict[str, Any]:
    nodes, rules = container_devices(host_config, host)
    masked, read_only = covered_paths(host_config, security, host)
    return {
        "namespaces": namespaces(host_config, joined),
        "cgroupsPath": cgroup,
        "resources": container_resources(host_config, rules, host),
        "devices": nodes,
        "sysctl": sysctls(host_config),
        "maskedPaths": masked,
        "readonlyPaths": read_only,
    }


def _names(config: ContainerConfig, host_config: HostConfig, hostname: str) -> dict[str, str]:
    """Names are set in a UTS namespace of its own only: else they would be the host's."""
    if host_config.uts_mode == "host":
        return {}
    return {"hostname": hostname} | ({"domainname": config.domainname} if config.domainname else {})
