"""Opening sockets: unix, tcp, TLS. Every socket opened here is closed in a forked child, without disturbing the parent.

A child that kept its parent's sockets would answer on them, and would keep a session alive whose owner has died.
"""

from __future__ import annotations

import os
import socket
import struct
import weakref
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import ssl

Dial = Callable[[float | None], socket.socket]
"""Opens one connected socket; takes the seconds it may need, raises OSError."""

_opened: weakref.WeakSet[socket.socket] = weakref.WeakSet()


def _drop_in_child() -> None:
    """Close the inherited descriptors; close(2) says nothing to the peer while the parent holds its own copy."""
    for sock in list(_opened):
        sock.close()


os.register_at_fork(after_in_child=_drop_in_child)


def unix(path: str) -> Dial:
    """Return a dialler for a unix socket (unix(7))."""

    def dial(timeout: float | None) -> socket.socket:
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            # A non-blocking connect fails at once when the backlog is full; a blocking one waits, for SO_SNDTIMEO at most.
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, _timeval(timeout))
            sock.connect(path)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, _timeval(None))
        except BlockingIOError:
            sock.close()
            raise TimeoutError(f"{path} does not accept connections") from None
        except BaseException:
            sock.close()
            raise
        _opened.add(sock)
        return sock

    return dial


def _timeval(seconds: float | None) -> bytes:
    whole = int(seconds or 0)
    return struct.pack("ll", whole, int(((seconds or 0) - whole) * 1_000_000))


def tcp(host: str, port: int, context: ssl.SSLContext | None = None) -> Dial:
    """Return a dialler for a tcp address, through TLS when a context is given."""

    def dial(timeout: float | None) -> socket.socket:
        sock = socket.create_connection((host, port), timeout)
        try:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if context is not None:
                sock = context.wrap_socket(sock, server_hostname=host)
        except BaseException:
            sock.close()
            raise
        _opened.add(sock)
        return sock

    return dial
