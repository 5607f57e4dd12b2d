"""What a rule is made of: each expression loads a register, tests one, or acts. Made here as values; the kernel checks them.

An expression is a name and attributes packed by the tables in ``layout``. A test that fails ends its rule.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from dockerkit.daemon.kernel.nftables import layout
from dockerkit.daemon.kernel.nftables.attributes import attribute, mapping, nested, number, string, text, u32, u64

_VALUE, _VERDICT = 1, 2
_CODE, _CHAIN = 1, 2
_NAME, _DATA, _LIST_ELEMENT = 1, 2, 1
EQUAL, NOT_EQUAL = 0, 1


class Verdict(NamedTuple):
    """What becomes of a packet: ``drop``, ``accept``, ``return``, ``jump`` or ``goto`` a chain."""

    code: str
    chain: str = ""


class Expression(NamedTuple):
    """One step of a rule: its kind, and its parts by the names in ``layout.EXPRESSIONS``."""

    name: str
    parts: dict[str, Any]

    def packed(self) -> bytes:
        """Return it as an attribute of a rule's list.

        :raises KeyError: no such expression or part.
        """
        known = layout.EXPRESSIONS[self.name]
        body = [_pack(*known[part], value) for part, value in self.parts.items()]
        return nested(_LIST_ELEMENT, text(_NAME, self.name), nested(_DATA, *body))


def unpacked(data: bytes) -> Expression:
    """Read one expression as the kernel lists it; parts nobody knows here are left out."""
    outer = mapping(data)
    name = string(outer[_NAME])
    body = mapping(outer.get(_DATA, b""))
    known = layout.EXPRESSIONS.get(name, {})
    return Expression(name, {part: _unpack(kind, body[place]) for part, (place, kind) in known.items() if place in body})


def data(value: bytes | Verdict) -> list[bytes]:
    """Return the attributes of a value in a register, an element or a comparison."""
    if isinstance(value, Verdict):
        target = [text(_CHAIN, value.chain)] if value.chain else []
        return [nested(_VERDICT, u32(_CODE, layout.VERDICTS[value.code]), *target)]
    return [attribute(_VALUE, value)]


def read_data(packed: bytes) -> bytes | Verdict:
    """Read what :func:`data` wrote."""
    found = mapping(packed)
    if _VERDICT not in found:
        return found.get(_VALUE, b"")
    verdict = mapping(found[_VERDICT])
    code = layout.VERDICT_NAMES.get(number(verdict[_CODE], signed=True), "unknown")
    return Verdict(code, string(verdict[_CHAIN]) if _CHAIN in verdict else "")


def _pack(place: int, kind: str, value: Any) -> bytes:
    if kind == "u32":
        return u32(place, value)
    if kind == "text":
        return text(place, value)
    if kind == "data":
        return nested(place, *data(value))
    return u64(place, value) if kind == "u64" else attribute(place, bytes([value]))


def _unpack(kind: str, value: bytes) -> Any:
    if kind == "data":
        return read_data(value)
    return string(value) if kind == "text" else number(value)


# — loading ————————————————————————————————————————————————————————————————————————————————————————————————————————————————————


def payload(base: int, offset: int, length: int, register: int = layout.REGISTER) -> Expression:
    """Load bytes of the packet: base 0 link, 1 network, 2 transport header."""
    return Expression("payload", {"dreg": register, "base": base, "offset": offset, "len": length})


def meta(key: int, register: int = layout.REGISTER) -> Expression:
    """Load what the kernel knows beside the packet (``NFT_META_*``)."""
    return Expression("meta", {"dreg": register, "key": key})


def ct(key: int, register: int = layout.REGISTER) -> Expression:
    """Load from the connection's tracking entry (``NFT_CT_*``): 0 state, 2 status."""
    return Expression("ct", {"dreg": register, "key": key})


def fib(result: int, flags: int, register: int = layout.REGISTER) -> Expression:
    """Ask the routing table about an address of the packet; result 1 interface, 3 kind of address."""
    return Expression("fib", {"dreg": register, "result": result, "flags": flags})


def load(value: bytes, register: int = layout.REGISTER) -> Expression:
    """Load a constant."""
    return Expression("immediate", {"dreg": register, "data": value})


# — testing ————————————————————————————————————————————————————————————————————————————————————————————————————————————————————


def masked(mask: bytes, register: int = layout.REGISTER) -> Expression:
    """Keep only the bits of `mask` in a register."""
    same = {"sreg": register, "dreg": register, "len": len(mask)}
    return Expression("bitwise", {**same, "mask": mask, "xor": b"\0" * len(mask)})


def compare(value: bytes, operation: int = EQUAL, register: int = layout.REGISTER) -> Expression:
    """Go on when the register equals `value`, or does not."""
    return Expression("cmp", {"sreg": register, "op": operation, "data": value})


def look_up(name: str, *, into: int | None = None, absent: bool = False, register: int = layout.REGISTER) -> Expression:
    """Go on when the register's value is in a set; of a map, load what belongs to it `into` a register.

    :param into: ``layout.VERDICT_REGISTER`` for a verdict map: the verdict is carried out at once.
    :param absent: go on when it is not in the set.
    """
    parts: dict[str, Any] = {"set": name, "sreg": register}
    if into is not None:
        parts["dreg"] = into
    if absent:
        parts["flags"] = 1
    return Expression("lookup", parts)


# — acting —————————————————————————————————————————————————————————————————————————————————————————————————————————————————————


def verdict(code: str, chain: str = "") -> Expression:
    """End the rule with a verdict: drop, accept, return, jump, goto."""
    return Expression("immediate", {"dreg": layout.VERDICT_REGISTER, "data": Verdict(code, chain)})


def translate(kind: int, family: str, address: int | None, port: int | None) -> Expression:
    """Change the connection's source (kind 0) or destination (1) to what registers hold."""
    parts: dict[str, Any] = {"type": kind, "family": layout.FAMILIES[family]}
    if address is not None:
        parts["address"] = address
    if port is not None:
        parts["port"] = port
    return Expression("nat", parts)


def masquerade() -> Expression:
    """Change the source to the address of the interface the packet leaves by."""
    return Expression("masq", {})


def redirect(port: int | None = None) -> Expression:
    """Change the destination to this host, at the port a register holds."""
    return Expression("redir", {} if port is None else {"port": port})


def counter() -> Expression:
    """Count packets and bytes that come so far."""
    return Expression("counter", {"bytes": 0, "packets": 0})
