"""``--security-opt``, read: privileges, seccomp, hidden paths. Pure; mandatory access control is refused rather than ignored.

Also accepted, though Docker's own command line translates it before sending: ``systempaths=unconfined``.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from dockerkit.errors import Invalid, Unsupported

UNCONFINED = "unconfined"
_BOOLEANS = {
    **dict.fromkeys(("1", "t", "T", "TRUE", "true", "True"), True),
    **dict.fromkeys(("0", "f", "F", "FALSE", "false", "False"), False),
}


@dataclass(frozen=True, slots=True)
class Security:
    """What was asked for.

    :param seccomp: ``default``, ``unconfined`` or ``custom``, and then `profile` is the user's, in Docker's format.
    """

    no_new_privileges: bool = False
    seccomp: str = ""
    profile: dict[str, Any] = field(default_factory=dict)
    system_paths_unconfined: bool = False
    writable_cgroups: bool = False


def read_security(options: Iterable[str] | None) -> Security:
    """Read the options of ``HostConfig.SecurityOpt``; later ones win.

    :raises Invalid: malformed, in Docker's words.
    :raises Unsupported: an AppArmor profile or an SELinux label, which this engine cannot apply.
    """
    security = Security()
    for option in options or ():
        security = _take(security, option)
    return security


def _take(security: Security, option: str) -> Security:
    if option == "no-new-privileges":
        return replace(security, no_new_privileges=True)
    if option == "disable":
        return security
    separator = "=" if "=" in option else ":"
    key, found, value = option.partition(separator)
    if not found:
        raise Invalid(f'invalid --security-opt 1: "{option}"')
    if key not in _READERS:
        raise Invalid(f'invalid --security-opt 2: "{option}"')
    return _READERS[key](security, value, option)


def _no_new_privileges(security: Security, value: str, option: str) -> Security:
    return replace(security, no_new_privileges=_boolean(value, option))


def _writable_cgroups(security: Security, value: str, option: str) -> Security:
    return replace(security, writable_cgroups=_boolean(value, option))


def _seccomp(security: Security, value: str, _: str) -> Security:
    if value in (UNCONFINED, "builtin", ""):
        return replace(security, seccomp=UNCONFINED if value == UNCONFINED else "default", profile={})
    try:
        profile = json.loads(value)
    except ValueError as error:
        raise Invalid(f"decoding seccomp profile failed: {error}") from None
    if not isinstance(profile, dict):
        raise Invalid("decoding seccomp profile failed: it is not a JSON object")
    return replace(security, seccomp="custom", profile=profile)


def _system_paths(security: Security, value: str, option: str) -> Security:
    if value != UNCONFINED:
        raise Invalid(f'invalid --security-opt 2: "{option}"')
    return replace(security, system_paths_unconfined=True)


def _apparmor(security: Security, value: str, _: str) -> Security:
    if value not in (UNCONFINED, "docker-default", ""):
        raise Unsupported(f"the AppArmor profile {value} cannot be applied by this engine", hint="use apparmor=unconfined")
    return security


def _label(security: Security, value: str, _: str) -> Security:
    if value != "disable":
        raise Unsupported(f"the SELinux label {value} cannot be applied by this engine", hint="use label=disable")
    return security


def _boolean(value: str, option: str) -> bool:
    if value not in _BOOLEANS:
        raise Invalid(f'invalid --security-opt 2: "{option}"')
    return _BOOLEANS[value]


_READERS: dict[str, Callable[[Security, str, str], Security]] = {
    "no-new-privileges": _no_new_privileges,
    "writable-cgroups": _writable_cgroups,
    "seccomp": _seccomp,
    "systempaths": _system_paths,
    "apparmor": _apparmor,
    "label": _label,
}
