"""Which namespaces a container has of its own, shares with the host, or joins. Pure.

Ours, where Docker chooses by cgroup version: the cgroup namespace is private unless ``--cgroupns=host`` is said.
"""

from __future__ import annotations

from collections.abc import Mapping

from dockerkit.errors import Failed, Invalid
from dockerkit.schema.container import HostConfig

_MODES = {
    "pid": ("PID", ("", "private", "host")),
    "uts": ("UTS", ("", "host")),
    "ipc": ("IPC", ("", "private", "shareable", "host", "none")),
    "cgroup": ("cgroup namespace", ("", "private", "host")),
}
_SHARED = "container:"


def modes(host_config: HostConfig) -> dict[str, str]:
    """Return each namespace's mode as the request has it."""
    return {
        "pid": host_config.pid_mode,
        "uts": host_config.uts_mode,
        "ipc": host_config.ipc_mode,
        "network": host_config.network_mode,
        "cgroup": host_config.cgroupns_mode,
    }


def check_namespaces(host_config: HostConfig) -> None:
    """Refuse modes that do not exist.

    :raises Invalid: in Docker's words.
    """
    asked = modes(host_config)
    for kind, (words, known) in _MODES.items():
        mode = asked[kind]
        joins = kind in ("pid", "ipc") and mode.startswith(_SHARED) and len(mode) > len(_SHARED)
        if mode not in known and not joins:
            raise Invalid(f"invalid {words} mode: {mode}")
    if asked["network"] == _SHARED or asked["network"] == "container":
        raise Invalid("Invalid network mode: invalid container format container:<name|id>")


def namespaces(host_config: HostConfig, joined: Mapping[str, str]) -> list[dict[str, str]]:
    """Return OCI ``linux.namespaces``: one entry for each that is not the host's.

    :param joined: type → ``/proc/PID/ns/…`` for modes ``container:ID``.
    :raises Failed: a mode names a container that `joined` has no path for.
    """
    entries = [{"type": "mount"}]
    for kind, mode in modes(host_config).items():
        if mode == "host":
            continue
        if mode.startswith(_SHARED) and kind not in joined:
            # falling back to a new namespace would quietly isolate what was meant to be shared
            raise Failed(f"cannot join the {kind} namespace of {mode.removeprefix(_SHARED)}: it is not running")
        entries.append({"type": kind, "path": joined[kind]} if kind in joined else {"type": kind})
    return entries


def is_private(host_config: HostConfig, kind: str) -> bool:
    """Return whether the container gets a new namespace of this kind, neither the host's nor another container's."""
    mode = modes(host_config)[kind]
    return mode != "host" and not mode.startswith(_SHARED)
