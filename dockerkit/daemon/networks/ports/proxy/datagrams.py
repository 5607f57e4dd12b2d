"""UDP: each client gets a socket of its own to the container, so that answers find back; silent ones are forgotten.

An answer leaves from the very address the question came to, however many the host has. A client is forgotten after ninety
seconds without a datagram (as docker-proxy does), or when it is the one longest silent of too many.
"""

from __future__ import annotations

import contextlib
import socket
import struct
import time

from dockerkit.daemon.networks.companion.loop import IN, Loop

_SILENCE = 90.0
_CLIENTS = 4096
_ROUNDS = 64
_MOST = 65535
_IP_PKTINFO, _IPV6_RECVPKTINFO, _IPV6_PKTINFO = 8, 49, 50
_INFO4, _INFO6 = struct.Struct("@i4s4s"), struct.Struct("@16si")

Control = tuple[tuple[int, int, bytes], ...]


def note_addresses(bound: socket.socket) -> None:
    """Have the kernel note with each datagram which address of the host it came to; before the first can come."""
    if bound.family == socket.AF_INET6:
        bound.setsockopt(socket.IPPROTO_IPV6, _IPV6_RECVPKTINFO, 1)
    else:
        bound.setsockopt(socket.IPPROTO_IP, _IP_PKTINFO, 1)


class _Client:
    """One who asked: where, through which address of the host, and the socket that asks on."""

    __slots__ = ("address", "control", "heard", "socket")

    def __init__(self, address: tuple[object, ...], control: Control, onward: socket.socket) -> None:
        self.address, self.control, self.socket = address, control, onward
        self.heard = 0.0


class Datagrams:
    """One published port of UDP."""

    def __init__(self, loop: Loop, bound: socket.socket, target: tuple[str, int]) -> None:
        self._loop, self._socket, self._target = loop, bound, target
        self._clients: dict[tuple[object, ...], _Client] = {}  # the longest silent first
        loop.watch(bound.fileno(), IN, self._hear)

    def close(self) -> None:
        """Give the port back and forget everybody."""
        self._loop.forget(self._socket.fileno())
        self._socket.close()
        for key in list(self._clients):
            self._forget(key)

    def _hear(self, _: int) -> None:
        for _ in range(_ROUNDS):
            try:
                data, ancillary, _, address = self._socket.recvmsg(_MOST, 128)
            except BlockingIOError:
                return
            except OSError:  # an ICMP answer to something we sent: it is told once, and means nobody in particular
                continue
            self._ask_on(data, address, _answering(ancillary))

    def _ask_on(self, data: bytes, address: tuple[object, ...], control: Control) -> None:
        key = (*address, control)
        client = self._clients.pop(key, None) or self._meet(address, control)
        if client is None:
            return
        client.heard = time.monotonic()
        self._clients[key] = client  # at the end: it is the one heard last
        with contextlib.suppress(OSError):  # ECONNREFUSED, EAGAIN: datagrams get lost, that is what they are
            client.socket.send(data)

    def _meet(self, address: tuple[object, ...], control: Control) -> _Client | None:
        if len(self._clients) >= _CLIENTS:
            self._forget(next(iter(self._clients)))
        family = socket.AF_INET6 if ":" in self._target[0] else socket.AF_INET
        try:
            onward = socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        except OSError:  # no descriptor left: this datagram is lost
            return None
        try:
            onward.connect(self._target)
        except OSError:  # the container's network has gone
            onward.close()
            return None
        client = _Client(address, control, onward)
        self._loop.watch(onward.fileno(), IN, lambda _: self._answer(client))
        self._loop.every_tick(self, self._look)
        return client

    def _answer(self, client: _Client) -> None:
        for _ in range(_ROUNDS):
            try:
                data = client.socket.recv(_MOST)
            except BlockingIOError:
                return
            except OSError:  # ECONNREFUSED: nobody listens there; the client asks again or not
                return
            client.heard = time.monotonic()
            with contextlib.suppress(OSError):  # EAGAIN, EPERM, ENETUNREACH: lost
                self._socket.sendmsg([data], client.control, 0, client.address)

    def _look(self, now: float) -> bool:
        """Forget the silent; whether there is anybody left."""
        for key, client in list(self._clients.items()):
            if now - client.heard > _SILENCE:
                self._forget(key)
        return bool(self._clients)

    def _forget(self, key: tuple[object, ...]) -> None:
        client = self._clients.pop(key)
        self._loop.forget(client.socket.fileno())
        client.socket.close()


def _answering(ancillary: list[tuple[int, int, bytes]]) -> Control:
    """Return the control message with which an answer leaves from the address the question came to, by whichever interface."""
    for level, kind, body in ancillary:
        if (level, kind) == (socket.IPPROTO_IP, _IP_PKTINFO):
            _, local, _ = _INFO4.unpack_from(body)  # of a broadcast, the host's own address
            return ((level, kind, _INFO4.pack(0, local, b"\0" * 4)),)
        if (level, kind) == (socket.IPPROTO_IPV6, _IPV6_PKTINFO):
            local, index = _INFO6.unpack_from(body)
            link_local = local[:2] == b"\xfe\x80"
            return ((level, kind, _INFO6.pack(local, index if link_local else 0)),)
    return ()
