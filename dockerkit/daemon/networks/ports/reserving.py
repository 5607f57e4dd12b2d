"""Making a port ours by binding its socket, on one address or on all of both families. In Docker's words when it cannot be.

The socket is the reservation: it is handed to the proxy, and nobody can have the port before it is closed.
"""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import NamedTuple

from dockerkit.daemon.networks.model import Protocol, Published
from dockerkit.daemon.networks.ports.proxy.datagrams import note_addresses
from dockerkit.errors import Conflict, Exhausted

_BACKLOG = 4096
_SCTP = 132
_TRIES = 64
"""How many random numbers are tried that are free in one family only."""
_NO_IPV6 = (errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL)
_GO = {errno.EADDRNOTAVAIL: "cannot assign requested address"}
"""Where the words of Go for an error are not those of C."""

Taken = Callable[[str, str, int], bool]
"""Whether a container of ours has (protocol, host address, port)."""


class Wanted(NamedTuple):
    """A wish: any port from `first` to `last`; both 0: any at all.

    :ivar host_address: "" for all addresses of both families, on one number.
    """

    protocol: Protocol
    container_port: int
    host_address: str = ""
    first: int = 0
    last: int = 0


@dataclass(slots=True)
class Reservation:
    """A port that is ours. `socket` is None where the kernel has no sockets of the protocol: then only a rule carries it."""

    published: Published
    socket: socket.socket | None

    @property
    def fd(self) -> int:
        """The socket's descriptor, -1 without one."""
        return self.socket.fileno() if self.socket else -1

    def close(self) -> None:
        """Give the port back, unless somebody holds a copy of the socket."""
        if self.socket:
            self.socket.close()


def reserve(wanted: Wanted, taken: Taken) -> list[Reservation]:
    """Bind a socket for each address of a wish, all on one port.

    :raises Conflict: a container of ours has it; another program has it.
    :raises Exhausted: no port of the range is free.
    """
    refused: Conflict | None = None
    for port in _candidates(wanted):
        try:
            return _on_one_number(wanted, port, taken)
        except Conflict as conflict:
            cause = conflict.__cause__
            if isinstance(cause, OSError) and cause.errno != errno.EADDRINUSE:
                raise  # another number would not help
            refused = conflict
    if refused and wanted.first == wanted.last and wanted.first:
        raise refused
    raise Exhausted("all ports are allocated")


def rebind(published: Published) -> Reservation:
    """Bind a port that was ours: its proxy died and took the socket with it.

    :raises OSError: somebody was faster.
    """
    return Reservation(published, _bound(published.protocol, published.host_address, published.host_port))


def _candidates(wanted: Wanted) -> Iterable[int]:
    return range(wanted.first, wanted.last + 1) if wanted.first else [0] * _TRIES


def _on_one_number(wanted: Wanted, port: int, taken: Taken) -> list[Reservation]:
    made: list[Reservation] = []
    try:
        for address in _addresses(wanted):
            one = _reserved(wanted, address, port, taken, first=not made)
            if one:
                made.append(one)
                port = one.published.host_port
    except BaseException:
        for reservation in made:
            reservation.close()
        raise
    return made


def _addresses(wanted: Wanted) -> tuple[str, ...]:
    return (wanted.host_address,) if wanted.host_address else ("0.0.0.0", "::")


def _reserved(wanted: Wanted, address: str, port: int, taken: Taken, *, first: bool) -> Reservation | None:
    """Bind one address; None where it is the second family of all and the host has none of it."""
    if port and taken(wanted.protocol, address, port):
        raise Conflict(f"Bind for {shown(address)}:{port} failed: port is already allocated")
    try:
        bound = _bound(wanted.protocol, address, port)
    except OSError as error:
        if not wanted.host_address and not first and error.errno in _NO_IPV6:
            return None
        raise Conflict(_said(wanted.protocol, address, port, error)) from error
    number = bound.getsockname()[1] if bound else port or _numberless(wanted.protocol, address, taken)
    return Reservation(Published(wanted.protocol, wanted.container_port, address, number), bound)


def _bound(protocol: str, address: str, port: int) -> socket.socket | None:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    kind = socket.SOCK_DGRAM if protocol == "udp" else socket.SOCK_STREAM
    try:
        made = socket.socket(family, kind | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK, _SCTP if protocol == "sctp" else 0)
    except OSError as error:
        if protocol == "sctp" and error.errno == errno.EPROTONOSUPPORT:  # rules translate it all the same
            return None
        raise
    try:
        if family == socket.AF_INET6:
            made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        if protocol == "tcp":  # connections of the last holder that are still closing do not count
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if protocol == "udp":
            note_addresses(made)
        made.bind((address, port))
        if protocol == "tcp":
            made.listen(_BACKLOG)
    except OSError:
        made.close()
        raise
    return made


def _numberless(protocol: str, address: str, taken: Taken) -> int:
    """Choose a number without a socket: the first of the host's range for such ports that no container of ours has."""
    with open("/proc/sys/net/ipv4/ip_local_port_range", encoding="ascii") as file:
        first, last = map(int, file.read().split())
    free = (port for port in range(first, last + 1) if not taken(protocol, address, port))
    port = next(free, None)
    if port is None:
        raise Exhausted("all ports are allocated")
    return port


def shown(address: str) -> str:
    """Return an address as it stands before a colon."""
    return f"[{address}]" if ":" in address else address


def _said(protocol: str, address: str, port: int, error: OSError) -> str:
    words = _GO.get(error.errno or 0, os.strerror(error.errno or 0).lower())
    version = 6 if ":" in address else 4
    return f"Error starting userland proxy: listen {protocol}{version} {shown(address)}:{port}: bind: {words}"
