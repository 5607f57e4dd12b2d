"""What a test says to real servers: redis, postgres and nginx by their own protocols, from the host and from containers.

Sockets are made where they shall speak from: in the private network that counts as the host's, or inside a container's.
"""

from __future__ import annotations

import contextlib
import os
import socket
import time
from collections.abc import Callable
from typing import TypeVar

from dockerkit.client.container import Container
from dockerkit.daemon.kernel import namespaces
from tests.livedaemon import LiveDaemon
from tests.privatenet import on_thread

T = TypeVar("T")
PATIENCE = 15.0
"""Seconds in which what was started, healed or replaced answers."""
SILENCE = 0.6
"""Seconds after which what does not answer is cut off."""


def within(container: Container, act: Callable[[], T]) -> T:
    """Return what `act` returns in a container's network: sockets it makes belong there for good."""
    namespace = os.open(f"/proc/{container.pid}/ns/net", os.O_RDONLY | os.O_CLOEXEC)

    def visit() -> T:
        namespaces.enter(namespace, namespaces.FLAGS["network"])
        return act()

    try:
        return on_thread(visit)
    finally:
        os.close(namespace)


def dial(host: str, port: int, seconds: float = PATIENCE) -> socket.socket:
    """Return a connection from where the calling thread is."""
    connection = socket.create_connection((host, port), timeout=seconds)
    connection.settimeout(PATIENCE)
    return connection


def reaches(place: LiveDaemon | Container, host: str, port: int) -> bool:
    """Tell whether a connection can be made from the daemon's host, or from a container."""

    def attempt() -> bool:
        try:
            dial(host, port, SILENCE).close()
        except OSError:  # dropped, refused, no route: it does not reach
            return False
        return True

    return place.inside(attempt) if isinstance(place, LiveDaemon) else within(place, attempt)


def eventually(act: Callable[[], T], wanted: T) -> None:
    """Return once `act` returns what is wanted; fail with what it returned last. A failed connection counts as no answer."""
    until, last = time.monotonic() + PATIENCE, None
    while time.monotonic() < until:
        with contextlib.suppress(OSError):
            last = act()
            if last == wanted:
                return
    assert last == wanted


def redis(connection: socket.socket, *words: str) -> str:
    """Send a command to redis; return its answer: a number, a status or a string (RESP 2)."""
    parts = "".join(f"${len(word.encode())}\r\n{word}\r\n" for word in words)
    connection.sendall(f"*{len(words)}\r\n{parts}".encode())
    head = _until(connection, b"\r\n").decode()
    if head[0] != "$":
        return head[1:-2]
    size = int(head[1:])
    return "" if size < 0 else _exactly(connection, size + 2)[:-2].decode()


def ping(host: str, port: int) -> str:
    """Return what redis answers a ping on a connection of its own."""
    with dial(host, port, 2) as connection:
        return redis(connection, "PING")


def page(host: str, port: int, path: str = "/") -> str:
    """Return the whole answer of an HTTP server, head and body."""
    with dial(host, port) as connection:
        named = f"[{host}]" if ":" in host else host
        connection.sendall(f"GET {path} HTTP/1.0\r\nHost: {named}\r\n\r\n".encode())
        return b"".join(iter(lambda: connection.recv(65536), b"")).decode(errors="replace")


def speaks_postgres(host: str, port: int) -> bool:
    """Tell whether a postgres server answers: to the question for TLS, with one letter."""
    with dial(host, port) as connection:
        connection.sendall(bytes([0, 0, 0, 8, 4, 210, 22, 47]))
        return connection.recv(1) in (b"S", b"N")


def _until(connection: socket.socket, end: bytes) -> bytes:
    got = b""
    while not got.endswith(end):
        got += _exactly(connection, 1)
    return got


def _exactly(connection: socket.socket, size: int) -> bytes:
    got = connection.recv(size, socket.MSG_WAITALL)
    if len(got) != size:
        raise ConnectionError("the server has closed the connection")
    return got
