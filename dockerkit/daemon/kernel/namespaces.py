"""Namespaces: make them with a new process, leave them, enter others'. Never decides which a container gets.

Source: namespaces(7), clone3(2), unshare(2), setns(2); the names are those of the OCI runtime spec.
"""

from __future__ import annotations

import ctypes
import os
import signal
import struct

from dockerkit.daemon.kernel.syscalls import call

FLAGS = {
    "mount": 0x00020000,
    "cgroup": 0x02000000,
    "uts": 0x04000000,
    "ipc": 0x08000000,
    "user": 0x10000000,
    "pid": 0x20000000,
    "network": 0x40000000,
    "time": 0x00000080,
}
"""OCI namespace type → ``CLONE_NEW*``."""

_CLONE_PIDFD = 0x1000
_CLONE_INTO_CGROUP = 1 << 33
_ARGUMENTS = struct.Struct("<8Q")
_ARGUMENTS_WITH_GROUP = struct.Struct("<11Q")


def clone3(flags: int = 0, *, cgroup: int = -1) -> tuple[int, int]:
    """Fork into new namespaces; returns ``(pid, pidfd)``, and ``(0, -1)`` in the child.

    Only for a process with one thread: the child is a copy of this interpreter without any after-fork care.
    The pidfd closes at exec.

    :param flags: ``CLONE_NEW*`` bits.
    :param cgroup: descriptor of the version 2 control group to be born in, if it is not to be this process's.
    :raises OSError: EPERM, ENOSPC (too many namespaces), EAGAIN (too many processes).
    """
    pidfd = ctypes.c_int(-1)
    common = (ctypes.addressof(pidfd), 0, 0, signal.SIGCHLD, 0, 0, 0)
    if cgroup < 0:
        arguments = _ARGUMENTS.pack(flags | _CLONE_PIDFD, *common)
    else:
        arguments = _ARGUMENTS_WITH_GROUP.pack(flags | _CLONE_PIDFD | _CLONE_INTO_CGROUP, *common, 0, 0, cgroup)
    pid = call("clone3", arguments, len(arguments))
    return (pid, pidfd.value) if pid else (0, -1)


def unshare(flags: int) -> None:
    """Leave the namespaces of `flags` for new ones.

    :raises OSError: EPERM, ENOSPC.
    """
    call("unshare", flags)


def enter(descriptor: int, flags: int = 0, *, about: str | None = None) -> None:
    """Move this process into the namespaces `descriptor` (a ``/proc/PID/ns/*`` file or a pidfd) stands for.

    A pid namespace takes effect for children only.

    :raises OSError: EINVAL when it is not a namespace of that kind, EPERM.
    """
    call("setns", descriptor, flags, about=about)


def enter_path(path: str, flags: int) -> None:
    """Move this process into the namespace at `path`.

    :raises OSError: as open(2) and setns(2).
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        enter(descriptor, flags, about=path)
    finally:
        os.close(descriptor)


def set_hostname(name: str) -> None:
    """Set the host name of this uts namespace; at most 64 bytes (EINVAL)."""
    call("sethostname", name.encode(), len(name.encode()), about=name)


def set_domainname(name: str) -> None:
    """Set the NIS domain name of this uts namespace; at most 64 bytes (EINVAL)."""
    call("setdomainname", name.encode(), len(name.encode()), about=name)
