"""What is known of this machine, as a value: handed in, so that everything decided from it can be tested without it.

:func:`this_host` and :func:`find_devices` look; nothing else in this package does.
"""

from __future__ import annotations

import errno
import os
import platform
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache

from dockerkit.daemon.kernel import cgroups
from dockerkit.daemon.kernel.capabilities import NAMES
from dockerkit.daemon.kernel.cgroups.limits import FEATURES

_NOT_DEVICES = frozenset(f"/dev/{name}" for name in ("pts", "shm", "fd", "mqueue", ".lxc", ".lxd-mounts", ".udev"))


@dataclass(frozen=True, slots=True)
class Device:
    """A device node of the host: ``c`` or ``b``, its numbers, permission bits and owner."""

    path: str
    type: str
    major: int
    minor: int
    mode: int = 0o666
    uid: int = 0
    gid: int = 0


def find_devices(path: str) -> list[Device]:
    """Return the device at `path`, or, when it is a directory, those beneath it (terminals, console and shm left out).

    :raises OSError: ENOENT; ENODEV when there is no device at all.
    """
    real = os.path.realpath(path) if os.path.islink(path) else path
    found = [device for name in _walk(real) if (device := _device(name)) is not None]
    if not found:
        raise OSError(errno.ENODEV, "not a device node", path)
    return found


@dataclass(frozen=True, slots=True)
class Host:
    """A machine that runs containers.

    :param cpus: processors online.
    :param processors: their numbers, as the kernel lists them (``0-3,8``); `nodes` the same of memory nodes.
    :param capabilities: those that the kernel and this process's bounding set admit.
    :param limits: names of cgroup limits it can keep (``kernel.cgroups.limits.FEATURES``).
    :param thermal: ``…/cpuN/thermal_throttle`` directories, which Docker masks where they exist.
    """

    kernel: tuple[int, int] = (6, 1)
    architecture: str = "x86_64"
    cpus: int = 1
    processors: str = "0"
    nodes: str = "0"
    capabilities: tuple[str, ...] = NAMES
    limits: frozenset[str] = frozenset(FEATURES)
    thermal: tuple[str, ...] = ()
    devices_at: Callable[[str], list[Device]] = find_devices


@cache
def this_host() -> Host:
    """Return what is to be known of this machine; looked up once a process.

    :raises OSError: /proc or /sys cannot be read, or no cgroup hierarchy is usable.
    """
    processors = _read("/sys/devices/system/cpu/online")
    return Host(
        kernel=_kernel_version(),
        architecture=platform.machine(),
        cpus=len(numbers_in(processors)),
        processors=processors,
        nodes=_read("/sys/devices/system/node/online", absent="0"),
        capabilities=_capabilities(),
        limits=_limits(),
        thermal=tuple(_thermal(processors)),
    )


def numbers_in(listed: str) -> set[int]:
    """Return the numbers of a kernel list: ``0-2,8`` → {0, 1, 2, 8}.

    :raises ValueError: not such a list.
    """
    numbers: set[int] = set()
    for part in filter(None, listed.split(",")):
        first, dash, last = part.partition("-")
        low, high = int(first), int(last) if dash else int(first)
        if low < 0 or high < low or high > 1 << 16:
            raise ValueError(f"not a range: {part}")
        numbers.update(range(low, high + 1))
    return numbers


def _kernel_version() -> tuple[int, int]:
    major, minor = os.uname().release.split("-")[0].split(".")[:2]
    return int(major), int(minor)


def _capabilities() -> tuple[str, ...]:
    status = _read("/proc/self/status")
    bounding = next(int(line.split()[1], 16) for line in status.splitlines() if line.startswith("CapBnd:"))
    return tuple(name for number, name in enumerate(NAMES) if bounding >> number & 1)


def _limits() -> frozenset[str]:
    found = cgroups.detect()
    try:
        return found.features()
    finally:
        found.close()


def _thermal(processors: str) -> Iterator[str]:
    for number in sorted(numbers_in(processors)):
        path = f"/sys/devices/system/cpu/cpu{number}/thermal_throttle"
        if os.path.isdir(path):
            yield path


def _read(path: str, absent: str | None = None) -> str:
    if absent is not None and not os.path.exists(path):
        return absent
    with open(path, encoding="ascii", errors="replace") as file:
        return file.read().strip()


def _walk(path: str) -> Iterator[str]:
    os.stat(path)
    if not os.path.isdir(path):
        yield path
        return
    for directory, folders, names in os.walk(path):
        folders[:] = [folder for folder in folders if os.path.join(directory, folder) not in _NOT_DEVICES]
        yield from (os.path.join(directory, name) for name in names if os.path.join(directory, name) != "/dev/console")


def _device(path: str) -> Device | None:
    status = os.lstat(path)
    kind = "c" if stat.S_ISCHR(status.st_mode) else "b" if stat.S_ISBLK(status.st_mode) else ""
    if not kind:
        return None
    major, minor = os.major(status.st_rdev), os.minor(status.st_rdev)
    return Device(path, kind, major, minor, stat.S_IMODE(status.st_mode), status.st_uid, status.st_gid)
