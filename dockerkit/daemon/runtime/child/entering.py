"""What a further process does to come into a running container; what it shares with a birth is in the modules beside this one.

Unlike a birth this happens before witnesses, who may be hostile: the container's own processes see this one in their
``/proc``, and its paths are theirs to change at any moment. So the process carries nothing of the host in with it, cannot be
looked into (the shim made itself non-dumpable, and a fork inherits that; CVE-2016-9962), and trusts no path of the container,
not even ``/proc/self``.

One thing is not prevented, here no more than in other engines: processes of a container that was given CAP_SYS_PTRACE may look
into any process they see, and this one is the host's root until its last step but one. Such a container is as trusted as who
enters it.
"""

from __future__ import annotations

import os
import signal

from dockerkit.daemon.kernel import beneath, namespaces, processes
from dockerkit.daemon.runtime.child import console
from dockerkit.daemon.runtime.child.birth import Birth, StepFailed

_ENTERED = ("mount", "uts", "ipc", "network", "cgroup")
_ALL = sum(namespaces.FLAGS[kind] for kind in _ENTERED)


def follow_keeper(_birth: Birth) -> None:
    """Die with the keeper from the first moment, however long a full or frozen container keeps us from the last step."""
    processes.set_parent_death_signal(signal.SIGKILL)


def join_cgroup(birth: Birth) -> None:
    """Enter the container's control group, unless born in it, so that everything from here on is charged to it.

    :raises OSError: ENOENT when the container has just ended.
    """
    path = birth.linux.get("cgroupsPath")
    if path and birth.place.cgroups is not None and not birth.inside:
        birth.place.cgroups.open(path).join()


def close_strangers(birth: Birth) -> None:
    """Close every descriptor of the keeper's but those this process needs, before any process of the container can see us.

    0, 1 and 2 are the host's null device until they are the program's, so that no other descriptor takes their numbers.
    """
    null = os.open("/dev/null", os.O_RDWR | os.O_CLOEXEC)
    for number in range(3):
        os.dup2(null, number)
    first = 3
    for fd in sorted({birth.status.fileno(), birth.init, *birth.stdio}):
        if fd > first:
            processes.close_between(first, fd - 1)
        first = max(first, fd + 1)
    processes.close_from(first)


def enter_namespaces(birth: Birth) -> None:
    """Enter the namespaces of the container's init, by its pidfd: it can be no other process.

    The pid namespace was entered by being born. With the mount namespace come its root and working directory.

    :raises OSError: ESRCH when the container has just ended.
    """
    namespaces.enter(birth.init, _ALL)
    os.close(birth.init)
    birth.root = os.open("/", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)


def take_terminal(birth: Birth) -> None:
    """Take a terminal from the container's own devpts, when one is wanted; its master goes to the keeper.

    :raises StepFailed: the container has none.
    """
    if not birth.process.get("terminal"):
        return
    try:
        birth.devpts = beneath.open_in(birth.root, "/dev/pts", os.O_PATH | os.O_DIRECTORY, resolve=beneath.NO_SYMLINKS)
    except FileNotFoundError:
        birth.devpts = -1
    console.hand_over(birth, console.open_pair(birth))


def open_directory(birth: Birth) -> None:
    """Open the working directory, which is not made here: the container has been running for a while.

    Magic links are refused: ``/proc/self/fd/N`` is not a directory of the container (CVE-2024-21626).

    :raises StepFailed: in the words Docker's runtime has for it.
    """
    path = birth.process.get("cwd") or "/"
    try:
        birth.directory = beneath.open_in(birth.root, path, os.O_PATH | os.O_DIRECTORY)
    except OSError as error:
        cause = os.strerror(error.errno or 0).lower()
        words = f'chdir to cwd ("{path}") set in config.json failed: {cause}'
        raise StepFailed(words, subject=path, errno=error.errno or 0) from None
