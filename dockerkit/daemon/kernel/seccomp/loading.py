"""seccomp(2): puts a compiled program in front of every further syscall of the calling thread. Cannot be undone."""

from __future__ import annotations

import ctypes
import errno
import os
import platform

_SECCOMP = {"x86_64": 317, "aarch64": 277}
_SET_MODE_FILTER, _SPEC_ALLOW = 1, 1 << 2
_libc = ctypes.CDLL(None, use_errno=True)


class _Program(ctypes.Structure):
    """``struct sock_fprog``."""

    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_char_p))


def load(program: bytes) -> None:
    """Filter the calling thread's syscalls by `program` from now on, and those of everything it forks or execs.

    Speculation mitigations are not forced on (SECCOMP_FILTER_FLAG_SPEC_ALLOW), as Docker's runtimes do.

    :raises OSError: EACCES without ``no_new_privs`` and CAP_SYS_ADMIN; EINVAL, not a program.
    """
    header = _Program(len(program) // 8, program)
    number = _SECCOMP.get(platform.machine())
    if number is None:
        raise OSError(errno.ENOSYS, "no seccomp number for this architecture", platform.machine())
    arguments = (ctypes.c_long(number), ctypes.c_long(_SET_MODE_FILTER), ctypes.c_long(_SPEC_ALLOW), ctypes.byref(header))
    if _libc.syscall(*arguments) < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code), "seccomp")
