"""The door to the kernel: one function that makes a system call and turns a failure into :class:`OSError`.

Numbers are per architecture (x86_64, aarch64); calls added since Linux 5.1 carry the same number everywhere. Never interprets
a result, never retries, and knows no call by heart: the modules beside it give the calls their names and types.
"""

from __future__ import annotations

import ctypes
import errno
import os
from typing import Any

_SHARED = {
    "pidfd_send_signal": 424,
    "open_tree": 428,
    "move_mount": 429,
    "fsopen": 430,
    "fsconfig": 431,
    "fsmount": 432,
    "pidfd_open": 434,
    "clone3": 435,
    "close_range": 436,
    "openat2": 437,
    "mount_setattr": 442,
}
NUMBERS: dict[str, dict[str, int]] = {
    "x86_64": {
        "rt_sigaction": 13,
        "capget": 125,
        "capset": 126,
        "pivot_root": 155,
        "prctl": 157,
        "mount": 165,
        "umount2": 166,
        "sethostname": 170,
        "setdomainname": 171,
        "keyctl": 250,
        "inotify_add_watch": 254,
        "inotify_rm_watch": 255,
        "unshare": 272,
        "inotify_init1": 294,
        "setns": 308,
        "seccomp": 317,
        "bpf": 321,
        "statx": 332,
        **_SHARED,
    },
    "aarch64": {
        "inotify_init1": 26,
        "inotify_add_watch": 27,
        "inotify_rm_watch": 28,
        "umount2": 39,
        "mount": 40,
        "pivot_root": 41,
        "capget": 90,
        "capset": 91,
        "unshare": 97,
        "rt_sigaction": 134,
        "sethostname": 161,
        "setdomainname": 162,
        "prctl": 167,
        "keyctl": 219,
        "setns": 268,
        "seccomp": 277,
        "bpf": 280,
        "statx": 291,
        **_SHARED,
    },
}
"""Call numbers by ``uname -m``. Source: the kernel's ``syscall_64.tbl`` and ``asm-generic/unistd.h``."""

Argument = Any
"""An int, bytes (NUL-terminated by ctypes), None for a null pointer, or a ctypes pointer."""

_numbers = NUMBERS.get(os.uname().machine, {})
_ZEROES = (0,) * 6


def _door(library: ctypes.CDLL) -> Any:
    function = library.syscall
    function.restype = ctypes.c_long
    function.argtypes = [ctypes.c_long] + [ctypes.c_void_p] * 6
    return function


# PyDLL keeps the interpreter lock: cheaper, and clone3's child must own the lock it returns with.
_short = _door(ctypes.PyDLL(None, use_errno=True))
_long = _door(ctypes.CDLL(None, use_errno=True))


def call(name: str, *arguments: Argument, about: str | None = None, waits: bool = False) -> int:
    """Make the system call `name` and return its result.

    :param about: the path or name the call is about; becomes the error's ``filename``.
    :param waits: the call may sleep for long, so other Python threads run meanwhile.
    :raises OSError: the call failed, or this architecture has no number for it (ENOSYS).
    """
    number = _numbers.get(name)
    if number is None:
        raise OSError(errno.ENOSYS, f"{name}: {os.strerror(errno.ENOSYS)}", about)
    result: int = (_long if waits else _short)(number, *arguments, *_ZEROES[len(arguments) :])
    if result < 0:
        raise failure(name, ctypes.get_errno(), about)
    return result


def failure(name: str, code: int, about: str | None = None) -> OSError:
    """Return the error of a failed call: errno, call and cause, subject."""
    return OSError(code, f"{name}: {os.strerror(code)}", about)
