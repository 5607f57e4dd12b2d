"""From the wish to the body of ``POST /containers/create``: one table, a row for each word.

A row says how the word is written in Docker's JSON, and for words that our own engine does not honour yet, what to do instead.
Pure but for one look: the source of a bind must exist where the engine reads it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from dockerkit.client.spec import ContainerSpec
from dockerkit.client.values import Attach, Bind, Device, Probe, Restart
from dockerkit.errors import NotFound, Unsupported
from dockerkit.schema.container import CreateRequest, DeviceMapping, HealthConfig, HostConfig, RestartPolicy, Ulimit
from dockerkit.schema.network import PortBinding
from dockerkit.schema.ports import parse_spec

Encode = Callable[[CreateRequest, Any], None]
_NANO = 1_000_000_000
LOOPBACK = "127.0.0.1"


@dataclass(frozen=True)
class Word:
    """How a word is encoded, and whether our own engine honours it."""

    encode: Encode
    instead: str = ""
    """Not honoured yet: what to do instead."""


def _config(attribute: str, convert: Callable[[Any], Any] = lambda value: value) -> Encode:
    return lambda request, value: setattr(request, attribute, convert(value))


def _host(attribute: str, convert: Callable[[Any], Any] = lambda value: value) -> Encode:
    return lambda request, value: setattr(request.host_config, attribute, convert(value))


def _ignore(request: CreateRequest, value: Any) -> None:
    """Travels elsewhere: the name and the platform are parameters of the request, readiness is the client's own."""


def _environment(variables: tuple[tuple[str, str | None], ...]) -> list[str]:
    return [name if value is None else f"{name}={value}" for name, value in variables]


def _stdin(request: CreateRequest, value: bool) -> None:
    request.open_stdin = value


def _binds(request: CreateRequest, mounts: tuple[Bind, ...]) -> None:
    """Named and anonymous volumes share Docker's list of binds; an anonymous one is a path in ``Volumes``."""
    named = [str(mount) for mount in mounts if mount.source]
    request.host_config.binds = [*(request.host_config.binds or []), *named]
    if anonymous := {mount.target: dict[str, Any]() for mount in mounts if not mount.source}:
        request.volumes = {**(request.volumes or {}), **anonymous}


def _publish(request: CreateRequest, ports: tuple[str, ...]) -> None:
    bindings = port_bindings(ports)
    request.host_config.port_bindings = {**bindings}
    request.exposed_ports = {**(request.exposed_ports or {}), **{key: dict[str, Any]() for key in bindings}}


def port_bindings(ports: Iterable[str]) -> dict[str, list[PortBinding] | None]:
    """Return what ports in docker's ``-p`` form bind: ``{"6379/tcp": [PortBinding]}``."""
    found: dict[str, list[PortBinding] | None] = {}
    for port in ports:
        for key, binding in parse_spec(port):
            found[key] = [*(found.get(key) or []), binding]
    return found


def _networks(request: CreateRequest, networks: tuple[Attach, ...]) -> None:
    request.host_config.network_mode = networks[0].network
    if len(networks) > 1 or networks[0].aliases or networks[0].ip:
        endpoints = {net.network: _endpoint(net) for net in networks}
        request.networking_config = {"EndpointsConfig": endpoints}


def _endpoint(network: Attach) -> dict[str, Any]:
    address = {"IPAMConfig": {"IPv6Address" if ":" in network.ip else "IPv4Address": network.ip}} if network.ip else {}
    return {"Aliases": list(network.aliases), **address}


def _devices(devices: tuple[Device, ...]) -> list[DeviceMapping]:
    return [DeviceMapping(path_on_host=d.host, path_in_container=d.inside, cgroup_permissions=d.permissions) for d in devices]


def _ulimits(limits: tuple[tuple[str, tuple[int, int]], ...]) -> list[Ulimit]:
    return [Ulimit(name=name, soft=soft, hard=hard) for name, (soft, hard) in limits]


def _tmpfs(said: tuple[tuple[str, int | None], ...]) -> dict[str, str]:
    return {target: "" if size is None else f"size={size}" for target, size in said}


