"""Processes a container without a pid namespace of its own leaves behind: its keeper becomes their parent, and buries them.

With a pid namespace none of this is needed: the kernel ends all processes with the first.
"""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Container

from dockerkit.daemon.kernel import processes


def adopt_orphans(spared: Container[int]) -> None:
    """Become the parent of every process whose own has died, and reap them as they end; never those of `spared`, by pid."""
    processes.adopt_orphans()
    signal.signal(signal.SIGCHLD, lambda _number, _frame: reap_orphans(spared))


def bury_orphans() -> None:
    """Wait for all that are left; they have been killed."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    with contextlib.suppress(ChildProcessError):  # nobody is left
        while True:
            os.waitpid(-1, 0)


def reap_orphans(spared: Container[int]) -> None:
    """Reap those that have ended, up to one of `spared`: whoever takes that one's status calls this again."""
    with contextlib.suppress(ChildProcessError):
        while (ended := os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)) and ended.si_pid not in spared:
            os.waitpid(ended.si_pid, 0)
