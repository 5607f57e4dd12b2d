"""A container's mounts: Docker's own, then binds and tmpfs, those nearer to the root first. Pure.

``/sys/fs/cgroup`` is one entry of the OCI type ``cgroup``: the runtime shows each hierarchy from the container's own group.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from dockerkit.daemon.runtime.spec.host import Host
from dockerkit.daemon.runtime.spec.security import Security
from dockerkit.daemon.runtime.spec.tmpfs import merged_options, mount_options
from dockerkit.errors import Invalid
from dockerkit.schema.container import HostConfig

SHM = "/dev/shm"  # noqa: S108 (inside)
DEFAULT_SHM_SIZE = 64 * 1024 * 1024
_RECURSIVE_READ_ONLY = (5, 12)
"""mount_setattr(2) with AT_RECURSIVE."""

_NOTHING = ("nosuid", "noexec", "nodev")
_DEFAULT: tuple[tuple[str, str, str, tuple[str, ...]], ...] = (
    ("/proc", "proc", "proc", _NOTHING),
    ("/dev", "tmpfs", "tmpfs", ("nosuid", "strictatime", "mode=755", "size=65536k")),
    ("/dev/pts", "devpts", "devpts", ("nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5")),
    ("/sys", "sysfs", "sysfs", (*_NOTHING, "ro")),
    ("/sys/fs/cgroup", "cgroup", "cgroup", (*_NOTHING, "ro")),
    ("/dev/mqueue", "mqueue", "mqueue", _NOTHING),
    (SHM, "tmpfs", "shm", (*_NOTHING, "mode=1777")),
)
"""Docker's: destination, type, source, options."""
_STAYS_WRITABLE = frozenset({"/proc", "/dev", "/dev/pts", "/dev/mqueue", SHM})
_FILES = ("resolv.conf", "hostname", "hosts")


@dataclass(frozen=True)
class BindMount:
    """A file or directory of the host shown inside.

    :param recursive: also what is mounted beneath the source; a read-only bind is then read-only all the way down.
    :param read_only_below: `no` leaves what is mounted beneath the source writable, `must` refuses where that cannot be helped.
    """

    source: str
    target: str
    read_only: bool = False
    propagation: str = "rprivate"
    recursive: bool = True
    read_only_below: str = ""


def container_mounts(
    host_config: HostConfig,
    *,
    directory: str,
    binds: Iterable[BindMount],
    security: Security,
    host: Host,
    shm: str = "",
) -> list[dict[str, Any]]:
    """Return OCI ``mounts`` in the order they are made.

    :param directory: holds ``hosts``, ``hostname`` and ``resolv.conf``, bound over ``/etc`` unless a bind is there already.
    :param shm: what ``/dev/shm`` shows when it is another container's or the host's.
    :raises Invalid: a tmpfs option that does not exist.
    """
    asked = _asked(host_config, list(binds), directory, host, shm)
    kept = [_default(entry, host_config, security) for entry in _DEFAULT if _wanted(entry[0], host_config, asked)]
    return kept + [asked[target] for target in sorted(asked, key=lambda target: (len(target.strip("/").split("/")), target))]


def _asked(host_config: HostConfig, binds: list[BindMount], directory: str, host: Host, shm: str) -> dict[str, dict[str, Any]]:
    """Return what the user asked for and what Docker binds for every container, by destination; the user's own wins."""
    files = [BindMount(f"{directory}/{name}", f"/etc/{name}", host_config.readonly_rootfs, recursive=False) for name in _FILES]
    shared = [BindMount(shm, SHM)] if shm else []
    entries = {os.path.normpath(bind.target): _bind(bind, host) for bind in [*files, *shared, *binds]}
    return entries | _tmpfs(host_config)


def _tmpfs(host_config: HostConfig) -> dict[str, dict[str, Any]]:
    entries = {target: merged_options(options.split(",")) for target, options in (host_config.tmpfs or {}).items()}
    for mount in host_config.mounts or ():
        if mount.type == "tmpfs":
            entries[mount.target] = merged_options(mount_options(mount))
    return {
        os.path.normpath(target): {
            "destination": os.path.normpath(target),
            "type": "tmpfs",
            "source": "tmpfs",
            "options": options,
        }
        for target, options in entries.items()
    }


def _bind(bind: BindMount, host: Host) -> dict[str, Any]:
    options = ["rbind" if bind.recursive else "bind", bind.propagation]
    if bind.read_only:
        # "ro" alone leaves mounts beneath the source writable
        options.append("rro" if _read_only_all_down(bind, host) else "ro")
    return {"destination": os.path.normpath(bind.target), "type": "bind", "source": bind.source, "options": options}


def _read_only_all_down(bind: BindMount, host: Host) -> bool:
    able = host.kernel >= _RECURSIVE_READ_ONLY
    if bind.read_only_below == "must" and bind.recursive and not able:
        raise Invalid(f"cannot make {bind.target} read-only with all beneath it: Linux 5.12 is needed for that")
    return bind.recursive and able and bind.read_only_below != "no"


def _wanted(destination: str, host_config: HostConfig, asked: Mapping[str, Any]) -> bool:
    if destination in asked or ("/dev" in asked and destination.startswith("/dev/")):
        return False
    return destination != SHM or host_config.ipc_mode != "none"


def _default(entry: tuple[str, str, str, tuple[str, ...]], host_config: HostConfig, security: Security) -> dict[str, Any]:
    destination, kind, source, fixed = entry
    options = list(fixed)
    if destination == SHM:
        options.append(f"size={host_config.shm_size or DEFAULT_SHM_SIZE}")
    if host_config.privileged or (kind == "cgroup" and security.writable_cgroups):
        options = [option for option in options if option != "ro"]
    elif host_config.readonly_rootfs and destination not in _STAYS_WRITABLE and "ro" not in options:
        options.append("ro")
    return {"destination": destination, "type": kind, "source": source, "options": options}