def _health(probe: Probe) -> HealthConfig:
    times = {name: round(getattr(probe, name) * _NANO) for name in ("interval", "timeout", "start_period", "start_interval")}
    return HealthConfig(test=list(probe.test), retries=probe.retries, **times)


def _restart(wanted: Restart) -> RestartPolicy:
    return RestartPolicy(name=wanted.policy, maximum_retry_count=wanted.max_retries)


WORDS: dict[str, Word] = {
    "command": Word(_config("cmd", list)),
    "entrypoint": Word(_config("entrypoint", lambda words: list(words) or [""])),
    "env": Word(_config("env", _environment)),
    "user": Word(_config("user")),
    "workdir": Word(_config("working_dir")),
    "hostname": Word(_config("hostname")),
    "label": Word(_config("labels", dict)),
    "tty": Word(_config("tty")),
    "stdin": Word(_stdin),
    "stop_signal": Word(_config("stop_signal")),
    "stop_timeout": Word(_config("stop_timeout")),
    "memory": Word(_host("memory")),
    "cpus": Word(_host("nano_cpus", lambda number: round(number * _NANO))),
    "pids_limit": Word(_host("pids_limit")),
    "cap_add": Word(_host("cap_add", list)),
    "cap_drop": Word(_host("cap_drop", list)),
    "security_opt": Word(_host("security_opt", list)),
    "privileged": Word(_host("privileged")),
    "read_only": Word(_host("readonly_rootfs")),
    "device": Word(_host("devices", _devices)),
    "ulimit": Word(_host("ulimits", _ulimits)),
    "sysctl": Word(_host("sysctls", dict)),
    "shm_size": Word(_host("shm_size")),
    "tmpfs": Word(_host("tmpfs", _tmpfs)),
    "auto_remove": Word(_host("auto_remove")),
    "bind": Word(_binds),
    "network": Word(_networks),
    "name": Word(_ignore),
    "platform": Word(_ignore),
    "publish": Word(_publish),
    "volume": Word(_binds),
    "restart": Word(_host("restart_policy", _restart)),
    "healthcheck": Word(_config("healthcheck", _health)),
    "dns": Word(_host("dns", list)),
    "extra_host": Word(_host("extra_hosts", list)),
    "init": Word(_host("init"), "let the program reap its children, or run it under sh"),
    "ready": Word(_ignore),
}


def encode(spec: ContainerSpec, *, foreign: bool, local: bool) -> CreateRequest:
    """Return the request that creates what `spec` wishes.

    :param foreign: the engine is not ours: it decides itself what it honours.
    :param local: the engine reads this machine's files.
    :raises Unsupported: a word that the engine at the other end does not honour yet.
    :raises NotFound: the source of a bind does not exist.
    """
    said = spec.said
    check_offered(said, foreign=foreign)
    if local:
        _check_sources(said.get("bind", ()))
    request = CreateRequest(image=spec.image, host_config=HostConfig())
    for word, value in said.items():
        WORDS[word].encode(request, value)
    if local:
        bind_to_loopback(request.host_config.port_bindings)
    return request


def bind_to_loopback(ports: Mapping[str, list[PortBinding] | None]) -> None:
    """Let what is published on this machine be reached from this machine, unless an address was said."""
    for bindings in ports.values():
        for binding in bindings or ():
            binding.host_ip = binding.host_ip or LOOPBACK


def check_offered(said: dict[str, Any], *, foreign: bool) -> None:
    """Refuse words that the engine would not honour.

    :raises Unsupported: by name, with what to do instead.
    """
    for word, value in said.items():
        instead = WORDS[word].instead
        if instead and not foreign:
            raise Unsupported(f"{word} is not offered yet ({word}={_shown(value)})", hint=instead)


def _shown(value: Any) -> str:
    plain = [str(item) for item in value] if isinstance(value, tuple) and not hasattr(value, "_fields") else value
    return repr(plain)


def _check_sources(binds: tuple[Bind, ...]) -> None:
    for bind in binds:
        if not os.path.lexists(bind.source):
            raise NotFound(
                f"bind source path does not exist: {bind.source}",
                hint="create it first; dockerkit makes no folders on the host",
            )
