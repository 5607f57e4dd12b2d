"""Questions by UDP: answered from memory within microseconds, or handed on. One container cannot keep others waiting: each
has one answered in its turn, further ones wait in the kernel, which drops what is too much."""

from __future__ import annotations

import contextlib
import socket
from functools import partial
from typing import Any

from dockerkit.daemon.networks.companion.loop import IN, Loop
from dockerkit.daemon.networks.names.server import wire
from dockerkit.daemon.networks.names.server.answering import Answering
from dockerkit.daemon.networks.names.server.forwarding import Forwarder

_LONGEST = 4096


class Datagrams:
    """One container's UDP socket."""

    def __init__(self, loop: Loop, bound: socket.socket, answering: Answering, forwarder: Forwarder) -> None:
        self._loop, self._socket, self._answering, self._forwarder = loop, bound, answering, forwarder
        self._known = answering.known.get
        bound.setblocking(False)
        loop.watch(bound.fileno(), IN, self._read)

    def close(self) -> None:
        """Answer no more."""
        self._loop.forget(self._socket.fileno())
        self._socket.close()

    def fileno(self) -> int:
        """Return the socket's descriptor."""
        return self._socket.fileno()

    def _read(self, _: int) -> None:
        """Answer one question, no more: the next may have been asked after the daemon has said something that counts for it."""
        try:
            message, peer = self._socket.recvfrom(_LONGEST)
            turns = self._known(message[2:])
            if turns is None:
                self._consider(message, peer)
            else:
                self._socket.sendto(message[:2] + next(turns), peer)
        except OSError:  # gone again; or the container's own rules or routes keep the answer from it (EPERM, ENETUNREACH)
            return

    def _consider(self, message: bytes, peer: Any) -> None:
        answer = self._answering.consider(message, datagram=True)
        if isinstance(answer, bytes):
            self._socket.sendto(answer, peer)
        elif answer is not None:
            self._forwarder.ask(message, answer, datagram=True, deliver=partial(self._deliver, peer, answer))

    def _deliver(self, peer: Any, question: wire.Question, reply: bytes) -> None:
        if self._socket.fileno() < 0:
            return
        if len(reply) > question.size:
            reply = wire.shortened(reply, question)
        with contextlib.suppress(OSError):  # as above
            self._socket.sendto(reply, peer)
