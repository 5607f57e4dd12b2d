"""Accepts connections, gives each a thread, and makes room when there are too many. Knows nothing of HTTP.

When all places are taken, the connection that has been idle longest goes; while none is idle, new ones wait in the kernel's
queue. Never accepts more than it can serve.
"""

from __future__ import annotations

import contextlib
import logging
import os
import select
import socket
import ssl
import threading
import time
from collections.abc import Sequence

from dockerkit.daemon.registry.server.connection import Connection, Handler
from dockerkit.errors import Invalid, Unavailable

log = logging.getLogger(__name__)
MOST = 1000
"""Connections at once."""
BACKLOG = 512
_STACK = 512 * 1024
_HANDSHAKE = 0x16
"""First byte of every TLS conversation."""
_PLAIN_ON_TLS = (
    b"HTTP/1.0 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n"
    b"Client sent an HTTP request to an HTTPS server.\n"
)


def bind(address: str) -> socket.socket:
    """Return a socket that listens on ``host:port``; port 0 is one the kernel chooses.

    :raises Invalid: no such address.
    :raises Unavailable: it is taken, or not ours.
    """
    host, colon, port = address.rpartition(":")
    if not colon or not (port.isascii() and port.isdecimal()) or int(port) > 65535:
        raise Invalid(f"{address!r} is no address to listen on", hint="HOST:PORT, e.g. 127.0.0.1:5000")
    try:
        found = socket.getaddrinfo(host.strip("[]") or None, int(port), type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, kind, protocol, _, where = found[0]
        made = socket.socket(family, kind, protocol)
    except OSError as error:
        raise Invalid(f"{address!r} is no address to listen on: {error.strerror or error}") from None
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind(where)
        made.listen(BACKLOG)
        made.setblocking(False)
    except OSError as error:
        made.close()
        raise Unavailable(f"cannot listen on {address}: {error.strerror}", hint="port 0 is one that is free") from None
    return made


def address_of(listening: socket.socket) -> str:
    """Return where a socket listens, as a client writes it."""
    host, port = listening.getsockname()[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


class Listener:
    """Serves one listening socket.

    :param handler: answers requests, on many threads.
    :param context: speaks TLS by it; None speaks plain HTTP.
    :param most: connections at once.
    """

    def __init__(
        self, listening: socket.socket, handler: Handler, context: ssl.SSLContext | None = None, most: int = MOST
    ) -> None:
        self._listening = listening
        self._handler = handler
        self._context = context
        self._most = most
        self._lock = threading.Lock()
        self._members: dict[Connection, threading.Thread] = {}
        self._bell, self._ring = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)

    def run(self, ends: Sequence[int]) -> None:
        """Accept until one of the descriptors in `ends` becomes readable."""
        while not self._wait(ends):
            try:
                connected, _ = self._listening.accept()
            except (BlockingIOError, ConnectionAbortedError):  # it went as it came
                continue
            except OSError as error:  # EMFILE and its like: those that end make room
                log.warning("cannot accept: %s", error)
                self._make_room()
                select.select(list(ends), [], [], 1.0)
                continue
            self._admit(connected)

    def close(self, grace: float = 0.0) -> None:
        """Stop listening; answer what is under way for at most `grace` seconds, then break every connection."""
        self._listening.close()
        for member in self._present():
            member.finish()
        deadline = time.monotonic() + grace
        for thread in self._threads():
            thread.join(max(0.0, deadline - time.monotonic()))
        for member in self._present():
            member.abort()
        for thread in self._threads():
            thread.join(5.0)
        os.close(self._bell)
        os.close(self._ring)

    def _wait(self, ends: Sequence[int]) -> bool:
        """Wait for a connection that there is room for; True when it is time to end."""
        while True:
            full = len(self._members) >= self._most and not self._make_room()
            wanted = [*ends, self._bell] if full else [*ends, self._bell, self._listening.fileno()]
            ready, _, _ = select.select(wanted, [], [])
            if any(end in ready for end in ends):
                return True
            if self._bell in ready:
                with contextlib.suppress(BlockingIOError):  # somebody emptied it
                    os.read(self._bell, 4096)
            elif not full:
                return False

    def _admit(self, connected: socket.socket) -> None:
        connected.setblocking(True)
        member = Connection(connected, self._handler, self._secure)
        thread = threading.Thread(target=self._serve, args=(member,), name="connection", daemon=True)
        with self._lock:
            self._members[member] = thread
        threading.stack_size(_STACK)
        try:
            thread.start()
        except RuntimeError as error:  # no more threads: this client goes, the others stay
            log.warning("a connection is refused: %s", error)
            with self._lock:
                self._members.pop(member, None)
            connected.close()

    def _serve(self, member: Connection) -> None:
        try:
            member.run()
        finally:
            with self._lock:
                self._members.pop(member, None)
            with contextlib.suppress(OSError):  # nobody listens any more, or has heard many already
                os.write(self._ring, b".")

    def _secure(self, connected: socket.socket) -> socket.socket:
        """Speak TLS, when that is wanted; who speaks plain HTTP is told so."""
        if self._context is None:
            return connected
        first = connected.recv(1, socket.MSG_PEEK)
        if first and first[0] != _HANDSHAKE:
            connected.sendall(_PLAIN_ON_TLS)
            connected.shutdown(socket.SHUT_WR)
            connected.recv(65536)
            raise ConnectionAbortedError("plain HTTP on a TLS port")
        return self._context.wrap_socket(connected, server_side=True)

    def _make_room(self) -> bool:
        """Let the connection go that has been idle longest; tell whether there was one."""
        idle = [(since, member) for member in self._present() if (since := member.idle_since) is not None]
        if not idle:
            return False
        longest = min(idle, key=lambda pair: pair[0])[1]
        longest.idle_since = None  # not chosen again while it goes
        longest.abort()
        return True

    def _present(self) -> list[Connection]:
        with self._lock:
            return list(self._members)

    def _threads(self) -> list[threading.Thread]:
        with self._lock:
            return list(self._members.values())
