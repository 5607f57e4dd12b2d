"""Which rules of a profile hold for a container: from Docker's format, with its conditions, to OCI ``linux.seccomp``. Pure.

Source: Docker's seccomp profile format (``--security-opt seccomp=FILE``); OCI runtime spec, config-linux, Seccomp.
"""

from __future__ import annotations

import errno
import platform
from collections.abc import Collection, Mapping
from typing import Any, NamedTuple

from dockerkit.daemon.kernel.seccomp.profile import DOCKER_PROFILE

_NATIVE = {"x86_64": "SCMP_ARCH_X86_64", "aarch64": "SCMP_ARCH_AARCH64"}
_DOCKER_ARCHITECTURE = {"x86_64": "amd64", "aarch64": "arm64"}


class Situation(NamedTuple):
    """What conditions in a profile are judged by."""

    capabilities: frozenset[str]
    kernel: tuple[int, int]
    architecture: str
    """In the profile format's words: ``amd64``, ``arm64``."""


def default_profile(
    capabilities: Collection[str], kernel: tuple[int, int], architecture: str = platform.machine()
) -> dict[str, Any]:
    """Return Docker's default rules for a container with this bounding set (``CAP_…``), as OCI ``linux.seccomp``.

    :raises OSError: EINVAL, an architecture without syscall table.
    """
    return resolve_profile(DOCKER_PROFILE, capabilities, kernel, architecture)


def resolve_profile(
    profile: Mapping[str, Any], capabilities: Collection[str], kernel: tuple[int, int], architecture: str = platform.machine()
) -> dict[str, Any]:
    """Return the rules of a profile in Docker's format that hold for this container, as OCI ``linux.seccomp``.

    :raises OSError: EINVAL, the profile contradicts itself or the architecture is not known; ``filename`` is the word.
    """
    if architecture not in _NATIVE:
        raise _invalid("no syscall table for this architecture", architecture)
    situation = Situation(frozenset(capabilities), kernel, _DOCKER_ARCHITECTURE[architecture])
    resolved: dict[str, Any] = {
        "defaultAction": profile.get("defaultAction", ""),
        "architectures": _architectures(profile, architecture),
        "syscalls": [_plain(rule) for rule in profile.get("syscalls") or () if _holds(rule, situation)],
    }
    if profile.get("defaultErrnoRet") is not None:
        resolved["defaultErrnoRet"] = profile["defaultErrnoRet"]
    if profile.get("flags"):
        resolved["flags"] = list(profile["flags"])
    return resolved


def _architectures(profile: Mapping[str, Any], architecture: str) -> list[str]:
    named, mapped = profile.get("architectures") or [], profile.get("archMap") or []
    if named and mapped:
        raise _invalid("use either 'architectures' or 'archMap' in a seccomp profile", "architectures")
    native = _NATIVE[architecture]
    for entry in mapped:
        if entry["architecture"] == native:
            return [native, *(entry.get("subArchitectures") or ())]
    return list(named) or [native]


def _holds(rule: Mapping[str, Any], situation: Situation) -> bool:
    included, excluded = rule.get("includes") or {}, rule.get("excludes") or {}
    return (
        set(included.get("caps") or ()) <= situation.capabilities
        and situation.architecture in (included.get("arches") or (situation.architecture,))
        and _reached(included.get("minKernel"), situation.kernel, absent=True)
        and not set(excluded.get("caps") or ()) & situation.capabilities
        and situation.architecture not in (excluded.get("arches") or ())
        and not _reached(excluded.get("minKernel"), situation.kernel, absent=False)
    )


def _reached(version: str | None, kernel: tuple[int, int], *, absent: bool) -> bool:
    if not version:
        return absent
    try:
        major, minor = version.split(".")[:2]
        return kernel >= (int(major), int(minor))
    except ValueError:
        raise _invalid("not a kernel version", version) from None


def _plain(rule: Mapping[str, Any]) -> dict[str, Any]:
    names = list(rule.get("names") or ())
    if rule.get("name"):
        if names:
            raise _invalid("'name' and 'names' were specified in the seccomp profile, use either", str(rule["name"]))
        names = [rule["name"]]
    plain: dict[str, Any] = {"names": names, "action": rule.get("action", "")}
    if rule.get("errnoRet") is not None:
        plain["errnoRet"] = rule["errnoRet"]
    if rule.get("args"):
        plain["args"] = [dict(argument) for argument in rule["args"]]
    return plain


def _invalid(message: str, word: str) -> OSError:
    return OSError(errno.EINVAL, message, word)
