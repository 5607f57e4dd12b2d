"""A healthcheck's command as an exec: begun, heard, killed. Its output is kept by the kernel until it is asked for.

Nobody reads while it runs, so no thread does: what does not fit is dropped by the keeper, as for any reader that does not read.
"""

from __future__ import annotations

import contextlib
import socket

from dockerkit.daemon.engine.core import Core
from dockerkit.daemon.engine.entries import Entry
from dockerkit.daemon.engine.execs import Execs
from dockerkit.daemon.engine.health import Done, Stop
from dockerkit.daemon.engine.healthrules import MOST_OUTPUT
from dockerkit.daemon.engine.removal import SIGKILL
from dockerkit.daemon.runtime.launch import Attachment
from dockerkit.schema.exec import ExecCreate


class Probing:
    """Runs the commands of healthchecks."""

    def __init__(self, core: Core, execs: Execs) -> None:
        self._core, self._execs = core, execs

    def begin(self, entry: Entry, command: list[str], done: Done) -> Stop:
        """Begin a command in a container, as its own user in its own directory: the ``Probe`` of ``health``.

        :raises DockerkitError: it could not be begun; in Docker's words.
        """
        id = self._execs.create(entry.record.id, ExecCreate(cmd=command, attach_stdout=True, attach_stderr=True))
        _, exec = self._core.entries.exec(id)
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        try:
            self._execs.start(id, Attachment(theirs.detach()), tty=True)  # raw bytes, both streams as they come
        except BaseException:
            ours.close()
            raise
        finally:
            exec.ended.add_done_callback(lambda _: self._execs.forget(entry, exec))
        output = _Output(ours)
        exec.ended.add_done_callback(lambda ended: done(ended.result(), output.take()))

        def stop() -> bytes:
            process = exec.process
            if process is not None:
                process.kill(SIGKILL)
            return output.take()

        return stop


class _Output:
    """What a command has said; taken once."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection

    def take(self) -> bytes:
        """Return the beginning of it, enough to see whether it was too long; nothing the second time."""
        said = b""
        with contextlib.suppress(OSError), self._connection as connection:  # EAGAIN: no more for now; EBADF: taken before
            while len(said) <= MOST_OUTPUT and (more := connection.recv(MOST_OUTPUT + 1 - len(said))):
                said += more
        return said
