"""The usual combinations of expressions, each a list for one rule: ``[*leaves_by("br0"), *destination("10.0.0.1"), drop()]``.

Every address word begins with the family it is about, so it may stand in an ``inet`` table. Values only.
"""

from __future__ import annotations

import struct
from ipaddress import ip_address, ip_network

from dockerkit.daemon.kernel.nftables.expressions import (
    NOT_EQUAL,
    Expression,
    compare,
    ct,
    fib,
    load,
    look_up,
    masked,
    meta,
    payload,
    translate,
    verdict,
)
from dockerkit.daemon.kernel.nftables.layout import REGISTER

_PROTOCOL, _FAMILY, _L4, _IN, _OUT = 1, 15, 16, 6, 7
_NETWORK, _TRANSPORT = 1, 2
_SOURCES, _DESTINATIONS = {4: (12, 4), 6: (8, 16)}, {4: (16, 4), 6: (24, 16)}
_FIB_SOURCE, _FIB_DESTINATION, _FIB_IN = 1, 2, 8
_LOCAL = 2
PROTOCOLS = {"tcp": 6, "udp": 17, "sctp": 132}
NEW, RELATED, ESTABLISHED, INVALID = 8, 4, 2, 1
_DNAT_DONE = 0x20


def name(interface: str) -> bytes:
    """Return an interface's name as a register holds it: sixteen bytes."""
    return interface.encode().ljust(16, b"\0")


def address(value: str) -> bytes:
    """Return an address as a register holds it."""
    return ip_address(value).packed


def service(port: int) -> bytes:
    """Return a port as a register holds it: network order."""
    return struct.pack("!H", port)


def family(version: int) -> list[Expression]:
    """Only packets of IPv4 or IPv6 (in ``inet`` tables)."""
    return [meta(_FAMILY), compare(bytes([2 if version == 4 else 10]))]


def ethernet(version: int) -> list[Expression]:
    """Only frames that carry IPv4 or IPv6 (in ``bridge`` tables)."""
    return [meta(_PROTOCOL), compare(struct.pack("!H", 0x0800 if version == 4 else 0x86DD))]


def protocol(word: str) -> list[Expression]:
    """Only tcp, udp or sctp."""
    return [meta(_L4), compare(bytes([PROTOCOLS[word]]))]


def port(number: int) -> list[Expression]:
    """Only packets to this port."""
    return [payload(_TRANSPORT, 2, 2), compare(service(number))]


def source_port(number: int) -> list[Expression]:
    """Only packets from this port."""
    return [payload(_TRANSPORT, 0, 2), compare(service(number))]


def source(where: str, *, differs: bool = False) -> list[Expression]:
    """Only packets from an address or subnet (or from any other)."""
    return _at(where, _SOURCES, differs)


def destination(where: str, *, differs: bool = False) -> list[Expression]:
    """Only packets to an address or subnet (or to any other)."""
    return _at(where, _DESTINATIONS, differs)


def _at(where: str, places: dict[int, tuple[int, int]], differs: bool) -> list[Expression]:
    subnet = ip_network(where)
    whole = subnet.prefixlen == subnet.max_prefixlen
    mask = [] if whole else [masked(subnet.netmask.packed)]
    operation = NOT_EQUAL if differs else 0
    loaded = payload(_NETWORK, *places[subnet.version])
    return [*family(subnet.version), loaded, *mask, compare(subnet.network_address.packed, operation)]


def load_source(version: int, register: int = REGISTER) -> Expression:
    """Load the address a packet comes from (after :func:`family`)."""
    return payload(_NETWORK, *_SOURCES[version], register)


def load_destination(version: int, register: int = REGISTER) -> Expression:
    """Load the address a packet goes to (after :func:`family`)."""
    return payload(_NETWORK, *_DESTINATIONS[version], register)


def load_protocol(register: int = REGISTER) -> Expression:
    """Load the number of the transport protocol; ports may be asked for only after it."""
    return meta(_L4, register)


def load_port(register: int = REGISTER) -> Expression:
    """Load the port a packet goes to."""
    return payload(_TRANSPORT, 2, 2, register)


def load_interfaces(register: int = REGISTER) -> list[Expression]:
    """Load the names of the interfaces a packet came by and leaves by, side by side."""
    return [meta(_IN, register), meta(_OUT, register + 4)]


def came_by(interface: str, *, differs: bool = False) -> list[Expression]:
    """Only packets that came by this interface (or by any other)."""
    return [meta(_IN), compare(name(interface), NOT_EQUAL if differs else 0)]


def came_by_one_of(group: str, *, absent: bool = False) -> list[Expression]:
    """Only packets that came by an interface in a set (or in none of it)."""
    return [meta(_IN), look_up(group, absent=absent)]


def leaves_by(interface: str, *, differs: bool = False) -> list[Expression]:
    """Only packets that leave by this interface (or by any other)."""
    return [meta(_OUT), compare(name(interface), NOT_EQUAL if differs else 0)]


def leaves_by_one_of(group: str, *, absent: bool = False) -> list[Expression]:
    """Only packets that leave by an interface in a set (or in none of it)."""
    return [meta(_OUT), look_up(group, absent=absent)]


def tracked(states: int) -> list[Expression]:
    """Only packets of connections in one of these states."""
    return [ct(0), masked(struct.pack("=I", states)), compare(b"\0" * 4, NOT_EQUAL)]


def translated() -> list[Expression]:
    """Only packets of connections whose destination was changed: they came through a published port."""
    return [ct(2), masked(struct.pack("=I", _DNAT_DONE)), compare(b"\0" * 4, NOT_EQUAL)]


def to_this_host() -> list[Expression]:
    """Only packets to an address of this host, loopback included."""
    return [fib(3, _FIB_DESTINATION), compare(struct.pack("=I", _LOCAL))]


def from_elsewhere() -> list[Expression]:
    """Only packets whose source would not be reached by the interface they came by: the source is a lie."""
    return [fib(1, _FIB_SOURCE | _FIB_IN), compare(b"\0" * 4)]


def dnat(to: str, to_port: int | None = None) -> list[Expression]:
    """Send the connection to another address, and port."""
    return _nat(1, to, to_port)


def snat(to: str, to_port: int | None = None) -> list[Expression]:
    """Have the connection come from another address, and port."""
    return _nat(0, to, to_port)


def _nat(kind: int, to: str, to_port: int | None) -> list[Expression]:
    ip = "ip" if ip_address(to).version == 4 else "ip6"
    place = REGISTER + (1 if ip == "ip" else 4)
    ports = [] if to_port is None else [load(service(to_port), place)]
    return [load(address(to)), *ports, translate(kind, ip, REGISTER, None if to_port is None else place)]


def accept() -> Expression:
    """Let it pass this table."""
    return verdict("accept")


def drop() -> Expression:
    """Let it vanish."""
    return verdict("drop")
