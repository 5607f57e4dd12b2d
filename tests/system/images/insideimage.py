"""A program with an image's lowest layer as its root: enough to see that the files in it are the right ones."""

from __future__ import annotations

import os
from collections.abc import Sequence


def inside(lower: Sequence[str], *command: str) -> tuple[int, str]:
    """Run a program with an image's lowest layer as its root; return exit code and output."""
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.dup2(write, 1)
            os.dup2(write, 2)
            os.chroot(lower[-1])
            os.chdir("/")
            os.execve(command[0], command, {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"})
        finally:
            os._exit(127)
    os.close(write)
    with open(read, errors="replace") as answer:
        text = answer.read()
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), text
