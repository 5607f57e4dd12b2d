"""How a container's life ended, or why it did not begin, and the file that says so.

The file is made when a container starts (``keeper.json``: who keeps it, and which cgroup is his), so that there is room on
the disk, and becomes ``exit.json`` by one rename. Standard library only.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
from dataclasses import asdict, dataclass, field
from typing import Any

RUNNING, ENDED = "keeper.json", "exit.json"
_ROOM = 1024


@dataclass(frozen=True, slots=True)
class Exit:
    """How a container ended.

    :param exit_code: the program's status, or 128 + the signal that killed it.
    :param oom_killed: the kernel killed one of its processes for lack of memory.
    :param finished_at: nanoseconds since 1970.
    :param error: what went wrong with the keeping, not with the program.
    :param log_lost: bytes that could not be logged.
    :param execs: exit codes, by id, of further processes whose end nobody was there to hear.
    """

    exit_code: int
    oom_killed: bool
    finished_at: int
    error: str = ""
    log_lost: int = 0
    execs: dict[str, int] = field(default_factory=dict)


class StartFailed(Exception):
    """A container could not be started; nothing of it is left.

    :param step: the step's name, e.g. ``mounts`` or ``exec``.
    :param errno: the kernel's reason, 0 when it was not the kernel.
    :param subject: what the step was about: a path, a name.
    :param message: all of it in one sentence.
    """

    def __init__(self, step: str, errno: int, subject: str, message: str) -> None:
        super().__init__(step, errno, subject, message)
        self.step, self.errno, self.subject, self.message = step, errno, subject, message

    def __str__(self) -> str:
        return f"{self.step}: {self.message}"


def write_running(directory: str, document: dict[str, Any]) -> None:
    """Write down who keeps the container in `directory`, with room enough for its end.

    :raises OSError: ENOSPC and the like.
    """
    with contextlib.suppress(FileNotFoundError):
        os.unlink(os.path.join(directory, ENDED))
    _write(os.path.join(directory, RUNNING), document, os.O_CREAT | os.O_TRUNC)


def write_ended(directory: str, ended: Exit) -> None:
    """Turn the record of a running container into that of an ended one, atomically.

    :raises OSError: the directory is gone.
    """
    running = os.path.join(directory, RUNNING)
    _write(running, asdict(ended), 0)
    os.rename(running, os.path.join(directory, ENDED))


def forget(directory: str) -> None:
    """Remove both records: the container never began."""
    for name in (RUNNING, ENDED):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(os.path.join(directory, name))


def read_running(directory: str) -> dict[str, Any] | None:
    """Return what :func:`write_running` wrote, None when there is no such record."""
    return _read(os.path.join(directory, RUNNING))


def read_ended(directory: str) -> Exit | None:
    """Return how the container in `directory` ended, None when it has no record of it."""
    document = _read(os.path.join(directory, ENDED))
    return Exit(**document) if document else None


def _write(path: str, document: dict[str, Any], flags: int) -> None:
    body = json.dumps(document).encode().ljust(_ROOM)
    fd = os.open(path, os.O_WRONLY | os.O_CLOEXEC | flags, 0o600)
    try:
        if os.write(fd, body) != len(body):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), path)
    finally:
        os.close(fd)


def _read(path: str) -> dict[str, Any] | None:
    try:
        with open(path, "rb") as file:
            document = json.loads(file.read())
    except (FileNotFoundError, ValueError):  # ValueError: killed while writing it; as good as not there
        return None
    return document if isinstance(document, dict) else None
