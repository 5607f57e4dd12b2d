"""A transaction being written: messages in their order, each with the words that name it should the kernel refuse it.

Adding what exists is no error unless it differs; deleting what does not exist is. Sends nothing: that is the channel's.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from dockerkit.daemon.kernel.nftables import layout
from dockerkit.daemon.kernel.nftables.attributes import attribute, nested, text, u32
from dockerkit.daemon.kernel.nftables.expressions import Expression, Verdict, data

_REQUEST, _ACKNOWLEDGE, _CREATE, _APPEND = 0x1, 0x4, 0x400, 0x800
_HEAD = struct.Struct("=IHHII")
_GENERIC = struct.Struct("!BBH")
_LIST_ELEMENT = 1
_ELEMENTS_A_MESSAGE = 400
"""A list of elements must fit into one attribute of 64 KiB."""

Element = tuple[bytes, ...]
"""The fields of a key, side by side as the set's ``key`` says."""


class Table(NamedTuple):
    """A table by its family (``inet``, ``ip``, ``ip6``, ``bridge``) and name."""

    family: str
    name: str

    def __str__(self) -> str:
        return f"table {self.family} {self.name}"


class Set(NamedTuple):
    """A set of keys; a key may have several fields.

    :ivar key: types by their names in ``layout.KEYS``.
    :ivar interval: elements are first addresses of ranges and, marked, the first after them: see :meth:`Batch.add_ranges`.
    """

    table: Table
    name: str
    key: tuple[str, ...]
    interval: bool = False


class Map(NamedTuple):
    """Keys with a value each: fields like those of the key, or one verdict (``("verdict",)``)."""

    table: Table
    name: str
    key: tuple[str, ...]
    value: tuple[str, ...]
    interval: bool = False


class Message(NamedTuple):
    """One message and what it does, in words."""

    kind: int
    flags: int
    family: int
    body: bytes
    about: str


