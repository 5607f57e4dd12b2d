"""The daemon's end of one keeper: ask it, and be told when it is gone. Sends only; what comes back is read by the watcher."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from concurrent.futures import Future

from dockerkit.daemon.runtime import wire
from dockerkit.daemon.runtime.keeper.control import address
from dockerkit.daemon.runtime.launch import Attachment, Execution, attachment_document, execution_document
from dockerkit.daemon.runtime.peers import Peer
from dockerkit.daemon.runtime.process import Process, await_process, rejoined


class Keeper(Peer):
    """A running container's keeper.

    :ivar pid: of the container's init, as the host sees it.
    :ivar started_at: nanoseconds since 1970.
    :ivar gone: done when keeper, cgroup and sockets are no more; nothing of the container's processes or mounts is left then.
    :param follow: has the watcher hear a process's end.
    :ivar steps: when each step of the birth began (monotonic ns), in the order of ``child.steps.NAMES``; empty when adopted.
    """

    def __init__(
        self,
        id: str,
        pid: int,
        started_at: int,
        connection: socket.socket,
        *,
        follow: Callable[[Process], None],
        steps: tuple[int, ...] = (),
    ) -> None:
        super().__init__(connection)
        self.id, self.pid, self.started_at, self.steps = id, pid, started_at, steps
        self.gone: Future[None] = Future()
        self._follow = follow

    def attach(self, attachment: Attachment) -> None:
        """Have somebody listen or type; its descriptor is the keeper's from now on.

        When the container has ended meanwhile, the descriptor is simply closed.
        """
        fds = [attachment.fd]
        try:
            fds.append(wire.pack(attachment_document(attachment)))
            self._ask({"verb": "attach"}, fds[::-1])
        finally:
            wire.close(fds)

    def execute(self, execution: Execution, *, on_exit: Callable[[int], None]) -> Process:
        """Start a further process in the container; returns when its program has been exec'ed, some 3 ms later.

        :param on_exit: called once with its exit code, on the watcher's thread, perhaps before this returns; with 137 when the
            container or the keeper went. It must not wait for another process.
        :raises StartFailed: which step failed and why; nothing of the process is left then.
        """
        fds = [attachment.fd for attachment in execution.attachments]
        ours, theirs = wire.pair()
        try:
            fds.insert(0, wire.pack(*execution_document(execution)))
            self._ask({"verb": "execute"}, [theirs.fileno(), *fds])
            theirs.close()
            process = await_process(ours, on_exit)
        except BaseException:
            ours.close()
            raise
        finally:
            theirs.close()
            wire.close(fds)
        self._follow(process)
        return process

    def rejoin(self, id: str, *, on_exit: Callable[[int], None]) -> Process | int | None:
        """Take up a further process that a daemon before had started; return it, or its exit code, or None: it never ran.

        :param on_exit: as for :meth:`execute`; not called when the process is not returned.
        """
        ours, theirs = wire.pair()
        with theirs:
            self._ask({"verb": "rejoin", "id": id}, [theirs.fileno()])
        found = rejoined(ours, on_exit)
        if isinstance(found, Process):
            self._follow(found)
        else:
            ours.close()
        return found

    def release(self) -> None:
        """Once the container has ended: do not wait for clients that still have output to read."""
        self._ask({"verb": "release"})


def dial(directory: str) -> socket.socket | None:
    """Connect to the keeper that serves `directory`; None when there is none."""
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    try:
        folder = os.open(directory, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            connection.connect(address(folder))
        finally:
            os.close(folder)
    except (FileNotFoundError, ConnectionRefusedError):
        connection.close()
        return None
    except OSError:
        connection.close()
        raise
    return connection
