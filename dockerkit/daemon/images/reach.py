"""Does a registry answer? One TCP connection, with a time limit that includes the name's resolution. Never sends a byte."""

from __future__ import annotations

import contextlib
import os
import queue
import selectors
import socket
import threading
import time
from collections.abc import Callable, Iterator

from dockerkit.schema.names import DEFAULT_REGISTRY

SECONDS = 3.0
_HTTPS = 443
Endpoint = Callable[[str], tuple[str, int]]
"""A registry's name → host and port to connect to."""
_Address = tuple[socket.AddressFamily, tuple[object, ...]]


def endpoint(registry: str) -> tuple[str, int]:
    """Return where a registry listens: ``docker.io`` is ``registry-1.docker.io:443``; the port is 443 unless named."""
    if registry == DEFAULT_REGISTRY:
        return "registry-1.docker.io", _HTTPS
    host, colon, port = registry.rpartition(":")
    if colon and port.isdecimal():
        return host.strip("[]"), int(port)
    return registry, _HTTPS


def unreachable(host: str, port: int, *, seconds: float = SECONDS) -> str:
    """Return why no TCP connection to a host comes about within `seconds`, name resolution included; ``""`` when one does."""
    deadline = time.monotonic() + seconds
    found = _resolve(host, port, seconds)
    if isinstance(found, str):
        return found
    return _connect(found, deadline)


def _resolve(host: str, port: int, seconds: float) -> list[_Address] | str:
    """Resolve in a thread of its own: getaddrinfo(3) has no time limit and cannot be interrupted."""
    answer: queue.SimpleQueue[list[_Address] | str] = queue.SimpleQueue()

    def ask() -> None:
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            answer.put([(family, address) for family, _, _, _, address in found])
        except (OSError, UnicodeError) as error:
            answer.put(f"name {host!r} cannot be resolved: {_cause(error)}")

    threading.Thread(target=ask, name="resolve", daemon=True).start()
    try:
        return answer.get(timeout=seconds)
    except queue.Empty:
        return f"name {host!r} was not resolved within {seconds:g} s"


def _connect(addresses: list[_Address], deadline: float) -> str:
    """Try all addresses at once (one family may lead nowhere); the first that answers decides."""
    reasons: list[str] = []
    with selectors.DefaultSelector() as selector, _sockets(addresses, selector, reasons):
        while selector.get_map():
            ready = selector.select(max(0.0, deadline - time.monotonic()))
            if not ready:
                return "no answer in time"
            for key, _ in ready:
                error = key.fileobj.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)  # type: ignore[union-attr]
                if not error:
                    return ""
                reasons.append(os.strerror(error))
                selector.unregister(key.fileobj)
    return ", ".join(dict.fromkeys(reason.lower() for reason in reasons)) or "it has no address"


@contextlib.contextmanager
def _sockets(addresses: list[_Address], selector: selectors.BaseSelector, reasons: list[str]) -> Iterator[None]:
    with contextlib.ExitStack() as stack:
        for family, address in addresses:
            try:
                connecting = stack.enter_context(socket.socket(family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK))
                connecting.connect(address)
            except BlockingIOError:
                pass
            except OSError as error:  # this family is switched off, or there is no route: another address may do
                reasons.append(_cause(error))
                continue
            selector.register(connecting, selectors.EVENT_WRITE)
        yield


def _cause(error: Exception) -> str:
    return (error.strerror if isinstance(error, OSError) and error.strerror else str(error)).lower()
