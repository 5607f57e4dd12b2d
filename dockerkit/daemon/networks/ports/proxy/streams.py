"""TCP: what arrives at a listening socket goes to the container and back, by splice(2), so no byte is copied into Python.

Each of the two ways ends by itself: an end-of-file is passed on when everything before it was (half-close). A way whose other
end does not read stops reading; what is in its pipe then is all it keeps (backpressure). A reset is passed on as a reset.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import socket
import struct

from dockerkit.daemon.networks.companion.loop import ERROR, IN, OUT, Loop

_CHUNK = 1 << 20
_SHORT = 1 << 15
_ROUNDS = range(16)
"""Chunks one connection may carry before others have their turn."""
_ACCEPTS = 64
_SPARE_PIPES = 64
_FLAGS = os.SPLICE_F_NONBLOCK | os.SPLICE_F_MOVE
_RESET = struct.pack("ii", 1, 0)
_NO_MORE = (errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ENOBUFS)
_OF_THE_CLIENT = {
    *(errno.ENETDOWN, errno.EPROTO, errno.ENOPROTOOPT, errno.EHOSTDOWN, errno.ENONET),
    *(errno.EHOSTUNREACH, errno.EOPNOTSUPP, errno.ENETUNREACH, errno.EPERM),
}
"""What accept(2) says of one connection that was about to come: it is as if it had not."""

_pipes: list[tuple[int, int]] = []
"""Empty pipes at hand: only a way with bytes under way needs one, so thousands of idle connections need none."""


class Listener:
    """One published port: accepts, and carries to `target`."""

    def __init__(self, loop: Loop, listening: socket.socket, target: tuple[str, int]) -> None:
        self._loop, self._socket, self._target = loop, listening, target
        self.connections: set[Connection] = set()
        loop.watch(listening.fileno(), IN, self._accept)

    def close(self) -> None:
        """Give the port back and end every connection through it."""
        self._loop.forget(self._socket.fileno())
        self._socket.close()
        _waiting.discard(self)
        for connection in list(self.connections):
            connection.end(reset=True)

    def resume(self) -> None:
        """Accept again: a connection has ended, there are descriptors."""
        if self._socket.fileno() >= 0:
            self._loop.watch(self._socket.fileno(), IN, self._accept)

    def _accept(self, _: int) -> None:
        for _ in range(_ACCEPTS):
            try:
                client, _ = self._socket.accept()
            except (BlockingIOError, ConnectionAbortedError):
                return
            except OSError as error:
                if error.errno in _OF_THE_CLIENT:
                    return
                if error.errno not in _NO_MORE:
                    raise
                self._loop.watch(self._socket.fileno(), 0, self._accept)  # they wait in the kernel's queue
                _waiting.add(self)
                return
            self._carry(client)

    def _carry(self, client: socket.socket) -> None:
        try:
            server = socket.socket(socket.AF_INET6 if ":" in self._target[0] else socket.AF_INET, socket.SOCK_STREAM)
        except OSError:  # no descriptor left: this one is turned away, those in the queue wait
            client.close()
            return
        self.connections.add(Connection(self._loop, self, client, server, self._target))


_waiting: set[Listener] = set()
"""Ports that accept no more until a connection ends: every descriptor is in use."""


class _Way:
    """One direction: from a socket through a pipe into the other socket."""

    __slots__ = ("ended", "pending", "pipe", "sink", "source")

    def __init__(self, source: socket.socket, sink: socket.socket) -> None:
        self.source, self.sink = source, sink
        self.pipe: tuple[int, int] | None = None
        self.pending, self.ended = 0, False

    def pump(self) -> None:
        """Carry what there is.

        :raises OSError: one of the two has gone.
        """
        for _ in _ROUNDS:
            if not self.pending and not self._fill():
                break
            short = self.pending < _SHORT  # there was no more, most likely: not worth asking, the loop tells
            if not self._empty() or short:
                break
        if not self.pending and self.pipe:
            _give_back(self.pipe)
            self.pipe = None

    def _fill(self) -> bool:
        if self.ended:
            return False
        self.pipe = self.pipe or _borrow()
        try:
            self.pending = os.splice(self.source.fileno(), self.pipe[1], _CHUNK, flags=_FLAGS)
        except BlockingIOError:
            return False
        if not self.pending:
            self.ended = True
            self.sink.shutdown(socket.SHUT_WR)
        return bool(self.pending)

    def _empty(self) -> bool:
        """Whether everything in the pipe has gone on."""
        assert self.pipe is not None
        try:
            self.pending -= os.splice(self.pipe[0], self.sink.fileno(), self.pending, flags=_FLAGS)
        except BlockingIOError:
            return False
        return not self.pending


class Connection:
    """A client's connection and the one to the container that it is carried by."""

    def __init__(
        self, loop: Loop, owner: Listener, client: socket.socket, server: socket.socket, target: tuple[str, int]
    ) -> None:
        self._loop, self._owner, self._client, self._server = loop, owner, client, server
        self._there, self._back = _Way(client, server), _Way(server, client)
        for one in (client, server):
            one.setblocking(False)
            one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            one.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        code = server.connect_ex(target)
        if code in (0, errno.EINPROGRESS):
            loop.watch(server.fileno(), OUT, self._connected)
        else:
            loop.watch(client.fileno(), OUT, self._refused)  # not from in here: the owner does not know us yet

    def end(self, *, reset: bool = False) -> None:
        """Close both sockets; with `reset` the other sides are told that something was lost."""
        for one in (self._client, self._server):
            self._loop.forget(one.fileno())
            if reset:
                one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            one.close()
        for way in (self._there, self._back):
            if way.pipe:
                _close(way.pipe)  # there may be bytes in it
        self._owner.connections.discard(self)
        while _waiting:
            _waiting.pop().resume()

    def _refused(self, _: int) -> None:
        self.end(reset=True)

    def _connected(self, _: int) -> None:
        if self._server.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
            self.end(reset=True)
            return
        self._loop.watch(self._client.fileno(), IN, self._client_ready)
        self._loop.watch(self._server.fileno(), IN, self._server_ready)

    def _client_ready(self, events: int) -> None:
        self._carry(events, self._there, self._back)

    def _server_ready(self, events: int) -> None:
        self._carry(events, self._back, self._there)

    def _carry(self, events: int, reading: _Way, writing: _Way) -> None:
        """Go on with the ways a socket is ready for; a hang-up is read, and found at the end of what it left."""
        if events & ERROR and self._failed():
            self.end(reset=True)
            return
        try:
            if events & ~OUT and not reading.ended:
                reading.pump()
                if events == IN and not (reading.pending or reading.ended or writing.pending):
                    return  # the usual case: nobody waits for anything new
            if writing.pending:
                writing.pump()
        except OSError:  # ECONNRESET, EPIPE, ETIMEDOUT, no pipe: the one as good as the other
            self.end(reset=True)
            return
        if self._there.ended and self._back.ended and not (self._there.pending or self._back.pending):
            self.end()
            return
        self._loop.watch(self._client.fileno(), _mask(self._there, self._back), self._client_ready)
        self._loop.watch(self._server.fileno(), _mask(self._back, self._there), self._server_ready)

    def _failed(self) -> bool:
        return any(one.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) for one in (self._client, self._server))


def _mask(reading: _Way, writing: _Way) -> int:
    return (0 if reading.ended or reading.pending else IN) | (OUT if writing.pending else 0)


def _borrow() -> tuple[int, int]:
    if _pipes:
        return _pipes.pop()
    made = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    with contextlib.suppress(OSError):  # EPERM: more than the limit of pipes' pages; then it carries less at a time
        fcntl.fcntl(made[1], fcntl.F_SETPIPE_SZ, _CHUNK)
    return made


def _give_back(pipe: tuple[int, int]) -> None:
    if len(_pipes) < _SPARE_PIPES:
        _pipes.append(pipe)
    else:
        _close(pipe)


def _close(pipe: tuple[int, int]) -> None:
    os.close(pipe[0])
    os.close(pipe[1])
