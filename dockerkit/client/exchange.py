"""Both directions of an attached container at once, so that huge input against huge output cannot lock up.

One thread, one selector, no event loop. Knows sockets and bytes, not containers.
"""

from __future__ import annotations

import selectors
import socket
import time
from collections.abc import Callable

from dockerkit.client.transport.http import ZERO_RETURN, RawStream, not_yet

_READ = 256 * 1024
_WRITE = 64 * 1024


def exchange(stream: RawStream, data: bytes | None, sink: Callable[[bytes], None], *, deadline: float | None = None) -> bool:
    """Write `data`, close that direction, and hand everything that arrives to `sink` until the peer's end.

    :param data: None leaves the writing direction alone; else the socket must be one that :func:`can_half_close`.
    :param deadline: of ``time.monotonic()``.
    :returns: False when the deadline came first.
    """
    sock = stream.socket
    sock.setblocking(False)
    if early := stream.received():
        sink(early)
    rest = None if data is None else memoryview(data)
    with selectors.DefaultSelector() as selector:
        selector.register(sock, _wanted(rest))
        while True:
            events = selector.select(_left(deadline))
            if _left(deadline) == 0:  # also when a flood of output keeps the selector busy
                return False
            for _, mask in events:
                if mask & selectors.EVENT_WRITE and rest is not None:
                    rest = _write(sock, rest)
                    selector.modify(sock, _wanted(rest))
                if mask & selectors.EVENT_READ and not _read(sock, sink):
                    return True


def _wanted(rest: memoryview | None) -> int:
    return selectors.EVENT_READ if rest is None else selectors.EVENT_READ | selectors.EVENT_WRITE


def _left(deadline: float | None) -> float | None:
    return None if deadline is None else max(0.0, deadline - time.monotonic())


def _write(sock: socket.socket, rest: memoryview) -> memoryview | None:
    """Write what fits; return what is left, None when the direction is closed."""
    try:
        while rest:
            rest = rest[sock.send(rest[:_WRITE]) :]
        sock.shutdown(socket.SHUT_WR)
    except ConnectionError:
        return None  # the program ended without reading it all, as `true < file` may
    except OSError as error:
        if not not_yet(error):
            raise
        return rest
    return None


def _read(sock: socket.socket, sink: Callable[[bytes], None]) -> bool:
    """Hand over one piece; False at the end."""
    try:
        piece = sock.recv(_READ)
        sink(piece)
        while piece and (left := pending(sock)):
            sink(sock.recv(left))
    except ConnectionResetError:
        return False  # the engine closed with input unread: all output has come before it
    except OSError as error:
        if error.errno == ZERO_RETURN:
            return False
        if not not_yet(error):
            raise
        return True
    return bool(piece)


def pending(sock: socket.socket) -> int:
    """Return the bytes that TLS has decrypted already, which a selector cannot see."""
    pending: Callable[[], int] | None = getattr(sock, "pending", None)
    return pending() if pending else 0


def can_half_close(sock: socket.socket) -> bool:
    """Tell whether one direction can end alone: not on TLS, whose Python sockets lose what arrives while they say goodbye."""
    return not hasattr(sock, "unwrap")
