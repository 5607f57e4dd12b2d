"""An HTTP server and a client that live in a given network namespace: what a port, a rule or a bridge carries, and how fast.

Never an engine's: the same two programs stand at both ends whoever laid the way between them.
``carrying.py serve NAMESPACE`` says when it is ready, ``carrying.py large|small|fresh NAMESPACE HOST PORT COUNT`` a figure.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import socket
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator

PORT = 8000
LARGE = 200 << 20
"""Bytes of the large answer."""
_NEWNET, _PIECE = 0x40000000, 1 << 20
_SMALL = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
_END = b"\r\n\r\n"


def figure(what: str, namespace: str, host: str, port: int, count: int) -> float:
    """Return MiB a second (``large``), or the median request in µs (``small``: on one connection; ``fresh``: on one each)."""
    command = [sys.executable, "-I", os.path.abspath(__file__), what, namespace, host, str(port), str(count)]
    return float(json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout))


@contextlib.contextmanager
def server(namespace: str) -> Iterator[None]:
    """Serve in a namespace, at :data:`PORT`, as long as the block runs."""
    command = [sys.executable, "-I", os.path.abspath(__file__), "serve", namespace]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        yield
    finally:
        process.kill()
        process.wait()


def _enter(namespace: str) -> None:
    descriptor = os.open(namespace, os.O_RDONLY)
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.setns(descriptor, _NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "setns", namespace)
    os.close(descriptor)


def _serve() -> None:
    content = os.memfd_create("large")
    for _ in range(LARGE // _PIECE):
        os.write(content, bytes(_PIECE))
    listener = socket.create_server(("::", PORT), family=socket.AF_INET6, dualstack_ipv6=True, backlog=512)
    print("ready", flush=True)
    while True:
        connection, _ = listener.accept()
        threading.Thread(target=_answer, args=(connection, content), daemon=True).start()


def _answer(connection: socket.socket, content: int) -> None:
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    with connection, contextlib.suppress(ConnectionError):  # a client that goes early
        while request := _until_end(connection):
            if not request.startswith(b"GET /large"):
                connection.sendall(_SMALL)
                continue
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % LARGE)
            sent = 0
            while sent < LARGE:
                sent += os.sendfile(connection.fileno(), content, sent, LARGE - sent)


def _until_end(connection: socket.socket) -> bytes:
    got = b""
    while not got.endswith(_END) and (more := connection.recv(4096)):
        got += more
    return got


def _large(host: str, port: int, count: int) -> float:
    rates, room = [], bytearray(_PIECE)
    for _ in range(count):
        with socket.create_connection((host, port)) as connection:
            begun = time.perf_counter()
            connection.sendall(b"GET /large HTTP/1.1\r\nHost: x\r\n\r\n")
            got, head = 0, len(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % LARGE)
            while got < LARGE + head and (read := connection.recv_into(room)):
                got += read
            assert got == LARGE + head
            rates.append(LARGE / (1 << 20) / (time.perf_counter() - begun))
    return statistics.median(rates)


def _small(host: str, port: int, count: int) -> float:
    with socket.create_connection((host, port)) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return statistics.median(_asked(connection) for _ in range(count)) * 1e6


def _fresh(host: str, port: int, count: int) -> float:
    taken = []
    for _ in range(count):
        begun = time.perf_counter()
        with socket.create_connection((host, port)) as connection:
            _asked(connection)
        taken.append(time.perf_counter() - begun)
    return statistics.median(taken) * 1e6


def _asked(connection: socket.socket) -> float:
    begun = time.perf_counter()
    connection.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    got = b""
    while len(got) < len(_SMALL):
        got += connection.recv(4096)
    return time.perf_counter() - begun


if __name__ == "__main__":
    _enter(sys.argv[2])
    if sys.argv[1] == "serve":
        _serve()
    else:
        act = {"large": _large, "small": _small, "fresh": _fresh}[sys.argv[1]]
        print(json.dumps(act(sys.argv[3], int(sys.argv[4]), int(sys.argv[5]))))
