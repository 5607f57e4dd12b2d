"""A TCP connection within a time limit that includes the name's resolution, all addresses tried at once. Never sends a byte."""

from __future__ import annotations

import contextlib
import os
import queue
import selectors
import socket
import threading
import time
from collections.abc import Iterator

from dockerkit.daemon.registry.breaks import Unconnected

_Address = tuple[socket.AddressFamily, tuple[object, ...]]


def dial(host: str, port: int, deadline: float) -> socket.socket:
    """Return a connected socket.

    :param deadline: on the monotonic clock, in seconds.
    :raises Unconnected: none came about; in the words of Go's ``net``, which dockerd's clients know.
    """
    addresses = _resolve(host, port, deadline)
    reasons: list[str] = []
    connected = _connect(addresses, deadline, reasons)
    if connected is None:
        place = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        raise Unconnected(f"dial tcp {place}: {', '.join(dict.fromkeys(reasons)) or 'i/o timeout'}")
    connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connected


def _resolve(host: str, port: int, deadline: float) -> list[_Address]:
    """Resolve in a thread of its own: getaddrinfo(3) has no time limit and cannot be interrupted."""
    answer: queue.SimpleQueue[list[_Address] | str] = queue.SimpleQueue()

    def ask(flags: int = 0) -> None:
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=flags)
            answer.put([(family, address) for family, _, _, _, address in found])
        except (OSError, UnicodeError) as error:
            unknown = isinstance(error, socket.gaierror) and error.errno in (socket.EAI_NONAME, socket.EAI_NODATA)
            answer.put("no such host" if unknown else _cause(error))

    if _is_address(host):
        ask(socket.AI_NUMERICHOST)
    else:
        threading.Thread(target=ask, name="resolve", daemon=True).start()
    try:
        found = answer.get(timeout=max(0.0, deadline - time.monotonic()))
    except queue.Empty:
        found = "i/o timeout"
    if isinstance(found, str):
        raise Unconnected(f"dial tcp: lookup {host}: {found}")
    return found


def _is_address(host: str) -> bool:
    return ":" in host or host.replace(".", "").isdecimal()


def _connect(addresses: list[_Address], deadline: float, reasons: list[str]) -> socket.socket | None:
    """The first that answers wins (one family may lead nowhere); the others are closed."""
    with selectors.DefaultSelector() as selector, _sockets(addresses, selector, reasons) as candidates:
        while selector.get_map():
            ready = selector.select(max(0.0, deadline - time.monotonic()))
            if not ready:
                return None
            for key, _ in ready:
                found: socket.socket = key.fileobj  # type: ignore[assignment]
                selector.unregister(found)
                error = found.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
                if not error:
                    candidates.remove(found)
                    return found
                reasons.append(f"connect: {os.strerror(error).lower()}")
    return None


@contextlib.contextmanager
def _sockets(addresses: list[_Address], selector: selectors.BaseSelector, reasons: list[str]) -> Iterator[list[socket.socket]]:
    """Start connecting to all; close in the end whatever is still in the list."""
    candidates: list[socket.socket] = []
    try:
        for family, address in addresses:
            try:
                connecting = socket.socket(family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC)
                candidates.append(connecting)
                connecting.connect(address)
            except BlockingIOError:
                pass
            except OSError as error:  # this family is switched off, or there is no route: another address may do
                reasons.append(f"connect: {_cause(error)}")
                continue
            selector.register(connecting, selectors.EVENT_WRITE)
        yield candidates
    finally:
        for left in candidates:
            left.close()


def _cause(error: Exception) -> str:
    return (error.strerror if isinstance(error, OSError) and error.strerror else str(error)).lower()
