"""Which device nodes a container has and which it may use: ``--device``, ``--device-cgroup-rule``, ``--privileged``.

Looks at the host only through ``Host.devices_at``.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from typing import Any

from dockerkit.daemon.kernel.cgroups.contract import CONFINED, OPEN
from dockerkit.daemon.runtime.spec.host import Device, Host
from dockerkit.errors import Failed, Invalid
from dockerkit.schema.container import DeviceMapping, HostConfig

_ACCESS = re.compile(r"[rwm]{1,3}")
_RULE = re.compile(r"([acb]) ([0-9]+|\*):([0-9]+|\*) ([rwm]{1,3})")
_MOST_MAJOR, _MOST_MINOR = (1 << 12) - 1, (1 << 20) - 1
EVERYTHING = {"allow": True, "access": "rwm"}
DENY_ALL = {"allow": False, "access": "rwm"}
_USABLE = ((1, 5), (1, 3), (1, 9), (1, 8), (5, 0), (5, 1))
"""zero, null, urandom, random, tty, console; the runtime adds what every container needs besides (pts, making nodes)."""
_FUSE = (10, 229)


def device_policy(host_config: HostConfig) -> str:
    """Return which of the two cgroup policies a container belongs under: ``open`` when it asks for devices of its own."""
    own = host_config.privileged or host_config.devices or host_config.device_cgroup_rules
    return OPEN if own else CONFINED


def container_devices(host_config: HostConfig, host: Host) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Return OCI ``linux.devices`` (nodes to make) and ``linux.resources.devices`` (what may be used).

    :raises Failed: a device is not there, in Docker's words.
    :raises Invalid: a malformed rule.
    """
    if host_config.privileged:
        mapped = [
            _mapped(mapping, host)
            for mapping in host_config.devices
            if mapping.path_in_container not in ("", mapping.path_on_host)
        ]
        nodes = [device for group in [host.devices_at("/dev"), *mapped] for device in group]
        return [_node(device) for device in nodes], [dict(EVERYTHING)]
    nodes, rules = (
        [],
        [dict(DENY_ALL), *(_rule("c", numbers, "rwm") for numbers in _USABLE), _rule("c", _FUSE, "rwm", allow=False)],
    )
    for mapping in host_config.devices:
        found = _mapped(mapping, host)
        nodes += found
        rules += [_rule(device.type, (device.major, device.minor), mapping.cgroup_permissions or "rwm") for device in found]
    return [_node(device) for device in nodes], rules + list(cgroup_rules(host_config.device_cgroup_rules or ()))


def cgroup_rules(lines: Iterable[str]) -> Iterable[dict[str, Any]]:
    """Read ``--device-cgroup-rule`` lines: ``c 42:* rmw``.

    :raises Invalid: malformed, in Docker's words.
    """
    for line in lines:
        read = _RULE.fullmatch(line)
        if line == "a" or (read and read[1] == "a"):
            yield _everything(line, read)
            continue
        if read is None:
            raise Invalid(f"invalid device cgroup rule format: '{line}'", hint="write: c 42:* rwm")
        major, minor = _number(read[2], _MOST_MAJOR, "major", line), _number(read[3], _MOST_MINOR, "minor", line)
        yield {"allow": True, "type": read[1], "major": major, "minor": minor, "access": read[4]}


def check_devices(host_config: HostConfig) -> None:
    """Refuse malformed devices and rules; whether a device exists is found at start, as Docker does.

    :raises Invalid: in Docker's words.
    """
    for mapping in host_config.devices:
        if not _ACCESS.fullmatch(mapping.cgroup_permissions or "rwm"):
            raise Invalid(f"invalid device mode: {mapping.cgroup_permissions}", hint="any of r, w and m")
        if not mapping.path_on_host.startswith("/"):
            raise Invalid(f"invalid device: path must be absolute: '{mapping.path_on_host}'")
    list(cgroup_rules(host_config.device_cgroup_rules or ()))


def _everything(line: str, read: re.Match[str] | None) -> dict[str, Any]:
    if read and ((read[2], read[3]) != ("*", "*") or len(read[4]) < 3):
        raise Invalid(
            "although this cgroup rule is technically correct, because 'a' maps to 'a *:* rwm' regardless of what comes next, "
            f"this format is partially ineffective: '{line}'"
        )
    return {"allow": True, "type": "a", "major": -1, "minor": -1, "access": "rwm"}


def _number(text: str, most: int, which: str, line: str) -> int:
    if text == "*":
        return -1
    if int(text) > most:
        raise Invalid(f"invalid {which} value in device cgroup rule format: '{line}'")
    return int(text)


def _mapped(mapping: DeviceMapping, host: Host) -> list[Device]:
    """Return the devices of one ``--device``, with the paths they get inside."""
    inside = mapping.path_in_container or mapping.path_on_host
    try:
        found = host.devices_at(mapping.path_on_host)
    except OSError as error:
        cause = (error.strerror or "").lower()
        raise Failed(
            f'error gathering device information while adding custom device "{mapping.path_on_host}": {cause}'
        ) from None
    single = len(found) == 1 and not found[0].path.startswith(mapping.path_on_host + "/")
    return [
        Device(inside if single else _moved(device.path, mapping.path_on_host, inside), device.type, device.major, device.minor,
               device.mode, device.uid, device.gid)
        for device in found
    ]  # fmt: skip


def _moved(path: str, outside: str, inside: str) -> str:
    return os.path.normpath(os.path.join(inside, os.path.relpath(path, outside)))


def _node(device: Device) -> dict[str, Any]:
    node: dict[str, Any] = {"path": device.path, "type": device.type, "major": device.major, "minor": device.minor}
    return node | {"fileMode": device.mode, "uid": device.uid, "gid": device.gid}


def _rule(kind: str, numbers: tuple[int, int], access: str, *, allow: bool = True) -> dict[str, Any]:
    return {"allow": allow, "type": kind, "major": numbers[0], "minor": numbers[1], "access": access}
