"""Our own daemon on demand: when nobody answers on a data root's socket, start one and wait until it is ready.

Ten processes that come at once start one, under a lock in the data root. The daemon gets a scrubbed environment, a session of
its own, and goes away by itself when idle. Nothing here runs when somebody answers; nothing here forks this process.
"""

from __future__ import annotations

import fcntl
import json
import os
import select
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from dockerkit import errors
from dockerkit.client.transport import dial
from dockerkit.client.transport.failures import connection_failure
from dockerkit.errors import DockerkitError, NotAllowed, Unavailable
from dockerkit.schema.endpoint import socket_path

READY_WITHIN = 15.0
"""Seconds a daemon has to become ready."""
IDLE = 300
"""Seconds without anything to do after which a daemon started here goes away."""
_ABSENT = (FileNotFoundError, ConnectionRefusedError, NotADirectoryError)
_DETACH = "import os, sys; os.fork() and os._exit(0); os.execv(sys.executable, [sys.executable, *sys.argv[1:]])"
"""Run by an interpreter of its own, so that the daemon is nobody's child: no zombie in a long notebook."""


def dialler(root: str, *, idle: float = IDLE) -> dial.Dial:
    """Return a dialler for `root`'s daemon that starts it when nobody answers.

    :param idle: seconds without anything to do after which a daemon started here goes away; 0 is never.
    """
    connect = dial.unix(socket_path(root))

    def dial_or_start(timeout: float | None) -> socket.socket:
        try:
            return connect(timeout)
        except _ABSENT:
            return _started(root, connect, timeout, idle)

    return dial_or_start


def ensure(root: str, *, idle: float = IDLE) -> None:
    """See that `root`'s daemon answers; start it when it does not. For callers that want nothing else of it.

    :param idle: as for :func:`dialler`.

    :raises NotAllowed: not root, and none runs.
    :raises Unavailable: it could not be started.
    """
    try:
        dialler(root, idle=idle)(READY_WITHIN).close()
    except DockerkitError:
        raise
    except OSError as error:
        raise connection_failure(error, f"unix://{socket_path(root)}") from None


def _started(root: str, connect: dial.Dial, timeout: float | None, idle: float) -> socket.socket:
    _check_allowed(root)
    with _start_lock(root):
        try:
            return connect(timeout)  # somebody else had the lock before us, and started it
        except _ABSENT:
            start(root, idle=idle)
            return connect(timeout)


def _check_allowed(root: str) -> None:
    """Refuse before anything is made.

    :raises NotAllowed: not root.
    """
    if os.geteuid() != 0:
        raise NotAllowed(
            f"no dockerkit daemon runs for {root}, and starting one needs root",
            hint='run as root ("sudo dockerkit daemon start"), or use another engine: DOCKERKIT_HOST or dk.connect("docker")',
        )


@contextmanager
def _start_lock(root: str) -> Iterator[None]:
    try:
        os.makedirs(root, mode=0o711, exist_ok=True)
        lock = os.open(os.path.join(root, "start.lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise Unavailable(
            f"the data root {root} cannot be used: {error.strerror}", hint="DOCKERKIT_ROOT names another"
        ) from None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


def start(root: str, *, idle: float = IDLE) -> None:
    """Start the daemon of a data root in the background; return when it answers.

    :param idle: as for :func:`dialler`.

    :raises Unavailable: it ended, or was not ready in time; the message has the end of its log.
    :raises DockerkitError: what the daemon itself says is in the way.
    """
    reader, writer = os.pipe()
    try:
        _spawn(root, writer, idle)
    finally:
        os.close(writer)
    try:
        line = _first_line(reader)
    finally:
        os.close(reader)
    _check_ready(root, line)


def _spawn(root: str, ready: int, idle: float) -> None:
    command = ["-m", "dockerkit.daemon", "--root", root, "--idle", str(idle), "--ready-fd", str(ready)]
    log = os.open(_log_path(root), os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    try:
        subprocess.run(  # noqa: S603 (our own interpreter, our own arguments)
            [sys.executable, "-I", "-S", "-c", _DETACH, *command],
            check=True,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd="/",
            env=environment(os.environ),
            pass_fds=(ready,),
            start_new_session=True,
        )
    finally:
        os.close(log)


def environment(environ: Mapping[str, str]) -> dict[str, str]:
    """Return what a daemon may inherit: nothing that would make it, or its containers, depend on who happened to start it."""
    kept = {"PATH", "LANG", "HOME"}
    wanted = {k: v for k, v in environ.items() if k in kept or k.startswith(("LC_", "DOCKERKIT_"))}
    wanted.pop("DOCKERKIT_HOST", None)
    package = os.path.dirname(os.path.abspath(errors.__file__))
    return {"PATH": os.defpath, **wanted, "PYTHONPATH": os.path.dirname(package)}


def _first_line(reader: int) -> bytes | None:
    """Return the daemon's one line, b"" when it ended without one, None when the time is over."""
    line = b""
    poll = select.poll()
    poll.register(reader, select.POLLIN)
    while not line.endswith(b"\n"):
        if not poll.poll(READY_WITHIN * 1000):
            return None
        piece = os.read(reader, 65536)
        if not piece:
            break
        line += piece
    return line


def _check_ready(root: str, line: bytes | None) -> None:
    if line is None:
        raise Unavailable(f"the daemon for {root} was not ready within {READY_WITHIN:g} s", hint=_log_end(root))
    if not line:
        raise Unavailable(f"the daemon for {root} ended before it was ready", hint=_log_end(root))
    answer = json.loads(line)
    if not answer.get("ready"):
        kind = getattr(errors, str(answer.get("class")), Unavailable)
        named: type[DockerkitError] = kind if isinstance(kind, type) and issubclass(kind, DockerkitError) else Unavailable
        raise named(str(answer.get("error") or "the daemon gave no reason"), hint=str(answer.get("hint") or _log_end(root)))


def _log_path(root: str) -> str:
    return os.path.join(root, "daemon.log")


def _log_end(root: str, lines: int = 8) -> str:
    """Return the last lines of the daemon's log, for an error's hint."""
    with open(_log_path(root), "rb") as log:
        log.seek(max(0, os.fstat(log.fileno()).st_size - 8192))
        last = log.read().decode("utf-8", "replace").splitlines()[-lines:]
    return f"{_log_path(root)} ends with:\n    " + "\n    ".join(last) if last else f"{_log_path(root)} is empty"
