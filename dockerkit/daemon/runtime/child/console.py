"""The container's terminal: taken from its own devpts, bound on ``/dev/console``, its master handed to the keeper."""

from __future__ import annotations

import contextlib
import errno
import os
import stat

from dockerkit.daemon.kernel import beneath, mounts, terminal
from dockerkit.daemon.runtime import wire
from dockerkit.daemon.runtime.child.birth import Birth, StepFailed


def make_terminal(birth: Birth) -> None:
    """Give a process that wants a terminal one; the steps after this find its slave in ``birth.stdio``.

    Everything goes by descriptor: the slave's path inside the container is never opened (CVE-2025-52565).

    :raises StepFailed: no devpts is mounted.
    """
    if birth.process.get("terminal"):
        pair = open_pair(birth)
        _bind_console(birth.root, pair.slave)
        hand_over(birth, pair)


def open_pair(birth: Birth) -> terminal.Pair:
    """Return a new terminal from the devpts that the child has at hand, in the size the spec wants.

    :raises StepFailed: there is none.
    """
    if birth.devpts < 0:
        raise StepFailed("a terminal needs devpts on /dev/pts", subject="/dev/pts")
    pair = terminal.Pair(birth.devpts)
    size = birth.process.get("consoleSize") or {}
    terminal.resize(pair.master, size.get("height", 0), size.get("width", 0))
    return pair


def hand_over(birth: Birth, pair: terminal.Pair) -> None:
    """Give the keeper the terminal; its slave is what becomes the program's 0, 1 and 2."""
    wire.send(birth.status, {"verb": "terminal"}, [pair.master, pair.slave])
    os.close(pair.master)
    birth.stdio = [pair.slave] * 3


def _bind_console(root: int, slave: int) -> None:
    dev = beneath.make_directory(root, "/dev")
    with contextlib.suppress(FileExistsError):
        os.close(os.open("console", os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600, dir_fd=dev))
    target = os.open("console", os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=dev)
    if stat.S_ISLNK(os.fstat(target).st_mode):
        raise StepFailed("/dev/console is a link", subject="/dev/console", errno=errno.ELOOP)
    mount = mounts.clone("", directory=slave)
    mounts.attach(mount, target, about="/dev/console")
    for fd in (dev, target, mount):
        os.close(fd)
