"""Questions by TCP, any number on one connection; each has two bytes of length before it (RFC 1035 §4.2.2, RFC 7766).

A connection that says nothing for a while is closed, one that does not read its answers is not read from any more.
"""

from __future__ import annotations

import socket
import time

from dockerkit.daemon.networks.companion.loop import ERROR, IN, OUT, Alarm, Loop
from dockerkit.daemon.networks.names.server.answering import Answering
from dockerkit.daemon.networks.names.server.forwarding import Forwarder

_PATIENCE = 10.0
"""Seconds of silence."""
_MOST_CONNECTIONS = 64
_LONGEST = 4096
"""Bytes of a question; a longer one is nobody's."""
_MOST_WAITING = 1 << 17
"""Bytes of answers that somebody did not read yet."""
_CHUNK = 1 << 14


class Listener:
    """One container's TCP socket."""

    def __init__(self, loop: Loop, listening: socket.socket, answering: Answering, forwarder: Forwarder) -> None:
        self._loop, self._socket = loop, listening
        self.answering, self.forwarder = answering, forwarder
        self.connections: dict[_Connection, None] = {}
        listening.setblocking(False)
        loop.watch(listening.fileno(), IN, self._accept)

    def close(self) -> None:
        """End every connection, and accept no more."""
        self._loop.forget(self._socket.fileno())
        self._socket.close()
        for connection in list(self.connections):
            connection.close()

    def fileno(self) -> int:
        """Return the socket's descriptor."""
        return self._socket.fileno()

    def _accept(self, _: int) -> None:
        try:
            client, _ = self._socket.accept()
        except OSError:  # it has gone again, or there is no descriptor: then it waits
            self._spare()
            return
        if len(self.connections) >= _MOST_CONNECTIONS:
            self._spare()
        self.connections[_Connection(self._loop, self, client)] = None

    def _spare(self) -> None:
        """Close the oldest connection."""
        if self.connections:
            next(iter(self.connections)).close()


class _Connection:
    """Somebody who asks by TCP."""

    def __init__(self, loop: Loop, owner: Listener, client: socket.socket) -> None:
        self._loop, self._owner, self._client = loop, owner, client
        self._asked, self._answers = bytearray(), bytearray()
        self._owed, self._finished = 0, False
        client.setblocking(False)
        self._active = time.monotonic()
        self._alarm: Alarm = loop.after(_PATIENCE, self._look)
        loop.watch(client.fileno(), IN, self._ready)

    def close(self) -> None:
        """Close it; harmless when it is."""
        if self._client.fileno() < 0:
            return
        self._alarm.cancel()
        self._loop.forget(self._client.fileno())
        self._client.close()
        self._owner.connections.pop(self, None)

    def _ready(self, events: int) -> None:
        try:
            if events & (IN | ERROR):
                self._read()
            self._consider_all()
            while self._write() and self._asked and self._consider_all():
                continue
        except OSError:  # a reset, the one way or the other
            self.close()
            return
        self._settle()

    def _read(self) -> None:
        chunk = self._client.recv(_CHUNK)
        self._finished = not chunk
        self._asked += chunk

    @property
    def _full(self) -> bool:
        """Whether it is to read its answers before it is answered more: a question is short, its answer may be long."""
        return len(self._answers) > _MOST_WAITING or self._owed > _MOST_CONNECTIONS

    def _consider_all(self) -> bool:
        """Consider each question that is whole; return whether there was one."""
        before = len(self._asked)
        while (
            not self._full and len(self._asked) >= 2 and len(self._asked) >= (end := 2 + int.from_bytes(self._asked[:2], "big"))
        ):
            message = bytes(self._asked[2:end])
            del self._asked[:end]
            self._consider(message)
        return len(self._asked) < before

    def _consider(self, message: bytes) -> None:
        answer = self._owner.answering.consider(message, datagram=False)
        if isinstance(answer, bytes):
            self._append(answer)
        elif answer is not None:
            self._owed += 1
            self._owner.forwarder.ask(message, answer, datagram=False, deliver=self._deliver)

    def _append(self, answer: bytes) -> None:
        self._answers += len(answer).to_bytes(2, "big") + answer

    def _deliver(self, reply: bytes) -> None:
        self._owed -= 1
        if self._client.fileno() >= 0:
            self._append(reply)
            self._ready(0)

    def _write(self) -> bool:
        """Send what it takes; return whether it took all."""
        if self._answers:
            try:
                sent = self._client.send(self._answers)
            except BlockingIOError:
                return False
            del self._answers[:sent]
        return not self._answers

    def _settle(self) -> None:
        """Wait for what can come next; close when nothing can, or when a question is too long to be one."""
        too_long = len(self._asked) >= 2 and int.from_bytes(self._asked[:2], "big") > _LONGEST
        if too_long or (self._finished and not self._answers and not self._owed):
            self.close()
            return
        mask = (0 if self._finished or self._full else IN) | (OUT if self._answers else 0)
        self._loop.watch(self._client.fileno(), mask, self._ready)
        self._active = time.monotonic()

    def _look(self) -> None:
        """Close it when nothing has happened for long enough."""
        left = self._active + _PATIENCE - time.monotonic()
        if left <= 0:
            self.close()
        else:
            self._alarm = self._loop.after(left, self._look)
