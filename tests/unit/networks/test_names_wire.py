"""The name server's bytes, beside dnspython: what it reads, what it writes, and that no bytes whatsoever disturb it."""

from __future__ import annotations

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from dockerkit.daemon.networks.names.resolver import Resolver
from dockerkit.daemon.networks.names.server import wire
from dockerkit.daemon.networks.names.server.answering import Answering
from dockerkit.daemon.networks.names.server.tables import Tables

labels = st.lists(st.binary(min_size=1, max_size=63), min_size=1, max_size=4).filter(lambda parts: sum(map(len, parts)) < 240)
kinds = st.sampled_from([wire.A, wire.AAAA, wire.PTR, wire.MX, 16, 33, 65, 255])


def question_of(name: dns.name.Name, kind: int, size: int | None = None) -> bytes:
    """Return a query's bytes as dnspython writes them; `size`: with EDNS."""
    return dns.message.make_query(name, kind, use_edns=size is not None, payload=size).to_wire()  # type: ignore[arg-type]


@given(labels, kinds, st.none() | st.integers(0, 65535))
def test_a_question_is_read_as_dnspython_reads_it(parts: list[bytes], kind: int, size: int | None) -> None:
    name = dns.name.Name([*parts, b""])
    question = wire.parse(question_of(name, kind, size))
    dotted = any(b"." in part for part in parts)
    assert question.name == (None if dotted else b".".join(parts).lower())
    assert (question.kind, question.group, question.extended) == (kind, wire.IN, size is not None)
    assert question.size == max(512, size or 0)


@given(labels, st.lists(st.ip_addresses(v=4), max_size=40), st.none() | st.integers(512, 4096))
def test_an_answer_is_read_by_dnspython(parts: list[bytes], addresses: list[object], size: int | None) -> None:
    query = question_of(dns.name.Name([*parts, b""]), wire.A, size)
    question = wire.parse(query)
    data = [address.packed for address in addresses]  # type: ignore[attr-defined]
    reply = wire.answer(query, question, data, question.size)
    assert len(reply) <= question.size
    read = dns.message.from_wire(reply)
    assert dns.message.from_wire(query).is_response(read)
    assert (read.edns >= 0) == (size is not None)
    found = [record.address for rrset in read.answer for record in rrset]
    assert all(rrset.ttl == 600 for rrset in read.answer)
    cut = bool(read.flags & dns.flags.TC)
    assert cut == (len(reply) + 16 > question.size and len(found) < len(set(data)))
    assert cut or set(found) == {str(address) for address in addresses}


@given(st.binary(max_size=300))
@example(b"\x12\x34\1\0\0\1\0\0\0\0\0\0\xc0\x0c\0\1\0\1")
@example(b"\x12\x34\1\0\0\1\0\0\0\0\0\1\3abc\0\0\1\0\1\xc0")
@example(b"\x12\x34\1\0\0\1\xff\xff\xff\xff\xff\xff\3abc\0\0\1\0\1")
def test_any_bytes_are_answered_or_ignored(message: bytes) -> None:
    answering = Answering(Tables(), Resolver(internal=True))
    for datagram in (True, False):
        reply = answering.consider(message, datagram=datagram)
        if isinstance(reply, bytes):
            assert reply[:2] == message[:2]
            assert reply[2] & 0x80
            dns.message.from_wire(reply, ignore_trailing=True)


@given(labels, st.binary(max_size=60), st.integers(0, 60))
def test_a_broken_question_breaks_nothing(parts: list[bytes], rubbish: bytes, at: int) -> None:
    query = question_of(dns.name.Name([*parts, b""]), wire.A, 1232)
    broken = query[: 12 + at] + rubbish + query[12 + at + len(rubbish) :]
    Answering(Tables(), Resolver(internal=True)).consider(broken, datagram=True)


HEADER = b"\x12\x34\1\0\0\1\0\0\0\0\0\0"


@pytest.mark.parametrize(
    ("message", "code"),
    [
        (b"\x12\x34\1\0\0\0\0\0\0\0\0\0", "FORMERR"),
        (b"\x12\x34\1\0\0\2\0\0\0\0\0\0\1a\0\0\1\0\1\1b\0\0\1\0\1", "FORMERR"),
        (HEADER + b"\xc0\x0c\0\1\0\1", "FORMERR"),
        (HEADER + b"\3nam", "FORMERR"),
        (HEADER + b"\1a\0\0", "FORMERR"),
        (HEADER + b"\x3f" + b"a" * 63 + (b"\x3f" + b"a" * 63) * 3 + b"\1a\0\0\1\0\1", "FORMERR"),
        (b"\x12\x34\x11\0" + HEADER[4:] + b"\1a\0\0\1\0\1", "NOTIMP"),
    ],
)
def test_what_is_no_question_is_told_so_as_dockerd_does(message: bytes, code: str) -> None:
    reply = Answering(Tables(), Resolver()).consider(message, datagram=True)
    assert isinstance(reply, bytes)
    assert len(reply) == 12
    assert dns.rcode.to_text(dns.message.from_wire(reply).rcode()) == code


@pytest.mark.parametrize("message", [b"", b"\x12\x34\1", b"\x12\x34\x81" + HEADER[3:] + b"\1a\0\0\1\0\1"])
def test_what_is_an_answer_itself_or_nothing_gets_none(message: bytes) -> None:
    assert Answering(Tables(), Resolver()).consider(message, datagram=True) is None


def test_a_reply_is_believed_only_to_its_own_question() -> None:
    query = question_of(dns.name.from_text("name.test"), wire.A)
    question = wire.parse(query)
    good = dns.message.make_response(dns.message.from_wire(query)).to_wire()
    assert wire.belongs(good, query, question)
    assert wire.belongs(good.replace(b"name", b"NAME"), query, question)
    for bad in (b"", good[:5], query, b"\0\0" + good[2:] if good[:2] != b"\0\0" else b"", good.replace(b"name", b"nomo")):
        assert not wire.belongs(bad, query, question)
    cut = dns.message.from_wire(wire.shortened(good, question))
    assert cut.flags & dns.flags.TC
    assert str(cut.question[0].name) == "name.test."


def test_names_on_the_wire() -> None:
    assert wire.named(b"web.net") == b"\3web\3net\0"
    assert wire.named(b"a..b") is None
    assert wire.named(b"a" * 64) is None
    assert wire.named(b".".join([b"a" * 60] * 5)) is None
    assert dns.rdatatype.from_text("AAAA") == wire.AAAA
