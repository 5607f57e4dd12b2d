"""One process's own affairs: prctl, signals, descriptors, keyring, and pidfds of others.

Never creates a process (see ``namespaces.clone3``). Sources: prctl(2),
rt_sigaction(2), close_range(2), keyctl(2), pidfd_send_signal(2).
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterable
from typing import NamedTuple

from dockerkit.daemon.kernel.syscalls import call

_PR_SET_PDEATHSIG, _PR_SET_DUMPABLE, _PR_SET_KEEPCAPS, _PR_SET_NAME, _PR_SET_NO_NEW_PRIVS = 1, 4, 8, 15, 38
_PR_SET_CHILD_SUBREAPER = 36
_JOIN_SESSION_KEYRING = 1
_CLOSE_RANGE_CLOEXEC = 4
_LAST_DESCRIPTOR = 0xFFFFFFFF
_KERNEL_SIGSET_BYTES = 8
_DEFAULT_ACTION = bytes(32)
GLIBC_SIGNALS = (32, 33)
"""Signals glibc keeps for itself; its posix_spawn leaves them ignored, and Python cannot name them."""


def set_parent_death_signal(number: int) -> None:
    """Have the kernel send this process a signal when the thread that made it ends; 0 for none. A set-uid exec forgets it."""
    call("prctl", _PR_SET_PDEATHSIG, number)


def adopt_orphans() -> None:
    """Become the parent of every descendant whose own parent dies (within this pid namespace)."""
    call("prctl", _PR_SET_CHILD_SUBREAPER, 1)


def set_dumpable(dumpable: bool) -> None:
    """Let, or do not let, processes of the same user look into this one through ``/proc`` and ptrace."""
    call("prctl", _PR_SET_DUMPABLE, int(dumpable))


def keep_capabilities(keep: bool) -> None:
    """Keep the permitted capabilities when the user changes from 0 to another; exec resets it."""
    call("prctl", _PR_SET_KEEPCAPS, int(keep))


def set_name(name: str) -> None:
    """Set the name ``ps`` shows; longer than 15 bytes is cut."""
    call("prctl", _PR_SET_NAME, name.encode())


def set_no_new_privileges() -> None:
    """Make set-uid bits and file capabilities ineffective for this process and all it will ever start."""
    call("prctl", _PR_SET_NO_NEW_PRIVS, 1)


def reset_signals(numbers: Iterable[int]) -> None:
    """Give signals their default action, past Python and glibc, and unblock all: ignored ones would stay ignored after exec."""
    for number in numbers:
        call("rt_sigaction", number, _DEFAULT_ACTION, None, _KERNEL_SIGSET_BYTES)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())


def join_keyring(name: str) -> None:
    """Give this process a session keyring of its own.

    :raises OSError: EDQUOT; ENOSYS where the kernel has no keys.
    """
    call("keyctl", _JOIN_SESSION_KEYRING, name.encode(), about=name)


def close_from(first: int) -> None:
    """Close every descriptor from `first` on."""
    call("close_range", first, _LAST_DESCRIPTOR, 0)


def close_between(first: int, last: int) -> None:
    """Close every descriptor from `first` to `last`, both included."""
    call("close_range", first, last, 0)


def close_at_exec_from(first: int) -> None:
    """Have every descriptor from `first` on closed by exec."""
    call("close_range", first, _LAST_DESCRIPTOR, _CLOSE_RANGE_CLOEXEC)


class Ended(NamedTuple):
    """How a process ended: ``status`` is its exit code, or the number of the signal that killed it."""

    status: int
    killed: bool

    @property
    def exit_code(self) -> int:
        """Docker's (and the shell's) figure: the exit code, or 128 + signal."""
        return 128 + self.status if self.killed else self.status


def reap(pidfd: int) -> Ended:
    """Wait for the child behind `pidfd` and take its status.

    :raises OSError: ECHILD when it is not our child or was reaped already.
    """
    result = os.waitid(os.P_PIDFD, pidfd, os.WEXITED)
    if result is None:
        raise ChildProcessError("waitid gave nothing")
    return Ended(result.si_status, result.si_code != os.CLD_EXITED)


def send_signal(pidfd: int, number: int) -> None:
    """Send a signal to the process behind `pidfd`; it can be no other.

    :raises OSError: ESRCH when it has ended.
    """
    call("pidfd_send_signal", pidfd, number, None, 0)
