"""Numbers of nf_tables' messages, attributes and expressions, as tables. Data; never acts.

Source: ``linux/netfilter/nf_tables.h``, ``linux/netfilter/nfnetlink.h``, ``linux/netfilter.h``.
"""

from __future__ import annotations

SUBSYSTEM = 10
BATCH_BEGIN, BATCH_END = 16, 17
NEW_TABLE, GET_TABLE, DELETE_TABLE = 0, 1, 2
NEW_CHAIN, GET_CHAIN, DELETE_CHAIN = 3, 4, 5
NEW_RULE, GET_RULE, DELETE_RULE = 6, 7, 8
NEW_SET, GET_SET, DELETE_SET = 9, 10, 11
NEW_ELEMENT, GET_ELEMENT, DELETE_ELEMENT = 12, 13, 14

FAMILIES = {"inet": 1, "ip": 2, "arp": 3, "netdev": 5, "bridge": 7, "ip6": 10}
FAMILY_NAMES = {number: name for name, number in FAMILIES.items()}
HOOKS = {"prerouting": 0, "input": 1, "forward": 2, "output": 3, "postrouting": 4, "ingress": 5}
HOOK_NAMES = {number: name for name, number in HOOKS.items()}

REGISTER = 8
"""The first of sixteen registers of four bytes; a value of sixteen bytes takes four of them."""
VERDICT_REGISTER = 0
VERDICTS = {"drop": 0, "accept": 1, "continue": -1, "break": -2, "jump": -3, "goto": -4, "return": -5}
VERDICT_NAMES = {number: name for name, number in VERDICTS.items()}

SET_ANONYMOUS, SET_CONSTANT, SET_INTERVAL, SET_MAP, SET_CONCAT = 0x1, 0x2, 0x4, 0x8, 0x80
ELEMENT_INTERVAL_END = 0x1

EXPRESSIONS: dict[str, dict[str, tuple[int, str]]] = {
    "immediate": {"dreg": (1, "u32"), "data": (2, "data")},
    "bitwise": {"sreg": (1, "u32"), "dreg": (2, "u32"), "len": (3, "u32"), "mask": (4, "data"), "xor": (5, "data")},
    "cmp": {"sreg": (1, "u32"), "op": (2, "u32"), "data": (3, "data")},
    "range": {"sreg": (1, "u32"), "op": (2, "u32"), "from": (3, "data"), "to": (4, "data")},
    "lookup": {"set": (1, "text"), "sreg": (2, "u32"), "dreg": (3, "u32"), "flags": (5, "u32")},
    "payload": {"dreg": (1, "u32"), "base": (2, "u32"), "offset": (3, "u32"), "len": (4, "u32")},
    "meta": {"dreg": (1, "u32"), "key": (2, "u32"), "sreg": (3, "u32")},
    "ct": {"dreg": (1, "u32"), "key": (2, "u32"), "direction": (3, "u8"), "sreg": (4, "u32")},
    "fib": {"dreg": (1, "u32"), "result": (2, "u32"), "flags": (3, "u32")},
    "rt": {"dreg": (1, "u32"), "key": (2, "u32")},
    "nat": {
        "type": (1, "u32"),
        "family": (2, "u32"),
        "address": (3, "u32"),
        "address_last": (4, "u32"),
        "port": (5, "u32"),
        "port_last": (6, "u32"),
        "flags": (7, "u32"),
    },
    "masq": {"flags": (1, "u32"), "port": (2, "u32"), "port_last": (3, "u32")},
    "redir": {"port": (1, "u32"), "port_last": (2, "u32"), "flags": (3, "u32")},
    "reject": {"type": (1, "u32"), "code": (2, "u8")},
    "counter": {"bytes": (1, "u64"), "packets": (2, "u64")},
    "notrack": {},
}
"""Attribute number and kind of value of every part of an expression."""

KEYS: dict[str, tuple[int, int]] = {
    "verdict": (1, 16),
    "ipv4_addr": (7, 4),
    "ipv6_addr": (8, 16),
    "ether_addr": (9, 6),
    "inet_proto": (12, 1),
    "inet_service": (13, 2),
    "mark": (19, 4),
    "ifname": (41, 16),
}
"""Type of a set's key or a map's value → (``nft``'s number for it, bytes). The kernel wants the bytes, ``nft list`` both."""
