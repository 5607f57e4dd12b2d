"""Who finds whom: names, aliases, links and addresses, network by network, and what of it is kept in memory."""

from __future__ import annotations

import socket

import dns.message
import dns.reversename
import pytest

from dockerkit.daemon.networks.names.resolver import Resolver
from dockerkit.daemon.networks.names.server import wire
from dockerkit.daemon.networks.names.server.answering import Answering
from dockerkit.daemon.networks.names.server.tables import Tables


@pytest.fixture
def tables() -> Tables:
    made = Tables()
    made.publish("n1", "c1", ["Web", "db", "c1c1c1c1c1c1"], ["10.1.0.2", "fd01::2"])
    made.publish("n1", "c2", ["api", "db"], ["10.1.0.3"])
    made.publish("n2", "c1", ["Web"], ["10.2.0.2"])
    made.publish("n2", "c3", ["far", "v6only"], ["fd02::3"])
    return made


def asks(tables: Tables, name: str, kind: str = "A", **settings: object) -> list[str] | str | None:
    """Return the answer's data, the response code when there is none, None when somebody outside is to be asked."""
    fields: dict[str, object] = {"networks": {"n1": "one", "n2": "Two.x"}, "upstream": ("192.0.2.1",), **settings}
    answering = Answering(tables, Resolver(**fields))  # type: ignore[arg-type]
    return ask(answering, name, kind)


def ask(answering: Answering, name: str, kind: str = "A") -> list[str] | str | None:
    reply = answering.consider(dns.message.make_query(name, kind).to_wire(), datagram=True)
    if isinstance(reply, wire.Question):
        return None
    assert reply is not None
    read = dns.message.from_wire(reply)
    return [record.to_text() for rrset in read.answer for record in rrset] or read.rcode().to_text(read.rcode())


def test_names_aliases_and_ids_in_any_case(tables: Tables) -> None:
    for name in ("web", "WEB", "Web.", "c1c1c1c1c1c1", "web.one", "WEB.ONE"):
        assert asks(tables, name) == ["10.1.0.2"], name
    assert asks(tables, "web", "AAAA") == ["fd01::2"]


def test_the_first_network_decides_and_others_are_looked_at_for_what_it_has_not(tables: Tables) -> None:
    assert asks(tables, "web", networks={"n2": "two", "n1": "one"}) == ["10.2.0.2"]
    assert asks(tables, "web", "AAAA", networks={"n2": "two", "n1": "one"}) == ["fd01::2"]


def test_a_name_of_a_network_is_the_last_part_even_with_dots(tables: Tables) -> None:
    assert asks(tables, "web.two.X") == ["10.2.0.2"]
    assert asks(tables, "far.one") is None
    tables.publish("n1", "c9", ["a.b"], ["10.1.0.9"])
    assert asks(tables, "a.b") == asks(tables, "a.b.one") == ["10.1.0.9"]


def test_networks_one_is_not_on_are_not_seen(tables: Tables) -> None:
    assert asks(tables, "far", "AAAA", networks={"n1": "one"}) is None
    assert asks(tables, "far", "AAAA") == ["fd02::3"]


def test_a_name_without_such_an_address_exists(tables: Tables) -> None:
    assert asks(tables, "api", "AAAA") == "NOERROR"
    assert asks(tables, "v6only", "A") == "NOERROR"
    for kind in ("MX", "TXT", "HTTPS", "SRV", "ANY"):
        assert asks(tables, "api", kind) == "NOERROR", kind
    assert asks(tables, "api.one", "TXT") is None


def test_several_of_one_name_take_turns(tables: Tables) -> None:
    answering = Answering(tables, Resolver(networks={"n1": "one"}))
    query = dns.message.make_query("db", "A").to_wire()
    firsts = []
    for _ in range(4):
        reply = next(iter([answering.known[query[2:]]])) if query[2:] in answering.known else None
        whole = query[:2] + next(reply) if reply else answering.consider(query, datagram=True)
        assert isinstance(whole, bytes)
        firsts.append(socket.inet_ntoa(whole[-20:-16]))
    assert firsts == ["10.1.0.2", "10.1.0.3"] * 2


def test_addresses_lead_back_to_names(tables: Tables) -> None:
    for address, name in (("10.1.0.2", "Web.one."), ("fd01::2", "Web.one."), ("fd02::3", "far.Two.x.")):
        assert asks(tables, str(dns.reversename.from_address(address)), "PTR") == [name]
    for other in ("9.0.1.10.in-addr.arpa", "1.10.in-addr.arpa", "x.0.1.10.in-addr.arpa", "999.0.1.10.in-addr.arpa", "ip6.arpa"):
        assert asks(tables, other, "PTR") is None, other


def test_links_are_names_for_one_only(tables: Tables) -> None:
    assert asks(tables, "db", links={"DB": "c2"}) == ["10.1.0.3"]
    assert asks(tables, "lnk", links={"lnk": "c1"}) == ["10.1.0.2"]
    assert asks(tables, "lnk") is None
    assert asks(tables, "db", links={"db": "gone"}) == ["10.1.0.2", "10.1.0.3"]


def test_with_ndots_a_single_word_is_nobody_s_outside(tables: Tables) -> None:
    assert asks(tables, "single", options=("timeout:1", "ndots:3")) == "NOERROR"
    assert asks(tables, "single", "TXT", options=("ndots:3",)) is None
    assert asks(tables, "with.dot", options=("ndots:3",)) is None
    assert asks(tables, "single", options=("ndots:0",)) is None


def test_inside_an_internal_network_nobody_outside_is_asked(tables: Tables) -> None:
    assert asks(tables, "example.com", internal=True) == "SERVFAIL"
    assert asks(tables, "example.com", upstream=()) == "SERVFAIL"
    assert asks(tables, "web", internal=True) == ["10.1.0.2"]


def test_what_is_withdrawn_is_gone_and_the_rest_stays(tables: Tables) -> None:
    tables.withdraw("n1", "c1")
    tables.withdraw("n1", "c1")
    tables.withdraw("nowhere", "c1")
    assert asks(tables, "web") == ["10.2.0.2"]
    assert asks(tables, "db") == ["10.1.0.3"]
    assert asks(tables, "2.0.1.10.in-addr.arpa", "PTR") is None
    tables.publish("n1", "c2", ["renamed"], ["10.1.0.3"])
    assert asks(tables, "db") is None
    tables.publish("n1", "c2", ["more"], ["10.1.0.3"], True)
    assert asks(tables, "renamed") == asks(tables, "more") == ["10.1.0.3"]


def test_memory_of_answers_is_bounded(tables: Tables) -> None:
    answering = Answering(tables, Resolver(networks={"n1": "one"}))
    for number in range(5000):
        query = dns.message.make_query("web", "A", use_edns=True, payload=512 + number).to_wire()
        answering.consider(query, datagram=True)
    assert len(answering.known) <= 512


def test_names_that_cannot_be_on_the_wire_are_not_given(tables: Tables) -> None:
    tables.publish("n1", "c8", ["x" * 70], ["10.1.0.8"])
    assert asks(tables, "8.0.1.10.in-addr.arpa", "PTR") is None
    tables.publish("n1", "c8", [], ["10.1.0.8"])
    assert asks(tables, "8.0.1.10.in-addr.arpa", "PTR") is None
