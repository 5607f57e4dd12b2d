"""Requests about addresses and routes. Each function returns one message; none sends it.

Source: rtnetlink(7), ``linux/if_addr.h``, ``linux/rtnetlink.h``.
"""

from __future__ import annotations

import socket
import struct
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Interface, IPv4Network, IPv6Address, IPv6Interface, IPv6Network

from dockerkit.daemon.kernel.netlink.wire import (
    ACKNOWLEDGE,
    CREATE,
    EXCLUSIVE,
    Answer,
    Request,
    as_number,
    attribute,
    attributes,
    number,
)

_NEW_ADDRESS, _DELETE_ADDRESS, _GET_ADDRESS = 20, 21, 22
_NEW_ROUTE, _DELETE_ROUTE, _GET_ROUTE = 24, 25, 26
_ADDRESS_FIXED = struct.Struct("=BBBBI")
_ROUTE_FIXED = struct.Struct("=BBBBBBBBI")

_ADDRESS, _LOCAL, _BROADCAST = 1, 2, 4
_NO_DUPLICATE_CHECK = 0x02
_DESTINATION, _OUT, _GATEWAY = 1, 4, 5
_MAIN, _BOOT, _UNIVERSE, _LINK, _UNICAST = 254, 3, 0, 253, 1
_REPLACE = 0x100


@dataclass(frozen=True, slots=True)
class Route:
    """One route of the main table."""

    destination: IPv4Network | IPv6Network
    gateway: IPv4Address | IPv6Address | None
    index: int
    """The interface it leaves by; 0 where there is none (unreachable, multipath)."""


def add_address(index: int, address: IPv4Interface | IPv6Interface, about: str) -> Request:
    """Give the interface `index` an address, usable at once: IPv6 without the search for duplicates (EEXIST: it has it)."""
    return _address(_NEW_ADDRESS, CREATE | EXCLUSIVE, index, address, about)


def delete_address(index: int, address: IPv4Interface | IPv6Interface, about: str) -> Request:
    """Take an address away (EADDRNOTAVAIL: it has none such)."""
    return _address(_DELETE_ADDRESS, 0, index, address, about)


def _address(kind: int, flags: int, index: int, address: IPv4Interface | IPv6Interface, about: str) -> Request:
    local, prefix = address.ip.packed, address.network.prefixlen
    parts = [attribute(_LOCAL, local), attribute(_ADDRESS, local)]
    quick = _NO_DUPLICATE_CHECK if address.version == 6 else 0
    if address.version == 4 and prefix < 31:
        parts.append(attribute(_BROADCAST, address.network.broadcast_address.packed))
    fixed = _ADDRESS_FIXED.pack(_family(address.version), prefix, quick, _UNIVERSE, index)
    return Request(kind, ACKNOWLEDGE | flags, fixed + b"".join(parts), f"{about} {address}")


def every_address() -> Request:
    """Ask for all addresses of the namespace."""
    return Request(_GET_ADDRESS, 0, _ADDRESS_FIXED.pack(0, 0, 0, 0, 0), "addresses")


def read_address(answer: Answer) -> tuple[int, IPv4Interface | IPv6Interface]:
    """Return the index and the address an answer tells of."""
    family, prefix, _, _, index = _ADDRESS_FIXED.unpack_from(answer.body)
    found = attributes(answer.body[_ADDRESS_FIXED.size :])
    packed = found.get(_LOCAL) or found[_ADDRESS]
    if family == socket.AF_INET6:
        return index, IPv6Interface((packed, prefix))
    return index, IPv4Interface((packed, prefix))


def set_default(gateway: IPv4Address | IPv6Address) -> Request:
    """Make `gateway` the default route, in place of another one; the kernel finds the interface it is behind (ENETUNREACH)."""
    fixed = _ROUTE_FIXED.pack(_family(gateway.version), 0, 0, 0, _MAIN, _BOOT, _UNIVERSE, _UNICAST, 0)
    body = fixed + attribute(_GATEWAY, gateway.packed)
    return Request(_NEW_ROUTE, ACKNOWLEDGE | CREATE | _REPLACE, body, f"default via {gateway}")


def set_default_device(index: int, version: int) -> Request:
    """Make the interface `index` itself the default route, without a gateway: ipvlan's layer 3."""
    fixed = _ROUTE_FIXED.pack(_family(version), 0, 0, 0, _MAIN, _BOOT, _LINK, _UNICAST, 0)
    return Request(_NEW_ROUTE, ACKNOWLEDGE | CREATE | _REPLACE, fixed + number(_OUT, index), "default")


def delete_default(version: int) -> Request:
    """Take the default route of one family away (ESRCH: there is none)."""
    fixed = _ROUTE_FIXED.pack(_family(version), 0, 0, 0, _MAIN, 0, 255, 0, 0)
    return Request(_DELETE_ROUTE, ACKNOWLEDGE, fixed, "default")


def every_route() -> Request:
    """Ask for all routes of the namespace."""
    return Request(_GET_ROUTE, 0, _ROUTE_FIXED.pack(0, 0, 0, 0, 0, 0, 0, 0, 0), "routes")


def read_route(answer: Answer) -> Route | None:
    """Return the route an answer tells of; None for the kernel's own (local, broadcast, multicast, other tables)."""
    family, prefix, _, _, table, _, _, kind, _ = _ROUTE_FIXED.unpack_from(answer.body)
    if table != _MAIN or kind != _UNICAST:
        return None
    found = attributes(answer.body[_ROUTE_FIXED.size :])
    six = family == socket.AF_INET6
    bits = found.get(_DESTINATION, bytes(16 if six else 4))
    gateway = found.get(_GATEWAY)
    return Route(
        destination=IPv6Network((bits, prefix)) if six else IPv4Network((bits, prefix)),
        gateway=None if gateway is None else (IPv6Address(gateway) if six else IPv4Address(gateway)),
        index=as_number(found[_OUT]) if _OUT in found else 0,
    )


def _family(version: int) -> int:
    return socket.AF_INET6 if version == 6 else socket.AF_INET
