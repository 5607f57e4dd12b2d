"""One question to a plugin and its answer: JSON over HTTP, with a limit of time for all of it, and of size.

Never asks twice by itself, and believes nothing: an answer that is late, long or no JSON is a failure with the plugin's name.
"""

from __future__ import annotations

import http.client
import os
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any
from urllib.parse import urlsplit

import msgspec

from dockerkit.daemon.volumes.plugins.discovery import Address, Tls
from dockerkit.errors import Damaged, DockerkitError, Failed, TimedOut, Unavailable

TIMEOUT = "DOCKERKIT_PLUGIN_TIMEOUT"
"""Seconds that a plugin has for an answer, when not thirty."""
LARGEST = 4 * 1024 * 1024
"""Bytes that an answer may have."""
_ACCEPT = "application/vnd.docker.plugins.v1.2+json"
_OK, _TEXT = 200, 500


def patience() -> float:
    """Return how many seconds a plugin has for an answer."""
    try:
        return max(0.1, float(os.environ.get(TIMEOUT, "30")))
    except ValueError:
        return 30.0


def ask(address: Address, method: str, body: dict[str, Any]) -> dict[str, Any]:
    """Ask a plugin, ``VolumeDriver.Mount`` say, and return what it answered.

    :raises Unavailable: nobody listens.
    :raises TimedOut: it did not answer in time.
    :raises Damaged: its answer is not of this protocol.
    :raises Failed: it says that it failed; in its words.
    """
    connection = _Connection(address, patience())
    try:
        with _limited(connection):
            status, answer = _exchange(connection, method, body)
    except (OSError, http.client.HTTPException) as error:
        raise _failure(address, method, connection, error) from None
    finally:
        connection.close()
    return _understood(address, method, status, answer)


@contextmanager
def _limited(connection: _Connection) -> Iterator[None]:
    """End the conversation when its time is over: an answer that comes drop by drop is none either."""
    timer = threading.Timer(connection.patience, connection.end)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _failure(address: Address, method: str, connection: _Connection, error: Exception) -> DockerkitError:
    if connection.ended or isinstance(error, TimeoutError):
        return TimedOut(f'plugin "{address.name}" did not answer {method} within {connection.patience:g} s')
    if isinstance(error, http.client.HTTPException):
        return Damaged(f'plugin "{address.name}" answered {method} with what is not HTTP: {type(error).__name__}')
    why = getattr(error, "strerror", None) or error
    return Unavailable(f'plugin "{address.name}" cannot be reached at {address.url}: {why}', hint="is it running?")


def _exchange(connection: _Connection, method: str, body: dict[str, Any]) -> tuple[int, bytes]:
    headers = {"Accept": _ACCEPT, "Content-Type": "application/json", "Host": "plugin"}
    connection.request("POST", f"/{method}", msgspec.json.encode(body), headers)
    answer = connection.getresponse()
    whole = answer.read(LARGEST + 1)
    if len(whole) > LARGEST:
        raise Damaged(f"plugin answered {method} with more than {LARGEST} bytes")
    if connection.ended:
        raise TimeoutError
    return answer.status, whole


def _understood(address: Address, method: str, status: int, answer: bytes) -> dict[str, Any]:
    try:
        told = msgspec.json.decode(answer) if answer.strip() else {}
    except (msgspec.DecodeError, RecursionError):
        told = None
    if isinstance(told, dict) and told.get("Err"):
        raise Failed(("" if status == _OK else f"{method}: ") + str(told["Err"])[:_TEXT])
    if status != _OK:
        raise Failed(f"{method}: {answer[:_TEXT].decode(errors='replace').strip() or f'status {status}'}")
    if not isinstance(told, dict):
        raise Damaged(f'plugin "{address.name}" answered {method} with what is not JSON: {answer[:60]!r}')
    return told


class _Connection(http.client.HTTPConnection):
    """HTTP over whatever a plugin listens on."""

    def __init__(self, address: Address, patience: float) -> None:
        super().__init__("plugin", timeout=patience)
        self.patience = patience
        self.ended = False
        self._address = address
        self._socket: socket.socket | None = None

    def end(self) -> None:
        """Break off, from another thread."""
        self.ended = True
        if self._socket is not None:
            with suppress(OSError):  # it is closed
                self._socket.shutdown(socket.SHUT_RDWR)

    def connect(self) -> None:
        """Connect."""
        url = urlsplit(self._address.url)
        if url.scheme == "unix":
            self.sock = self._socket = socket.socket(socket.AF_UNIX)
            self.sock.settimeout(self.timeout)
            self.sock.connect(self._address.url.removeprefix("unix://"))
            return
        self.sock = self._socket = socket.create_connection((url.hostname or "", url.port or 80), self.timeout)
        tls = self._address.tls or (Tls() if url.scheme == "https" else None)
        if tls is not None:
            self.sock = self._socket = _context(self._address.name, tls).wrap_socket(self.sock, server_hostname=url.hostname)


def _context(name: str, tls: Tls) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=tls.ca or None)
        if tls.insecure:
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        if tls.certificate:
            context.load_cert_chain(tls.certificate, tls.key or None)
    except OSError as error:
        raise Unavailable(f'plugin "{name}": its TLS files cannot be used: {error}') from None
    return context


def is_gone(error: DockerkitError) -> bool:
    """Tell whether an error means that nobody is there to answer."""
    return isinstance(error, (Unavailable, TimedOut))
