"""Which devices a group may use, in the lines the version 1 ``devices`` controller reads. Pure: writes nothing.

Source: Linux Documentation/admin-guide/cgroup-v1/devices.rst.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

EVERYTHING = "a *:* rwm"
DEFAULT_DEVICES = (
    "c *:* m",
    "b *:* m",
    "c 1:3 rwm",  # null
    "c 1:5 rwm",  # zero
    "c 1:7 rwm",  # full
    "c 1:8 rwm",  # random
    "c 1:9 rwm",  # urandom
    "c 5:0 rwm",  # tty
    "c 5:1 rwm",  # console
    "c 5:2 rwm",  # ptmx
    "c 136:* rwm",  # pts
)
"""What Docker lets every container use; making any node is allowed, using it is not."""


class Rule(NamedTuple):
    """One line for ``devices.allow`` or ``devices.deny``."""

    file: str
    line: str


def confined_rules(current: str) -> list[Rule]:
    """Return what is left to write so that a group whose ``devices.list`` reads `current` has exactly the default list.

    Denying everything is EINVAL once a group has children, so it is only done while the list still says everything.
    """
    lines = current.splitlines()
    deny = [Rule("devices.deny", "a")] if EVERYTHING in lines else []
    return deny + [Rule("devices.allow", line) for line in DEFAULT_DEVICES if deny or line not in lines]


def container_rules(devices: Iterable[Mapping[str, Any]] | None) -> list[Rule]:
    """Return what to write for OCI ``linux.resources.devices`` in a new group that allows everything.

    After "deny all" the defaults are allowed first, as every runtime does; "allow all" writes nothing.
    """
    rules: list[Rule] = []
    for device in devices or ():
        everything = device.get("type", "a") in ("a", "") and _number(device, "major") == _number(device, "minor") == "*"
        if everything:
            rules = [] if device["allow"] else [Rule("devices.deny", "a"), *(Rule("devices.allow", d) for d in DEFAULT_DEVICES)]
        else:
            file = "devices.allow" if device["allow"] else "devices.deny"
            rules.append(Rule(file, _line(device)))
    return rules


def _line(device: Mapping[str, Any]) -> str:
    return f"{device['type']} {_number(device, 'major')}:{_number(device, 'minor')} {device.get('access') or 'rwm'}"


def _number(device: Mapping[str, Any], key: str) -> str:
    number = device.get(key)
    return "*" if number is None or number < 0 else str(number)
