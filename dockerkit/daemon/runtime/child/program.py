"""The last step: descriptors, working directory, environment, and execve. What is not the program's is gone before it."""

from __future__ import annotations

import errno
import os
import stat

from dockerkit.daemon.kernel import beneath, processes, terminal
from dockerkit.daemon.runtime.child.birth import Birth

_STATUS = 3
# what the shim ignores, what Python ignores, and SIGCHLD; ignored signals would stay ignored after exec
_IGNORED = (1, 2, 13, 15, 17, 25)


def open_directory(birth: Birth) -> None:
    """Open the working directory, made if it is missing, beneath the root: ``/proc/self/fd/N`` is not one (CVE-2024-21626)."""
    birth.directory = beneath.make_directory(birth.root, birth.process.get("cwd") or "/")


def enter_directory(birth: Birth) -> None:
    """Go to the working directory by its descriptor, while we may still go anywhere."""
    os.fchdir(birth.directory)


def arrange_descriptors(birth: Birth) -> None:
    """Make 0, 1, 2 the program's and close every other, so that none of the host's is there to be walked through at exec."""
    for fd in set(birth.stdio):
        if not stat.S_ISCHR(os.fstat(fd).st_mode) or birth.process.get("terminal"):
            os.fchown(fd, birth.identity.uid, -1)
    for number, fd in enumerate(birth.stdio):
        os.dup2(fd, number)
    if birth.process.get("terminal"):
        terminal.control(0)
    status = birth.status.detach()
    if status != _STATUS:
        os.dup2(status, _STATUS, inheritable=False)
    birth.status = type(birth.status)(fileno=_STATUS)
    processes.close_from(_STATUS + 1)


def execute(birth: Birth) -> None:
    """Become the program.

    :raises OSError: ENOENT not found, EACCES not executable or a directory, ENOEXEC not a program; ``filename`` is what the
        spec
        calls it.
    """
    arguments: list[str] = birth.process["args"]
    environment = environment_of(birth)
    os.umask(birth.process.get("user", {}).get("umask", 0o022))
    path = find_program(arguments[0], environment.get(b"PATH", b"").decode(errors="surrogateescape"))
    processes.reset_signals(_IGNORED)
    try:
        os.execve(path, arguments, environment)  # noqa: S606 (no shell is the point)
    except OSError as error:
        raise OSError(error.errno, f"execve: {error.strerror}", arguments[0]) from None


def find_program(name: str, path: str) -> str:
    """Return the file to execute: `name` when it holds a slash, else the first executable of that name along `path`.

    :raises OSError: ENOENT, or EACCES for what is there but cannot be executed (only with a slash: along a path it is
        passed over).
    """
    if "/" in name:
        code = _why_not(name)
        if code:
            raise OSError(code, os.strerror(code), name)
        return name
    for directory in path.split(":") if path else ():
        candidate = os.path.join(directory or ".", name)
        if name and not _why_not(candidate):
            return candidate
    raise OSError(errno.ENOENT, "executable file not found in $PATH", name)


def _why_not(path: str) -> int:
    try:
        mode = os.stat(path).st_mode
    except OSError as error:
        return error.errno or errno.ENOENT
    if stat.S_ISDIR(mode) or not os.access(path, os.X_OK, effective_ids=True):
        return errno.EACCES
    return 0


def environment_of(birth: Birth) -> dict[bytes, bytes]:
    """Return the spec's variables, the last of a name winning, and HOME from passwd when the spec has none."""
    pairs = (os.fsencode(entry).partition(b"=") for entry in birth.process.get("env") or ())
    environment = {name: value for name, _, value in pairs if name}
    if not environment.get(b"HOME"):
        environment[b"HOME"] = os.fsencode(birth.identity.home or "/")
    return environment
