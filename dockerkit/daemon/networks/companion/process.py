"""A companion from outside: start it with its socket already bound, or find the one an earlier daemon started."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys

from dockerkit.daemon.networks.companion.kind import Kind

_PROGRAM = "import sys, importlib; sys.path.append(sys.argv[1]); importlib.import_module(sys.argv[2]).main(sys.argv[3:])"


def start(kind: Kind, directory: str, identity: str) -> tuple[socket.socket, subprocess.Popen[bytes]]:
    """Start one in a session of its own and return the connection to it; what is said before it runs, it hears.

    :raises OSError: no interpreter, no directory.
    """
    with _place(kind, directory) as folder, socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listener:
        folder.bind(listener)
        listener.listen()
        connection = folder.connect()
        log = os.open(os.path.join(directory, f"{kind.name}.log"), os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            return connection, _spawned(kind, listener.fileno(), log, directory, identity)
        except OSError:
            connection.close()
            raise
        finally:
            os.close(log)


def _spawned(kind: Kind, listener: int, log: int, directory: str, identity: str) -> subprocess.Popen[bytes]:
    interpreter = os.path.realpath(getattr(sys, "_base_executable", "") or sys.executable)
    arguments = [_package_home(), kind.module, str(listener), directory, identity]
    return subprocess.Popen(  # noqa: S603 (our own interpreter)
        [interpreter, "-I", "-S", "-c", _PROGRAM, *arguments],
        pass_fds=(listener,),
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=log,
        env={},
        cwd="/",
        start_new_session=True,
    )


def connect(kind: Kind, directory: str) -> socket.socket | None:
    """Return a connection to the one that serves in `directory`; None when none does.

    :raises OSError: other than that.
    """
    try:
        with _place(kind, directory) as folder:
            return folder.connect()
    except (FileNotFoundError, ConnectionRefusedError):
        return None


class _place:  # noqa: N801 (used like a function)
    """A directory by descriptor, so that a socket in it may have a path of any length."""

    def __init__(self, kind: Kind, directory: str) -> None:
        self._name, self._directory = kind.socket, directory

    def __enter__(self) -> _place:
        self._fd = os.open(self._directory, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        self._path = f"/proc/self/fd/{self._fd}/{self._name}"
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._fd)

    def bind(self, listener: socket.socket) -> None:
        """Bind, in the place of a socket nobody listens at any more."""
        with contextlib.suppress(FileNotFoundError):  # the usual case: the last one took it along
            os.unlink(self._name, dir_fd=self._fd)
        listener.bind(self._path)
        os.chmod(self._path, 0o600)

    def connect(self) -> socket.socket:
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        try:
            connection.connect(self._path)
        except OSError:
            connection.close()
            raise
        return connection


def _package_home() -> str:
    import dockerkit  # noqa: PLC0415 (its place is asked for, nothing of it is used)

    return os.path.dirname(os.path.dirname(os.path.abspath(dockerkit.__file__)))
