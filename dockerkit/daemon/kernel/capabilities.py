"""Capabilities by their names: sets as bit masks, what Docker grants, and the calls that narrow a process.

Never grants anything: every call here takes away or states what is left. Source: capabilities(7), capset(2).
"""

from __future__ import annotations

import errno
import struct
from collections.abc import Iterable
from functools import cache

from dockerkit.daemon.kernel.syscalls import call

NAMES = (
    "CAP_CHOWN",
    "CAP_DAC_OVERRIDE",
    "CAP_DAC_READ_SEARCH",
    "CAP_FOWNER",
    "CAP_FSETID",
    "CAP_KILL",
    "CAP_SETGID",
    "CAP_SETUID",
    "CAP_SETPCAP",
    "CAP_LINUX_IMMUTABLE",
    "CAP_NET_BIND_SERVICE",
    "CAP_NET_BROADCAST",
    "CAP_NET_ADMIN",
    "CAP_NET_RAW",
    "CAP_IPC_LOCK",
    "CAP_IPC_OWNER",
    "CAP_SYS_MODULE",
    "CAP_SYS_RAWIO",
    "CAP_SYS_CHROOT",
    "CAP_SYS_PTRACE",
    "CAP_SYS_PACCT",
    "CAP_SYS_ADMIN",
    "CAP_SYS_BOOT",
    "CAP_SYS_NICE",
    "CAP_SYS_RESOURCE",
    "CAP_SYS_TIME",
    "CAP_SYS_TTY_CONFIG",
    "CAP_MKNOD",
    "CAP_LEASE",
    "CAP_AUDIT_WRITE",
    "CAP_AUDIT_CONTROL",
    "CAP_SETFCAP",
    "CAP_MAC_OVERRIDE",
    "CAP_MAC_ADMIN",
    "CAP_SYSLOG",
    "CAP_WAKE_ALARM",
    "CAP_BLOCK_SUSPEND",
    "CAP_AUDIT_READ",
    "CAP_PERFMON",
    "CAP_BPF",
    "CAP_CHECKPOINT_RESTORE",
)
"""All names, in the order of their numbers."""

NUMBERS = {name: number for number, name in enumerate(NAMES)}

DEFAULT = (
    "CAP_CHOWN",
    "CAP_DAC_OVERRIDE",
    "CAP_FSETID",
    "CAP_FOWNER",
    "CAP_MKNOD",
    "CAP_NET_RAW",
    "CAP_SETGID",
    "CAP_SETUID",
    "CAP_SETFCAP",
    "CAP_SETPCAP",
    "CAP_NET_BIND_SERVICE",
    "CAP_SYS_CHROOT",
    "CAP_KILL",
    "CAP_AUDIT_WRITE",
)
"""What Docker gives a container nobody said otherwise about: mask ``a80425fb``."""

_PR_CAPBSET_READ, _PR_CAPBSET_DROP, _PR_CAP_AMBIENT, _AMBIENT_RAISE, _AMBIENT_CLEAR = 23, 24, 47, 2, 4
_VERSION_3 = 0x20080522


def mask(names: Iterable[str]) -> int:
    """Return the bit mask of a set of names, ``CAP_`` included.

    :raises OSError: EINVAL, ``filename`` is the name the kernel does not have.
    """
    bits = 0
    for name in names:
        if name not in NUMBERS:
            raise OSError(errno.EINVAL, "unknown capability", name)
        bits |= 1 << NUMBERS[name]
    return bits


@cache
def last() -> int:
    """Return the highest capability number this kernel knows; asked once, as a container may have no ``/proc``."""
    with open("/proc/sys/kernel/cap_last_cap", encoding="ascii") as file:
        return int(file.read())


def limit_bounding(keep: int, highest: int) -> None:
    """Drop from the bounding set every capability up to number `highest` that is not in the mask `keep`.

    What is outside the bounding set cannot come back through exec, not even for root.

    :raises OSError: EPERM without CAP_SETPCAP.
    """
    for number in range(highest + 1):
        if not keep >> number & 1:
            call("prctl", _PR_CAPBSET_DROP, number)


def set_masks(*, effective: int, permitted: int, inheritable: int) -> None:
    """Set the three sets of the calling thread.

    :raises OSError: EPERM when a set would grow beyond what is permitted.
    """
    low, high = 0xFFFFFFFF, 32
    header = struct.pack("<Ii", _VERSION_3, 0)
    sets = (effective, permitted, inheritable)
    data = struct.pack("<6I", *(value & low for value in sets), *(value >> high for value in sets))
    call("capset", header, data)


def set_ambient(bits: int) -> None:
    """Make the ambient set exactly `bits`, which must be permitted and inheritable.

    :raises OSError: EPERM.
    """
    call("prctl", _PR_CAP_AMBIENT, _AMBIENT_CLEAR)
    for number in range(bits.bit_length()):
        if bits >> number & 1:
            call("prctl", _PR_CAP_AMBIENT, _AMBIENT_RAISE, number)
