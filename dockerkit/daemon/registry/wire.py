"""Requests go out and answers come in, over connections that are kept for the next one. Never follows, logs in, retries."""

from __future__ import annotations

import http.client
import socket
import threading
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from dockerkit.daemon.registry.answer import Answer, cause
from dockerkit.daemon.registry.breaks import Broken, Garbled, Unconnected
from dockerkit.daemon.registry.certificates import Certificates
from dockerkit.daemon.registry.channel import Channel
from dockerkit.daemon.registry.dialing import dial
from dockerkit.daemon.registry.endpoints import PORTS, Endpoint, may_be_plain
from dockerkit.daemon.registry.errand import Errand
from dockerkit.daemon.registry.proxies import Proxy, proxy_for
from dockerkit.daemon.registry.settings import Settings

_KEPT = 8
"""Idle connections kept for one place."""
_HANDSHAKE = 10.0
"""Seconds a TLS handshake may take (Go's limit too)."""
_IDLE = 30.0
"""Seconds after which an idle connection is not used again."""


@dataclass(frozen=True, slots=True)
class Request:
    """One request; its text never shows what it authorizes with.

    :param body: bytes, or pieces that can be had once; `length` says how many bytes these have.
    """

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes | Iterable[bytes] = b""
    length: int = 0

    @property
    def repeatable(self) -> bool:
        """Whether it can be sent again."""
        return isinstance(self.body, bytes)


class Wire:
    """Connections to registries. Thread-safe."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._certificates = Certificates(settings.certificates)
        self._lock = threading.Lock()
        self._idle: dict[Endpoint, list[tuple[float, Channel]]] = {}

    def send(
        self, request: Request, errand: Errand, *, endpoint: Endpoint | None = None, deadline: float | None = None
    ) -> Answer:
        """Send a request and return the head of its answer.

        :param endpoint: where `url` leads, when its rules are known already.
        :param deadline: for a new connection, on the monotonic clock.
        :raises Broken: and its kinds.
        """
        place = endpoint or self.place(request.url)
        kept = self._kept(place)
        if kept is not None:
            try:
                return self._exchange(request, place, kept, errand)
            except Broken:  # the peer closed it as we wrote: that says nothing about the request
                if not request.repeatable or request.method not in ("GET", "HEAD", "PUT", "DELETE"):
                    raise
                errand.check()
        return self._exchange(request, place, self._connect(place, deadline, errand), errand)

    def place(self, url: str) -> Endpoint:
        """Return where a URL leads and by which rules it is spoken to.

        :raises Garbled: it is no URL of the web.
        """
        try:
            parts = urlsplit(url)
            host, port = parts.hostname, parts.port
        except ValueError:
            host = None
        if host is None or parts.scheme not in PORTS:
            raise Garbled(f"unsupported URL {url[:200]!r}")
        number = port or PORTS[parts.scheme]
        return Endpoint(parts.scheme, host, number, parts.netloc.rpartition("@")[2], may_be_plain(host, number, self._settings))

    def close(self) -> None:
        """Close every idle connection."""
        with self._lock:
            idle, self._idle = self._idle, {}
        for channels in idle.values():
            for _, channel in channels:
                channel.hang_up()

    def _connect(self, place: Endpoint, deadline: float | None, errand: Errand) -> Channel:
        limit = time.monotonic() + self._settings.connect_within if deadline is None else deadline
        proxy = proxy_for(place.scheme, place.host, place.port)
        errand.check()
        connected = dial(proxy.host if proxy else place.host, proxy.port if proxy else place.port, limit)
        channel = Channel(connected, self._settings.silence)
        try:
            errand.hold(channel)
            if place.scheme == "https":
                if proxy:
                    _tunnel(connected, proxy, place, self._settings.silence)
                within = min(self._settings.silence, _HANDSHAKE)
                channel.secure(self._certificates.context(place), place.host, time.monotonic() + within)
        except BaseException:
            channel.hang_up()
            raise
        finally:
            errand.let_go(channel)
        return channel

    def _exchange(self, request: Request, place: Endpoint, channel: Channel, errand: Errand) -> Answer:
        def finished(reusable: bool) -> None:
            errand.let_go(channel)
            self._keep(place, channel) if reusable else channel.hang_up()

        try:
            errand.hold(channel)
            channel.deadline = None
            response = self._converse(request, place, channel)
        except BaseException:
            finished(False)
            raise
        return Answer(response, channel, request.url, finished)

    def _converse(self, request: Request, place: Endpoint, channel: Channel) -> http.client.HTTPResponse:
        connection = http.client.HTTPConnection(place.host, place.port)
        connection.sock = channel
        try:
            _write_head(connection, request, place)
            _write_body(connection, request)
            channel.deadline = time.monotonic() + self._settings.document_within
            return connection.getresponse()
        except (OSError, ValueError, http.client.HTTPException) as error:
            raise cause(error) from None

    def _kept(self, place: Endpoint) -> Channel | None:
        while True:
            with self._lock:
                idle = self._idle.get(place)
                if not idle:
                    return None
                since, channel = idle.pop()
            if time.monotonic() - since < _IDLE and not channel.stale:
                return channel
            channel.hang_up()

    def _keep(self, place: Endpoint, channel: Channel) -> None:
        with self._lock:
            idle = self._idle.setdefault(place, [])
            idle.append((time.monotonic(), channel))
            surplus = idle.pop(0)[1] if len(idle) > _KEPT else None
        if surplus is not None:
            surplus.hang_up()


def _write_head(connection: http.client.HTTPConnection, request: Request, place: Endpoint) -> None:
    parts = urlsplit(request.url)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    proxy = proxy_for(place.scheme, place.host, place.port) if place.scheme == "http" else None
    if proxy:
        target = f"{place.base}{target}"
    connection.putrequest(request.method, target, skip_host=True, skip_accept_encoding=True)
    connection.putheader("Host", place.base.partition("://")[2])
    connection.putheader("Accept-Encoding", "identity")  # a blob is what its digest says, byte for byte
    if proxy and proxy.authorization:
        connection.putheader("Proxy-Authorization", proxy.authorization)
    for name, value in request.headers.items():
        connection.putheader(name, value)
    if request.method in ("POST", "PUT", "PATCH"):
        length = len(request.body) if isinstance(request.body, bytes) else request.length
        connection.putheader("Content-Length", str(length))
    connection.endheaders()


def _write_body(connection: http.client.HTTPConnection, request: Request) -> None:
    """A peer that refuses an upload answers before it has it all, and may close: the answer is worth more than the error."""
    pieces = [request.body] if isinstance(request.body, bytes) else request.body
    for piece in pieces:
        try:
            if piece:
                connection.sock.sendall(piece)
        except (BrokenPipeError, ConnectionResetError):
            return


def _tunnel(connected: socket.socket, proxy: Proxy, place: Endpoint, silence: float) -> None:
    connected.settimeout(silence)
    connection = http.client.HTTPConnection(place.host, place.port)
    connection.sock = connected
    connection.set_tunnel(place.host, place.port, {"Proxy-Authorization": proxy.authorization} if proxy.authorization else {})
    try:
        connection._tunnel()  # type: ignore[attr-defined]
    except (OSError, http.client.HTTPException) as error:
        raise Unconnected(f"proxyconnect tcp: {error}") from None
