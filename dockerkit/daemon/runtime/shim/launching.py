"""Starting the shim, from the daemon: the interpreter's read-only clone, its arguments, and nothing else of the daemon's."""

from __future__ import annotations

import os
import subprocess
import sys

from dockerkit.daemon.kernel import cgroups, failpoints, mounts

_PROGRAM = "import sys; sys.path.append(sys.argv[1]); from dockerkit.daemon.runtime.shim.main import main; main(sys.argv[2:])"


def start_shim(connection: int, directory: str, cgroup_parent: str = "") -> subprocess.Popen[bytes]:
    """Start the shim with one end of its socket; its complaints go to ``shim.log`` in `directory`.

    :param cgroup_parent: to be made ready at once; empty when it is not known yet.
    :raises OSError: no interpreter, or no permission to clone its mount.
    """
    interpreter = os.path.realpath(getattr(sys, "_base_executable", "") or sys.executable)
    clone = read_only_clone(interpreter)
    log = os.open(os.path.join(directory, "shim.log"), os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    try:
        return subprocess.Popen(  # noqa: S603 (our own interpreter)
            [interpreter, "-I", "-S", "-c", _PROGRAM, _package_home(), str(connection), str(clone), directory, cgroup_parent],
            executable=f"/proc/self/fd/{clone}",
            pass_fds=(connection, clone),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env={name: os.environ[name] for name in (failpoints.ENVIRONMENT, cgroups.SETTING) if name in os.environ},
            cwd="/",
            start_new_session=True,
        )
    finally:
        os.close(clone)
        os.close(log)


def read_only_clone(path: str) -> int:
    """Return a descriptor of `path` through a mount of its own that is read-only and attached nowhere.

    A container can reach the file its first process was started from, as ``/proc/self/exe``; opened for writing it would be the
    host's interpreter (CVE-2019-5736). Through this mount it cannot be opened for writing by anybody.
    """
    clone = mounts.clone(path)
    mounts.set_attributes(clone, mounts.READ_ONLY | mounts.NO_SUID | mounts.NO_DEV)
    return clone


def _package_home() -> str:
    import dockerkit  # noqa: PLC0415 (its place is asked for, nothing of it is used)

    return os.path.dirname(os.path.dirname(os.path.abspath(dockerkit.__file__)))
