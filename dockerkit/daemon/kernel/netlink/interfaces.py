"""Requests about interfaces: make, change, delete, find. Each function returns one message; none sends it.

Source: rtnetlink(7), ``linux/if_link.h``, ``linux/if_bridge.h``.
"""

from __future__ import annotations

import socket
import struct
import sys
from dataclasses import dataclass

from dockerkit.daemon.kernel.netlink.wire import (
    ACKNOWLEDGE,
    CREATE,
    EXCLUSIVE,
    Answer,
    Request,
    as_number,
    as_text,
    attribute,
    attributes,
    nested,
    number,
    text,
)

_NEW, _DELETE, _GET = 16, 17, 18
_FIXED = struct.Struct("=BxHiII")
_UP = 0x1

_ADDRESS, _NAME, _MTU, _LINK, _MASTER, _INFO, _ALIAS, _FAMILIES, _GROUP, _NAMESPACE = 1, 3, 4, 5, 10, 18, 20, 26, 27, 28
_KIND, _DATA, _PORT_KIND, _PORT_DATA = 1, 2, 4, 5
_VETH_PEER = 1
_BRIDGE_FORWARD_DELAY, _BRIDGE_STP = 1, 5
_PORT_HAIRPIN, _PORT_ISOLATED = 4, 33
_MODE = 1
_IPV6_ADDRESS_MODE, _NO_ADDRESS = 8, 1


@dataclass(frozen=True, slots=True)
class Interface:
    """One interface as the kernel tells of it."""

    index: int
    name: str
    kind: str
    """``bridge``, ``veth`` …; empty for hardware and loopback."""
    up: bool
    mtu: int
    mac: str
    master: int
    """Index of the bridge it is a port of; 0 = none."""
    group: int
    """Its number in ``ip link show group``; 0 = none was given."""
    alias: str


def _message(kind: int, flags: int, about: str, *parts: bytes, index: int = 0, up: bool | None = None) -> Request:
    fixed = _FIXED.pack(socket.AF_UNSPEC, 0, index, _UP if up else 0, 0 if up is None else _UP)
    return Request(kind, flags, fixed + b"".join(parts), about)


def _hardware(mac: str) -> bytes:
    return attribute(_ADDRESS, bytes.fromhex(mac.replace(":", "")))


def _put(parts: list[bytes], mac: str, mtu: int, group: int) -> list[bytes]:
    return [
        *parts,
        *([_hardware(mac)] if mac else []),
        *([number(_MTU, mtu)] if mtu else []),
        *([number(_GROUP, group)] if group else []),
    ]


def make_bridge(name: str, *, mac: str, group: int) -> Request:
    """Make a bridge that forwards at once: no spanning tree, no delay; it is down.

    The kernel refuses when the name is taken (EEXIST).
    """
    data = nested(_DATA, number(_BRIDGE_FORWARD_DELAY, 0), number(_BRIDGE_STP, 0))
    parts = _put([text(_NAME, name)], mac, 0, group)
    return _message(_NEW, ACKNOWLEDGE | CREATE | EXCLUSIVE, name, *parts, nested(_INFO, text(_KIND, "bridge"), data))


def make_pair(name: str, *, peer: str, peer_mac: str, namespace: int, mtu: int, group: int) -> Request:
    """Make a veth pair: `name` here, `peer` born in `namespace`; both down.

    A peer born up elsewhere is refused (ENOTCONN), so it is set up there.

    :param namespace: a descriptor of the peer's network namespace.
    """
    fixed = _FIXED.pack(socket.AF_UNSPEC, 0, 0, 0, 0)
    there = fixed + b"".join(_put([text(_NAME, peer)], peer_mac, mtu, 0)) + number(_NAMESPACE, namespace)
    info = nested(_INFO, text(_KIND, "veth"), nested(_DATA, attribute(_VETH_PEER | 0x8000, there)))
    return _message(_NEW, ACKNOWLEDGE | CREATE | EXCLUSIVE, name, *_put([text(_NAME, name)], "", mtu, group), info)


