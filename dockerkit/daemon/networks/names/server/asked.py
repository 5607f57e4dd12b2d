"""One question on its way outside: server after server until one answers; the first that does is heard.

A server that fails or refuses is passed over; that a name does not exist is an answer. Knows nothing of containers.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from functools import partial

from dockerkit.daemon.networks.companion.loop import IN, OUT, Alarm, Loop
from dockerkit.daemon.networks.names.server import wire

NEXT_AFTER = 2.0
"""Seconds of silence after which the next server is asked too."""
GIVE_UP_AFTER = 4.0
"""Seconds of silence after the last was asked."""


class Asked:
    """One question under way.

    :param dial: makes a socket that is connected to a server, or about to be; one for each server, in order.
    :param done: called once, with the answer; or None: nobody answered.
    """

    def __init__(
        self,
        loop: Loop,
        query: bytes,
        question: wire.Question,
        dial: list[Callable[[], socket.socket]],
        done: Callable[[bytes | None], None],
    ) -> None:
        self._loop, self._query, self._question, self._done = loop, query, question, done
        self._left = dial
        self._waiting: dict[socket.socket, bytearray] = {}
        self._worse: bytes | None = None
        self._alarm: Alarm | None = None

    def close(self) -> None:
        """Wait no more."""
        self._quiet()
        for dialled in list(self._waiting):
            self._part(dialled)

    def next(self) -> None:
        """Ask the next server; when there is none and nobody is waited for, that was all."""
        self._quiet()
        while self._left and not self._begun(self._left.pop(0)):
            continue
        if not self._waiting:
            self._finish(self._worse)
        elif self._left:
            self._alarm = self._loop.after(NEXT_AFTER, self.next)
        else:
            self._alarm = self._loop.after(GIVE_UP_AFTER, self._silence)

    def _begun(self, dial: Callable[[], socket.socket]) -> bool:
        """Whether a server is asked now; False when there is no way to it."""
        try:
            dialled = dial()
        except OSError:
            return False
        self._waiting[dialled] = bytearray()
        if dialled.type == socket.SOCK_STREAM:
            self._loop.watch(dialled.fileno(), OUT, partial(self._connected, dialled))
            return True
        self._loop.watch(dialled.fileno(), IN, partial(self._answered, dialled))
        try:
            dialled.send(self._query)
        except OSError:  # EPERM: the container's own rules; ENETUNREACH
            self._part(dialled)
            return False
        return True

    def _quiet(self) -> None:
        if self._alarm:
            self._alarm.cancel()
            self._alarm = None

    def _silence(self) -> None:
        self._finish(self._worse)

    def _finish(self, reply: bytes | None) -> None:
        self.close()
        self._done(reply)

    def _part(self, dialled: socket.socket) -> None:
        self._loop.forget(dialled.fileno())
        dialled.close()
        del self._waiting[dialled]

    def _fail(self, dialled: socket.socket) -> None:
        """This one will not answer: ask the next, or go on waiting for the others."""
        self._part(dialled)
        if self._left or not self._waiting:
            self.next()

    def _answered(self, dialled: socket.socket, _: int) -> None:
        try:
            reply = dialled.recv(wire.LARGEST)
        except BlockingIOError:
            return
        except OSError:  # ECONNREFUSED: nobody listens there
            self._fail(dialled)
            return
        self._judge(dialled, reply)

    def _connected(self, dialled: socket.socket, _: int) -> None:
        whole = len(self._query).to_bytes(2, "big") + self._query
        try:
            sent = dialled.send(whole)
        except OSError:  # ECONNREFUSED, or whatever else kept it from being connected
            sent = 0
        if sent == len(whole):  # the buffer is empty: it takes all
            self._loop.watch(dialled.fileno(), IN, partial(self._streamed, dialled))
        else:
            self._fail(dialled)

    def _streamed(self, dialled: socket.socket, _: int) -> None:
        got = self._waiting[dialled]
        try:
            chunk = dialled.recv(wire.LARGEST + 2)
        except BlockingIOError:
            return
        except OSError:  # a reset; as good as an end
            chunk = b""
        got += chunk
        if len(got) >= 2 and len(got) >= (end := 2 + int.from_bytes(got[:2], "big")):
            self._judge(dialled, bytes(got[2:end]))
        elif not chunk:
            self._fail(dialled)

    def _judge(self, dialled: socket.socket, reply: bytes) -> None:
        """Pass a reply on, unless it is not one to our question (then wait), or says that this server will not help."""
        if not wire.belongs(reply, self._query, self._question):
            if dialled.type == socket.SOCK_STREAM:
                self._fail(dialled)
            return
        if wire.code_of(reply) in (wire.SERVER_FAILURE, wire.REFUSED) and (self._left or len(self._waiting) > 1):
            self._worse = reply
            self._fail(dialled)
            return
        self._finish(reply)
