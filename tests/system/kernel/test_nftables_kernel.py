"""The kernel's own answers to our transactions, in a network namespace nobody else is in."""

from __future__ import annotations

import errno
import socket
from collections.abc import Iterator

import pytest

from dockerkit.daemon.kernel.nftables import Batch, Channel, Map, Set, Table, listing, tables
from dockerkit.daemon.kernel.nftables import words as w
from dockerkit.daemon.kernel.nftables.expressions import Verdict, look_up, verdict
from dockerkit.daemon.kernel.nftables.layout import VERDICT_REGISTER
from tests.system.networks.netns import Namespace

pytestmark = pytest.mark.system
TABLE = Table("inet", "dockerkit-test")


@pytest.fixture
def space() -> Iterator[Namespace]:
    made = Namespace()
    yield made
    made.close()


@pytest.fixture
def channel(space: Namespace) -> Iterator[Channel]:
    with space.run(Channel) as opened:
        yield opened


def test_a_channel_stays_in_the_namespace_it_was_opened_in(channel: Channel, space: Namespace) -> None:
    batch = Batch()
    batch.add_table(TABLE)
    channel.commit(batch)
    assert tables(channel) == [TABLE]
    with Channel() as machines:
        assert TABLE not in tables(machines)


def test_all_or_nothing_and_the_message_that_was_refused_is_named(channel: Channel) -> None:
    batch = Batch()
    batch.add_table(TABLE)
    batch.add_chain(TABLE, "c")
    batch.add_rule(TABLE, "c", [verdict("jump", "nowhere")], "into the void")
    batch.add_chain(TABLE, "d")
    with pytest.raises(OSError, match=r"'into the void' to chain c of table inet dockerkit-test \(message 3 of 4\)") as refused:
        channel.commit(batch)
    assert refused.value.errno == errno.ENOENT
    assert tables(channel) == []


def test_everything_is_listed_as_it_was_made(channel: Channel) -> None:
    batch = Batch()
    batch.add_table(TABLE)
    names = Set(TABLE, "names", ("ifname",))
    ranges = Set(TABLE, "ranges", ("ipv4_addr",), interval=True)
    ports = Map(TABLE, "ports", ("inet_proto", "inet_service"), ("verdict",))
    for one in (names, ranges, ports):
        batch.add_set(one)
    batch.add_chain(TABLE, "open")
    batch.add_base_chain(TABLE, "in", kind="filter", hook="input", priority=-5, policy="drop")
    batch.add_elements(names, [(w.name("lo"),)])
    batch.add_ranges(
        ranges, [(w.address("10.0.0.0"), w.address("10.0.0.255")), (w.address("10.0.1.0"), w.address("10.0.1.255"))]
    )
    batch.add_entries(ports, {(b"\x06", w.service(80)): Verdict("goto", "open")})
    rule = [w.load_protocol(8), w.load_port(9), look_up("ports", into=VERDICT_REGISTER)]
    batch.add_rule(TABLE, "in", rule, "by port")
    channel.commit(batch)
    listed = listing(channel, TABLE)
    assert listed
    chain = listed.chains["in"]
    assert (chain.kind, chain.hook, chain.priority, chain.policy) == ("filter", "input", -5, "drop")
    (listed_rule,) = chain.rules
    assert listed_rule.comment == "by port"
    assert [one.name for one in listed_rule.expressions] == [one.name for one in rule]
    assert listed_rule.expressions[2].parts["set"] == "ports"
    assert listed.sets["names"] == [(w.name("lo"), b"", False)]
    assert listed.sets["ports"] == [(b"\x06\0\0\0\0\x50\0\0", Verdict("goto", "open"), False)]
    batch = Batch()
    batch.delete_ranges(ranges, [(w.address("10.0.0.0"), w.address("10.0.0.255"))])
    channel.commit(batch)
    assert sorted(listing(channel, TABLE).sets["ranges"]) == [  # type: ignore[union-attr]
        (w.address("10.0.1.0"), b"", False),
        (w.address("10.0.2.0"), b"", True),
    ]


def test_ten_thousand_elements_in_one_transaction(channel: Channel) -> None:
    pairs = Set(TABLE, "pairs", ("ipv4_addr", "ipv4_addr"))
    batch = Batch()
    batch.add_table(TABLE)
    batch.add_set(pairs)
    batch.add_elements(pairs, [(number.to_bytes(4, "big"), b"\x0a\0\0\1") for number in range(10000)])
    channel.commit(batch)
    assert len(listing(channel, TABLE).sets["pairs"]) == 10000  # type: ignore[union-attr]


@pytest.mark.parametrize("protocol", ["udp", "tcp"])
def test_port_53_of_a_loopback_address_leads_to_another_port(channel: Channel, space: Namespace, protocol: str) -> None:
    kind = socket.SOCK_DGRAM if protocol == "udp" else socket.SOCK_STREAM
    with space.listen("127.0.0.11", 40001, kind) as server, space.client(kind=kind) as client:
        table = Table("ip", "dockerkit-test")
        batch = Batch()
        batch.add_table(table)
        batch.add_base_chain(table, "output", kind="nat", hook="output", priority=-100)
        led = [*w.destination("127.0.0.11"), *w.protocol(protocol), *w.port(53), *w.dnat("127.0.0.11", 40001)]
        batch.add_rule(table, "output", led)
        channel.commit(batch)
        client.connect(("127.0.0.11", 53))
        client.send(b"question")
        answering = server if protocol == "udp" else server.accept()[0]
        question, peer = answering.recvfrom(64)
        answering.sendto(question, peer) if protocol == "udp" else answering.sendall(question)
        assert client.recv(64) == b"question"
        answering.close()
