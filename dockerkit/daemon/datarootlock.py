"""One daemon a data root: a lock on a file in it, which the kernel lets go whatever happens to the daemon."""

from __future__ import annotations

import contextlib
import fcntl
import os
from types import TracebackType

from dockerkit.errors import Conflict, Exhausted, NotAllowed


class DataRootLock:
    """Holds a data root while it is open; the file says which process does.

    :param root: the data root; made when missing.
    :raises Conflict: another daemon holds it; the message says which.
    """

    def __init__(self, root: str) -> None:
        self._path = os.path.join(root, "daemon.lock")
        try:
            os.makedirs(root, 0o711, exist_ok=True)
            self._file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o644)
        except PermissionError as error:
            raise NotAllowed(
                f"the data root {root} cannot be used: {error.strerror}",
                hint="run as root, or choose another with DOCKERKIT_ROOT",
            ) from error
        except OSError as error:
            raise Exhausted(
                f"the data root {root} cannot be made: {error}", hint="choose another with DOCKERKIT_ROOT"
            ) from error

    def __enter__(self) -> DataRootLock:
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(self._file, 32, 0).decode().strip() or "unknown"
            os.close(self._file)
            raise Conflict(
                f"the data root {os.path.dirname(self._path)} is held by another daemon (pid {holder})",
                hint="talk to that one, stop it, or choose another root with DOCKERKIT_ROOT",
            ) from None
        os.ftruncate(self._file, 0)
        os.pwrite(self._file, f"{os.getpid()}\n".encode(), 0)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        with contextlib.suppress(OSError):  # a full disk must not keep us from going
            os.ftruncate(self._file, 0)
        os.close(self._file)
