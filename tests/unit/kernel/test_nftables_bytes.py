"""What nf_tables is told, byte by byte, and read back; no kernel is asked."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dockerkit.daemon.kernel.nftables import Batch, Set, Table, layout, words
from dockerkit.daemon.kernel.nftables.attributes import attribute, mapping, nested, number, string, text, u32, unpack
from dockerkit.daemon.kernel.nftables.batch import joined
from dockerkit.daemon.kernel.nftables.expressions import Expression, Verdict, data, read_data, unpacked, verdict

TABLE = Table("inet", "t")


@given(st.lists(st.tuples(st.integers(1, 0x3FFF), st.binary(max_size=70))))
def test_attributes_come_back(parts: list[tuple[int, bytes]]) -> None:
    packed = b"".join(attribute(*part) for part in parts)
    assert len(packed) % 4 == 0
    assert list(unpack(packed)) == parts


@given(st.binary(max_size=64))
def test_rubbish_is_refused_or_read_but_never_read_past_its_end(rubbish: bytes) -> None:
    try:
        parts = list(unpack(rubbish))
    except ValueError:
        return
    assert sum(len(value) for _, value in parts) <= len(rubbish)


def test_integers_are_big_endian_and_verdicts_negative() -> None:
    assert u32(1, 6) == struct.pack("=HH", 8, 1) + b"\0\0\0\6"
    assert number(mapping(u32(1, -3))[1], signed=True) == -3
    assert string(mapping(text(1, "name"))[1]) == "name"
    assert struct.unpack_from("=HH", nested(2, b""))[1] == 0x8002


@pytest.mark.parametrize(
    "expression",
    [
        *words.dnat("127.0.0.11", 40001),
        *words.dnat("fd00::1", 40001),
        *words.source("10.1.0.0/16", differs=True),
        *words.tracked(words.NEW),
        *words.from_elsewhere(),
        verdict("jump", "ports"),
        verdict("drop"),
    ],
)
def test_expressions_come_back(expression: Expression) -> None:
    ((_, packed),) = unpack(expression.packed())
    assert unpacked(packed) == expression


@pytest.mark.parametrize("value", [b"\1\2\3\4", Verdict("goto", "there"), Verdict("accept")])
def test_values_come_back(value: bytes | Verdict) -> None:
    assert read_data(b"".join(data(value))) == value


def test_fields_of_a_key_stand_in_registers_of_four_bytes() -> None:
    assert joined((b"\x06", words.service(80))) == b"\x06\0\0\0\0\x50\0\0"
    assert joined((words.service(80),)) == b"\0\x50", "a single field stands as it is"


def test_many_elements_take_several_messages_each_within_an_attribute() -> None:
    batch = Batch()
    batch.add_elements(
        Set(TABLE, "s", ("ipv6_addr", "ipv6_addr")), [(number.to_bytes(16, "big"),) * 2 for number in range(5000)]
    )
    assert len(batch.messages) == 13
    assert all(len(message.body) < 0xFFFF for message in batch.messages)


def test_a_range_up_to_the_last_address_has_no_end() -> None:
    batch = Batch()
    batch.add_ranges(Set(TABLE, "s", ("ipv4_addr",), interval=True), [(b"\xff\0\0\0", b"\xff" * 4), (b"\0" * 4, b"\0\0\0\xff")])
    elements = list(unpack(mapping(batch.messages[0].body)[3]))
    ends = [bool(number(mapping(body).get(3, b"")) & layout.ELEMENT_INTERVAL_END) for _, body in elements]
    assert ends == [False, False, True]


def test_a_transaction_is_framed_and_only_its_last_message_acknowledged() -> None:
    batch = Batch()
    batch.add_table(TABLE)
    batch.delete_table(TABLE)
    packed, kinds, offset = batch.packed(), [], 0
    while offset < len(packed):
        length, kind, flags, sequence, _ = struct.unpack_from("=IHHII", packed, offset)
        kinds.append((kind, bool(flags & 4), sequence))
        offset += length
    assert kinds == [(16, False, 0), (0xA00, False, 1), (0xA02, True, 2), (17, False, 3)]
    assert not Batch()
