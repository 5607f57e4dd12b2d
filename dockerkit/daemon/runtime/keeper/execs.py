"""All further processes of one container: making them when asked to, and ending them with it."""

from __future__ import annotations

import contextlib
import errno
import os
import signal
import socket

from dockerkit.daemon.runtime import wire
from dockerkit.daemon.runtime.keeper.exec import Container, Exec
from dockerkit.daemon.runtime.keeper.loop import Loop
from dockerkit.daemon.runtime.keeper.orphans import reap_orphans
from dockerkit.daemon.runtime.launch import Attachment, read_execution

ENDS_KEPT = 64
"""How many exit codes of a container's further processes are remembered for a daemon that was not there to hear them."""


class Execs:
    """The processes that came into a container.

    :param alone: process ids the keeper reaps by pidfd, and nobody else may; kept up to date here.
    """

    def __init__(self, loop: Loop, container: Container, alone: set[int]) -> None:
        self._loop, self._container, self._alone = loop, container, alone
        self._members: list[Exec] = []
        self._ended: dict[str, int] = {}
        self._unheard: dict[str, int] = {}
        self._over = False

    def execute(self, _message: wire.Message, fds: list[int]) -> None:
        """Make a process; whoever asked is told through the socket that came first among the descriptors."""
        document, program = wire.unpack(fds[1])
        execution = read_execution(document, program, fds[2:])
        reply = socket.socket(fileno=fds[0])
        os.close(fds[1])
        fds.clear()
        if self._over:
            refuse(reply, execution.attachments)
            return
        member = Exec(self._loop, self._container, execution, reply, reaped=self._reaped, gone=self._forget)
        self._members.append(member)
        # its end must not be heard before its pid is known: whoever buries orphans would take its status
        signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGCHLD,))
        try:
            member.begin()
            self._alone.add(member.pid)
        finally:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, (signal.SIGCHLD,))

    def rejoin(self, message: wire.Message, fds: list[int]) -> None:
        """Tell a daemon that came later what became of a process: it is told ``started``, or ``exited``, or ``unknown``."""
        id, reply = str(message["id"]), socket.socket(fileno=fds[0])
        fds.clear()
        member = next((member for member in self._members if member.id == id and not member.over), None)
        if member is not None:
            member.join(reply)
            return
        answer = {"verb": "exited", "exit_code": self._ended[id]} if id in self._ended else {"verb": "unknown"}
        with reply:
            tell(reply, answer)

    @property
    def unheard(self) -> dict[str, int]:
        """Exit codes, by id, of those whose end nobody was there to hear; the latest."""
        return self._unheard

    def end(self) -> None:
        """The container has ended, and every process in it."""
        self._over = True
        for member in tuple(self._members):
            member.container_ended()

    @property
    def empty(self) -> bool:
        """Whether nobody is left to be served."""
        return not self._members

    def dismiss(self) -> None:
        """Let go of those who still read."""
        for member in tuple(self._members):
            member.dismiss()

    def _reaped(self, member: Exec) -> None:
        self._alone.discard(member.pid)
        if member.exit_code is not None:
            _remember(self._ended, member.id, member.exit_code)
            if not member.heard:
                _remember(self._unheard, member.id, member.exit_code)
        reap_orphans(self._alone)

    def _forget(self, member: Exec) -> None:
        if member in self._members:
            self._members.remove(member)


def refuse(reply: socket.socket, attachments: list[Attachment]) -> None:
    """Say that the container has ended, or has not begun."""
    wire.close(attachment.fd for attachment in attachments)
    message = {
        "verb": "failed",
        "step": "clone",
        "errno": errno.ESRCH,
        "subject": "",
        "message": "the container is not running",
    }
    with reply:
        tell(reply, message)


def tell(reply: socket.socket, message: wire.Message) -> None:
    """Send an answer to who asked, if he still waits for it."""
    with contextlib.suppress(OSError):  # he is gone
        wire.send(reply, message)


def _remember(codes: dict[str, int], id: str, code: int) -> None:
    codes[id] = code
    if len(codes) > ENDS_KEPT:
        del codes[next(iter(codes))]