def make_dummy(name: str, *, group: int) -> Request:
    """Make an interface that leads nowhere, as a parent for those above it; it is down."""
    parts = _put([text(_NAME, name)], "", 0, group)
    return _message(_NEW, ACKNOWLEDGE | CREATE | EXCLUSIVE, name, *parts, nested(_INFO, text(_KIND, "dummy")))


def make_above(
    kind: str, name: str, *, parent: int, mode: int, mode_size: int, mac: str, mtu: int, namespace: int | None, group: int = 0
) -> Request:
    """Make a macvlan, ipvlan or vlan interface above `parent`, born in `namespace` (None = beside the parent); it is down.

    :param mode: the kind's own number: ``MACVLAN_MODE_…`` (4 bytes), ``IPVLAN_MODE_…`` or a VLAN's id (2 bytes).
    """
    data = nested(_DATA, attribute(_MODE, mode.to_bytes(mode_size, sys.byteorder)))
    parts = _put([text(_NAME, name), number(_LINK, parent)], mac, mtu, group)
    if namespace is not None:
        parts.append(number(_NAMESPACE, namespace))
    return _message(_NEW, ACKNOWLEDGE | CREATE | EXCLUSIVE, name, *parts, nested(_INFO, text(_KIND, kind), data))


def join_bridge(name: str, bridge: int, *, alias: str = "") -> Request:
    """Make `name` a port of `bridge` and set it up; it gets no IPv6 address of its own, for nobody talks to a port."""
    said = [text(_ALIAS, alias)] if alias else []
    silent = nested(_FAMILIES, nested(socket.AF_INET6, attribute(_IPV6_ADDRESS_MODE, bytes([_NO_ADDRESS]))))
    return _message(_NEW, ACKNOWLEDGE, name, text(_NAME, name), number(_MASTER, bridge), silent, *said, up=True)


def port(name: str, *, hairpin: bool | None = None, isolated: bool | None = None) -> Request:
    """Change how a bridge treats its port `name`; None leaves it.

    :param hairpin: send a frame back through the port it came by: a container that reaches itself by a published port.
    :param isolated: exchange no frame with another isolated port, only with the host.
    """
    wishes = ((_PORT_HAIRPIN, hairpin), (_PORT_ISOLATED, isolated))
    data = nested(_PORT_DATA, *(attribute(kind, bytes([wish])) for kind, wish in wishes if wish is not None))
    return _message(_NEW, ACKNOWLEDGE, name, text(_NAME, name), nested(_INFO, text(_PORT_KIND, "bridge"), data))


def change(
    name: str, *, index: int = 0, up: bool | None = None, mtu: int = 0, mac: str = "", alias: str = "", group: int = 0
) -> Request:
    """Change what is given of an interface, found by `index` or else by `name`."""
    parts = _put([] if index else [text(_NAME, name)], mac, mtu, group)
    return _message(_NEW, ACKNOWLEDGE, name, *parts, *([text(_ALIAS, alias)] if alias else []), index=index, up=up)


def delete(name: str) -> Request:
    """Delete an interface; a pair goes with either end (ENODEV when there is none)."""
    return _message(_DELETE, ACKNOWLEDGE, name, text(_NAME, name))


def find(name: str) -> Request:
    """Ask for one interface by name."""
    return _message(_GET, 0, name, text(_NAME, name))


def every() -> Request:
    """Ask for all interfaces of the namespace."""
    return _message(_GET, 0, "interfaces")


def read(answer: Answer) -> Interface:
    """Return the interface an answer tells of."""
    _, _, index, flags, _ = _FIXED.unpack_from(answer.body)
    found = attributes(answer.body[_FIXED.size :])
    info = attributes(found.get(_INFO, b""))
    return Interface(
        index=index,
        name=as_text(found.get(_NAME, b"")),
        kind=as_text(info.get(_KIND, b"")),
        up=bool(flags & _UP),
        mtu=as_number(found[_MTU]) if _MTU in found else 0,
        mac=found.get(_ADDRESS, b"").hex(":"),
        master=as_number(found[_MASTER]) if _MASTER in found else 0,
        group=as_number(found[_GROUP]) if _GROUP in found else 0,
        alias=as_text(found.get(_ALIAS, b"")),
    )
