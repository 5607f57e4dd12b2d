"""The OCI process of an exec: the container's own, with what the exec wants otherwise. Pure, given a host."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from dockerkit.daemon.runtime.spec.capabilities import container_capabilities
from dockerkit.daemon.runtime.spec.host import Host, this_host
from dockerkit.daemon.runtime.spec.process import container_process
from dockerkit.daemon.runtime.spec.security import read_security
from dockerkit.schema.container import ContainerConfig, HostConfig


def exec_process(
    config: ContainerConfig,
    host_config: HostConfig,
    *,
    arguments: list[str],
    environment: list[str],
    directory: str = "",
    terminal: bool = False,
    console_size: Sequence[int] = (),
    privileged: bool = False,
    host: Host | None = None,
) -> dict[str, Any]:
    """Return OCI ``process`` of one further process: limits, privileges and filter are the container's.

    :param directory: where it starts; empty: where the container's first process did.
    :param privileged: with every capability of the host; the seccomp filter stays the container's, as with Docker.
    """
    host = host or this_host()
    capabilities = list(host.capabilities) if privileged else container_capabilities(host_config, host)
    process = container_process(
        config,
        host_config,
        arguments=arguments,
        environment=environment,
        capabilities=capabilities,
        security=read_security(host_config.security_opt),
    )
    process["terminal"] = terminal
    process["cwd"] = directory or process["cwd"]
    process.pop("consoleSize", None)
    height, width = (*console_size, 0, 0)[:2]
    if terminal and height and width:
        process["consoleSize"] = {"height": height, "width": width}
    return process
