"""Trials that only look: the kernel's version, privileges, limits, room, the programs bootstrap runs."""

from __future__ import annotations

import glob
import os
import platform
import resource
import shutil
import sys

from dockerkit.daemon.probe.finding import Missing
from dockerkit.schema.units import human_size

OLDEST_KERNEL = (5, 12)
"""mount_setattr(2)."""
ARCHITECTURES = ("x86_64", "aarch64")
NEEDED = {"CAP_CHOWN": 0, "CAP_DAC_OVERRIDE": 1, "CAP_KILL": 5, "CAP_SETGID": 6, "CAP_SETUID": 7, "CAP_SETPCAP": 8} | {
    "CAP_NET_ADMIN": 12,
    "CAP_SYS_CHROOT": 18,
    "CAP_SYS_ADMIN": 21,
    "CAP_MKNOD": 27,
    "CAP_SETFCAP": 31,
}
"""Capabilities the daemon itself works with → their numbers (capabilities(7))."""
_ENOUGH_FILES = 1024
_ENOUGH_BYTES = 256 * 1024 * 1024
_ENOUGH_NODES = 10_000
_KEYRINGS = ("/etc/apt/trusted.gpg.d/*", "/usr/share/keyrings/*-archive-keyring.*", "/etc/apt/keyrings/*")


def kernel() -> str:
    """Linux, new enough."""
    if not sys.platform.startswith("linux"):
        raise Missing(f"this is {platform.system()}", next="run the daemon on Linux and point DOCKERKIT_HOST at it")
    release = os.uname().release
    numbers = [int("".join(filter(str.isdigit, part)) or 0) for part in release.split("-")[0].split(".")[:2]]
    if tuple(numbers) < OLDEST_KERNEL:
        raise Missing(f"Linux {release}")
    return f"Linux {release}"


def architecture() -> str:
    """A processor whose syscall numbers are known."""
    if platform.machine() not in ARCHITECTURES:
        raise Missing(platform.machine())
    return platform.machine()


def privileges() -> str:
    """Root, with the capabilities that matter."""
    if os.geteuid() != 0:
        raise Missing(f"user id {os.geteuid()}")
    with open("/proc/self/status", encoding="ascii", errors="replace") as status:
        effective = next(int(line.split()[1], 16) for line in status if line.startswith("CapEff:"))
    lacking = [name for name, number in NEEDED.items() if not effective >> number & 1]
    if lacking:
        raise Missing(f"root without {', '.join(lacking)}", next="run on the machine itself or in a privileged container")
    return "root"


def open_files() -> str:
    """Room for descriptors: a keeper holds about ten."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    shown = "unlimited" if hard == resource.RLIM_INFINITY else str(hard)
    if hard != resource.RLIM_INFINITY and hard < _ENOUGH_FILES:
        raise Missing(f"{soft}, at most {shown}")
    return f"{soft}, at most {shown}"


def room(place: str) -> str:
    """Free bytes and inodes where containers will be kept."""
    found = os.statvfs(place)
    free, nodes = found.f_bavail * found.f_frsize, found.f_favail
    text = f"{human_size(free)} free at {place}"
    if free < _ENOUGH_BYTES:
        raise Missing(text)
    if found.f_files and nodes < _ENOUGH_NODES:
        raise Missing(f"{text}, but {nodes} inodes")
    return text


def signatures() -> str:
    """What verifies a package mirror: gpgv, and the distribution's keys."""
    program = shutil.which("gpgv", path=os.environ.get("PATH", os.defpath) + ":/usr/bin:/usr/local/bin")
    keyrings = sorted(path for pattern in _KEYRINGS for path in glob.glob(pattern))
    if not program:
        raise Missing("no gpgv", next='install it (apt-get install gpgv), or use dk.images.bootstrap("host")')
    if not keyrings:
        raise Missing(f"{program}, but no keyring", next="install debian-archive-keyring or your distribution's keyring")
    return f"{program}, {len(keyrings)} keyrings"
