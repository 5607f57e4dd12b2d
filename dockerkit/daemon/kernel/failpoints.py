"""Named places that can be told to fail, wait or kill, so that tests reach what otherwise only bad luck does.

Told by a file, one line each::

    keeper.record=fail:ENOSPC       raise that OSError there
    keeper.exit-record=delay:200    wait so many milliseconds there
    shim.forked=kill                the process kills itself with SIGKILL there

A line is used up by the process that comes to its place first, whichever it is; two lines are two times. The file is the
runtime's ``failpoints`` (``ROOT/run/failpoints``); a process looks once whether it exists, a keeper when it takes a
container. The environment's ``DOCKERKIT_FAILPOINTS``, the same with commas between, tells every process for itself. When
nothing is told, a place costs the test of one variable.

The places of the runtime, in the order in which a container comes by them:

==========================  ====================================================================================================
``shim.fork``               before another keeper is forked
``shim.forked``             after
``shim.taken``              a keeper said that it has taken a container
``keeper.taken``            a launch has come
``keeper.root``             before the root is made; likewise ``.mounts``, ``.streams``, ``.clone`` (its child), ``.log``,
                            ``.record`` (who keeps what, and the socket)
``keeper.born``             the program runs, and nobody has been told
``keeper.started``          the daemon has been told
``keeper.exec``             before a further process is made
``keeper.exec-started``     it runs, and nobody has been told
``keeper.exec-ended``       it has ended, and nobody has been told
``keeper.ended``            the container has ended, its last output is still in the pipes
``keeper.exit-record``      before the exit is written down
``keeper.exit-written``     it is, and nobody has been told
``keeper.exit-told``        the daemon has been told
``keeper.cgroup``           before the control group is removed
``keeper.cleaned``          nothing is left but listeners that still read
==========================  ====================================================================================================

Standard library only. Never decides anything: that is the test's.
"""

from __future__ import annotations

import errno
import fcntl
import os
import signal
import time

ENVIRONMENT = "DOCKERKIT_FAILPOINTS"
FILE = "failpoints"

_file = ""
_lines: list[str] = []


def arm(path: str) -> None:
    """Look whether there is anything to be told, by the file at `path` or by the environment."""
    global _file  # noqa: PLW0603 (one per process, as what it tells is about the process)
    _lines[:] = [line for line in os.environ.get(ENVIRONMENT, "").split(",") if line]
    _file = path if os.path.exists(path) else ""


def hit(name: str) -> None:
    """Be at the place `name`, and do what was told about it.

    :raises OSError: that was told.
    """
    if _file or _lines:
        action = _from_environment(name) or _from_file(name)
        if action:
            _act(name, action)


def _from_environment(name: str) -> str:
    action, rest = _find(name, _lines)
    _lines[:] = rest
    return action


def _from_file(name: str) -> str:
    """Take the first line about `name` out of the file: nobody else will find it."""
    try:
        file = open(_file, "r+", encoding="utf-8")  # noqa: SIM115 (a missing file is no failure, what is in it may be)
    except OSError:  # it was taken away, or there was only the environment
        return ""
    with file:
        fcntl.flock(file, fcntl.LOCK_EX)
        action, rest = _find(name, file.read().splitlines())
        if action:
            file.seek(0)
            file.write("".join(f"{line}\n" for line in rest))
            file.truncate()
    return action


def _find(name: str, lines: list[str]) -> tuple[str, list[str]]:
    """Return what is told about `name` first, and the lines without that."""
    for number, line in enumerate(lines):
        place, _, action = line.strip().partition("=")
        if place == name:
            return action, lines[:number] + lines[number + 1 :]
    return "", lines


def _act(name: str, action: str) -> None:
    kind, _, value = action.partition(":")
    if kind == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    elif kind == "delay":
        time.sleep(int(value) / 1000)
    else:
        code = getattr(errno, value, errno.EIO)
        raise OSError(code, f"failpoint {name}: {os.strerror(code)}")