class Batch:
    """Changes that happen all together or not at all."""

    def __init__(self) -> None:
        self.messages: list[Message] = []

    def __bool__(self) -> bool:
        return bool(self.messages)

    def _say(self, kind: int, table: Table, body: bytes, about: str, flags: int = 0) -> None:
        self.messages.append(Message(kind, flags, layout.FAMILIES[table.family], body, about))

    def add_table(self, table: Table) -> None:
        """Make a table unless it is there."""
        self._say(layout.NEW_TABLE, table, text(1, table.name), f"add {table}", _CREATE)

    def delete_table(self, table: Table) -> None:
        """Remove a table and everything in it; ENOENT when there is none (add it before: the two undo each other)."""
        self._say(layout.DELETE_TABLE, table, text(1, table.name), f"delete {table}")

    def add_chain(self, table: Table, name: str) -> None:
        """Make a chain that others jump to."""
        self._say(layout.NEW_CHAIN, table, text(1, table.name) + text(3, name), f"add chain {name} of {table}", _CREATE)

    def add_base_chain(self, table: Table, name: str, *, kind: str, hook: str, priority: int, policy: str = "accept") -> None:
        """Make a chain that packets come by.

        :param kind: ``filter``, ``nat`` or ``route``.
        :param priority: among chains of one hook, lower first; nat needs more than -200.
        """
        place = nested(4, u32(1, layout.HOOKS[hook]), u32(2, priority))
        body = text(1, table.name) + text(3, name) + place + text(7, kind) + u32(5, layout.VERDICTS[policy])
        self._say(layout.NEW_CHAIN, table, body, f"add {kind} chain {name} of {table}", _CREATE)

    def flush_chain(self, table: Table, name: str) -> None:
        """Remove every rule of a chain."""
        self._say(layout.DELETE_RULE, table, text(1, table.name) + text(2, name), f"flush chain {name} of {table}")

    def add_rule(self, table: Table, chain: str, expressions: Iterable[Expression], comment: str = "") -> None:
        """Append a rule to a chain.

        :param comment: at most 127 bytes; ``nft list`` shows it.
        """
        packed = [expression.packed() for expression in expressions]
        said = attribute(7, bytes([0, len(comment.encode()) + 1]) + comment.encode() + b"\0") if comment else b""
        body = text(1, table.name) + text(2, chain) + nested(4, *packed) + said
        self._say(layout.NEW_RULE, table, body, f"add rule {comment or '?'!r} to chain {chain} of {table}", _CREATE | _APPEND)

    def add_set(self, made: Set | Map) -> None:
        """Make a set or map, empty."""
        flags = (layout.SET_INTERVAL if made.interval else 0) | (
            layout.SET_CONCAT if made.interval and len(made.key) > 1 else 0
        )
        body = [text(1, made.table.name), text(2, made.name), *_typed(4, made.key)]
        if isinstance(made, Map):
            flags |= layout.SET_MAP
            verdict = made.value == ("verdict",)
            body += [u32(6, 0xFFFFFF00)] if verdict else _typed(6, made.value)
        number = sum(message.kind == layout.NEW_SET for message in self.messages) + 1
        body += [u32(3, flags), u32(10, number), attribute(13, _byte_orders(made.key))]
        self._say(layout.NEW_SET, made.table, b"".join(body), f"add set {made.name} of {made.table}", _CREATE)

    def add_elements(self, to: Set, keys: Iterable[Element]) -> None:
        """Put keys into a set; those there already stay."""
        self._elements(layout.NEW_ELEMENT, to, [_key(key) for key in keys], _CREATE)

    def delete_elements(self, of: Set | Map, keys: Iterable[Element]) -> None:
        """Take keys out of a set or map; ENOENT when one is not there."""
        self._elements(layout.DELETE_ELEMENT, of, [_key(key) for key in keys])

    def add_entries(self, to: Map, entries: Mapping[Element, Element | Verdict]) -> None:
        """Put keys with their values into a map; EEXIST when a key has another value."""
        packed = [
            _key(key) + nested(2, *data(value if isinstance(value, Verdict) else joined(value)))
            for key, value in entries.items()
        ]
        self._elements(layout.NEW_ELEMENT, to, packed, _CREATE)

    def add_ranges(self, to: Set, ranges: Iterable[tuple[bytes, bytes]]) -> None:
        """Put ranges (first and last value, one field) into an interval set; they must not overlap."""
        self._elements(layout.NEW_ELEMENT, to, _ranges(ranges), _CREATE)

    def delete_ranges(self, of: Set, ranges: Iterable[tuple[bytes, bytes]]) -> None:
        """Take ranges out of an interval set, whole as they were put in."""
        self._elements(layout.DELETE_ELEMENT, of, _ranges(ranges))

    def _elements(self, kind: int, of: Set | Map, packed: Sequence[bytes], flags: int = 0) -> None:
        word = "add elements to" if kind == layout.NEW_ELEMENT else "delete elements from"
        for start in range(0, len(packed), _ELEMENTS_A_MESSAGE):
            elements = [nested(_LIST_ELEMENT, one) for one in packed[start : start + _ELEMENTS_A_MESSAGE]]
            body = text(1, of.table.name) + text(2, of.name) + nested(3, *elements)
            self._say(kind, of.table, body, f"{word} set {of.name} of {of.table}", flags)

    def packed(self) -> bytes:
        """Return the transaction as one datagram; message n has sequence number n + 1, the last is acknowledged."""
        parts = [_message(layout.BATCH_BEGIN, _REQUEST, 0, 0, b"", resource=layout.SUBSYSTEM)]
        last = len(self.messages) - 1
        for number, (kind, flags, family, body, _) in enumerate(self.messages):
            acknowledge = _ACKNOWLEDGE if number == last else 0
            parts.append(_message(layout.SUBSYSTEM << 8 | kind, _REQUEST | flags | acknowledge, number + 1, family, body))
        parts.append(_message(layout.BATCH_END, _REQUEST, last + 2, 0, b"", resource=layout.SUBSYSTEM))
        return b"".join(parts)


def _byte_orders(key: tuple[str, ...]) -> bytes:
    """Tell ``nft list`` how keys and values are written: names from the left (1), all else in network order (2)."""
    return struct.pack("=BBIBBI", 0, 4, 1 if key == ("ifname",) else 2, 1, 4, 2)


def joined(fields: Element) -> bytes:
    """Put the fields of a key side by side, each padded to four bytes, as registers hold them."""
    if len(fields) == 1:
        return fields[0]
    return b"".join(field + b"\0" * (-len(field) % 4) for field in fields)


def _key(fields: Element) -> bytes:
    return nested(1, *data(joined(fields)))


def _typed(place: int, fields: tuple[str, ...]) -> list[bytes]:
    """Type and length of a key or value; ``nft`` packs the types of several fields into one number, six bits each."""
    number = 0
    for field in fields:
        number = number << 6 | layout.KEYS[field][0]
    lengths = [layout.KEYS[field][1] for field in fields]
    length = lengths[0] if len(fields) == 1 else sum((one + 3) & ~3 for one in lengths)
    return [u32(place, number), u32(place + 1, length)]


def _ranges(ranges: Iterable[tuple[bytes, bytes]]) -> list[bytes]:
    packed = []
    for first, last in ranges:
        packed.append(_key((first,)))
        after = int.from_bytes(last, "big") + 1
        if after >> (8 * len(last)) == 0:  # a range up to the last address needs no end
            packed.append(_key((after.to_bytes(len(last), "big"),)) + u32(3, layout.ELEMENT_INTERVAL_END))
    return packed


def _message(kind: int, flags: int, sequence: int, family: int, body: bytes, *, resource: int = 0) -> bytes:
    return _HEAD.pack(20 + len(body), kind, flags, sequence, 0) + _GENERIC.pack(family, 0, resource) + body
