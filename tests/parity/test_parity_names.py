"""Names on a real dockerd and on ours, asked from inside by busybox and byte by byte: who finds whom, and how."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import dns.flags
import dns.message
import dns.query
import dns.rcode
import dns.reversename
import dns.rrset
import pytest

from dockerkit.daemon.kernel.netlink import Visitor
from tests.parity.engines import Box, EngineUnderTest
from tests.parity.execution import Execution

ONE, TWO, INSIDE = "dkp-names", "dkp-Others", "dkp-inside"
SUBNETS = {ONE: 20, TWO: 21, INSIDE: 22}
T = TypeVar("T")


class Near:
    """Containers on the networks, and their namespaces."""

    def __init__(self, engine: EngineUnderTest, box: Box) -> None:
        self.engine, self.box = engine, box
        self._visitor = Visitor()

    def up(self, name: str, last: int, *aliases: str, network: str = ONE, links: tuple[str, ...] = (), **host: Any) -> str:
        """Start a container that sleeps, at an address that ends in `last`."""
        place = {"Aliases": list(aliases), "Links": list(links)}
        place |= {"IPAMConfig": {"IPv4Address": f"10.199.{SUBNETS[network]}.{last}"}}  # type: ignore[dict-item]
        endpoints = {"EndpointsConfig": {network: place}}
        host = {"NetworkMode": network, **host}
        return self.box.up("sleep", "1000", name=name, host=host, Hostname=f"{name}-host", NetworkingConfig=endpoints)

    def connect(self, network: str, id: str, *aliases: str) -> None:
        body = {"Container": id, "EndpointConfig": {"Aliases": list(aliases)}}
        answer = self.engine.api.post(f"/networks/{network}/connect", body)
        assert answer.status == 200, answer

    def inside(self, id: str, act: Callable[[], T]) -> T:
        """Do something in a container's network namespace."""
        namespace = os.open(f"/proc/{self.box.inspect(id)['State']['Pid']}/ns/net", os.O_RDONLY)
        try:
            return self._visitor.at(namespace, act)
        finally:
            os.close(namespace)

    def asks(self, id: str, name: str, kind: str = "A", *, tcp: bool = False, edns: bool = False) -> dns.message.Message:
        """Ask from inside a container."""
        query = dns.message.make_query(name, kind, use_edns=edns)
        way = dns.query.tcp if tcp else dns.query.udp
        return self.inside(id, lambda: way(query, "127.0.0.11", timeout=10))

    def finds(self, id: str, name: str, kind: str = "A", **how: bool) -> list[str] | str:
        """Return what an answer holds, sorted; the code when it holds nothing."""
        answer = self.asks(id, name, kind, **how)
        return sorted(one.to_text() for rrset in answer.answer for one in rrset) or dns.rcode.to_text(answer.rcode())

    def close(self) -> None:
        self._visitor.close()


@pytest.fixture
def near(engine: EngineUnderTest, box: Box) -> Iterator[Near]:
    """Three networks of their own subnets, one of them internal."""
    for name, number in SUBNETS.items():
        body = {"Name": name, "Internal": name == INSIDE, "IPAM": {"Config": [{"Subnet": f"10.199.{number}.0/24"}]}}
        answer = engine.api.post("/networks/create", body)
        assert answer.status == 201, answer
    made = Near(engine, box)
    yield made
    made.close()
    box.empty()
    for name in SUBNETS:
        engine.api.delete(f"/networks/{name}")


@pytest.mark.parametrize("tcp", [False, True])
def test_names_aliases_ids_and_hostnames_in_any_case(near: Near, tcp: bool) -> None:
    one, two = near.up("dkp-one", 11, "Alias", "both"), near.up("dkp-two", 12, "both")
    for name in ("dkp-two", "DKP-Two", two[:12], "dkp-two-host", f"dkp-two.{ONE}"):
        assert near.finds(one, name, tcp=tcp) == ["10.199.20.12"], name
    assert near.finds(two, "alias", tcp=tcp) == near.finds(one, "ALIAS", tcp=tcp) == ["10.199.20.11"]
    assert near.finds(one, "both", tcp=tcp) == ["10.199.20.11", "10.199.20.12"]


def test_an_answer_byte_by_byte(near: Near) -> None:
    one = near.up("dkp-one", 11)
    answer = near.asks(one, "Dkp-One")
    assert dns.flags.to_text(answer.flags) == "QR RD RA"
    assert [rrset.to_text() for rrset in answer.answer] == ["Dkp-One. 600 IN A 10.199.20.11"]
    assert not answer.authority
    assert not answer.additional
    for kind in ("AAAA", "MX"):
        nothing = near.asks(one, "dkp-one", kind)
        assert (nothing.rcode(), nothing.answer, nothing.authority) == (dns.rcode.NOERROR, [], [])


def test_several_of_one_name_take_turns(near: Near) -> None:
    one, _ = near.up("dkp-one", 11, "both"), near.up("dkp-two", 12, "both")
    firsts = {near.asks(one, "both").answer[0][0].to_text() for _ in range(40)}
    assert firsts == {"10.199.20.11", "10.199.20.12"}


def test_addresses_lead_back(near: Near) -> None:
    one, _ = near.up("dkp-one", 11), near.up("dkp-two", 12, "alias")
    for last, name in ((11, "dkp-one"), (12, "dkp-two")):
        assert near.finds(one, str(dns.reversename.from_address(f"10.199.20.{last}")), "PTR") == [f"{name}.{ONE}."]


def test_names_are_of_the_networks_one_is_on(near: Near) -> None:
    one, two = near.up("dkp-one", 11, Dns=["10.199.20.99"]), near.up("dkp-two", 12, "there", network=TWO)
    near.connect(TWO, one, "onetwo")
    assert near.finds(one, "dkp-two") == near.finds(one, f"there.{TWO}") == ["10.199.21.12"]
    assert near.finds(two, "onetwo") == near.finds(two, "dkp-one") != near.finds(one, f"dkp-one.{ONE}")
    assert near.finds(one, "12.21.199.10.in-addr.arpa", "PTR") == [f"dkp-two.{TWO}."]
    answer = near.engine.api.post(f"/networks/{TWO}/disconnect", {"Container": one})
    assert answer.status == 200, answer
    upstream = Upstream(near, near.up("dkp-dns", 99))
    assert near.finds(one, "dkp-two") == ["192.0.2.7"], "it is nobody's here any more"
    upstream.close()


def test_of_several_networks_the_first_by_name_decides_internal_ones_last(near: Near) -> None:
    one, two = near.up("dkp-one", 11), near.up("dkp-two", 12)
    for network in (INSIDE, TWO):
        near.connect(network, one)
        near.connect(network, two)
    assert near.finds(one, "dkp-two")[0].startswith("10.199.21."), "capitals come first"
    assert near.finds(one, f"dkp-two.{ONE}") == ["10.199.20.12"]
    assert near.finds(one, f"dkp-two.{INSIDE}")[0].startswith("10.199.22.")


def test_a_name_follows_its_container(near: Near, box: Box) -> None:
    one, two = near.up("dkp-one", 11), near.up("dkp-two", 12)
    box.did(two, "rename", name="dkp-other")
    assert near.finds(one, "dkp-other") == ["10.199.20.12"]
    box.did(two, "restart", t=0)
    assert near.finds(one, "dkp-other") == near.finds(two, "dkp-other") == ["10.199.20.12"]


def test_links_are_names_for_one_only(near: Near) -> None:
    two = near.up("dkp-two", 12)
    one = near.up("dkp-one", 11, links=("dkp-two:lnk",), DnsOptions=["ndots:1"])
    three = near.up("dkp-three", 13, DnsOptions=["ndots:1"])
    assert near.finds(one, "lnk") == near.finds(three, "dkp-two") == ["10.199.20.12"]
    assert near.finds(three, "lnk") == "NOERROR", "with ndots, a single word is nobody's outside"
    assert near.finds(two, "dkp-one") == ["10.199.20.11"]


def test_a_link_finds_who_comes_later(near: Near) -> None:
    one = near.up("dkp-one", 11, links=("dkp-later:lnk",), DnsOptions=["ndots:1"])
    near.up("dkp-later", 13)
    assert near.finds(one, "lnk") == near.finds(one, "dkp-later") == ["10.199.20.13"]


def test_busybox_finds_them(near: Near, box: Box) -> None:
    one, _ = near.up("dkp-one", 11), near.up("dkp-two", 12, "alias")
    for name in ("dkp-two", "alias", f"alias.{ONE}"):
        said = Execution(box, one, "nslookup", "-type=a", name).output().decode(errors="replace")
        assert "Address: 10.199.20.12" in said, said
    assert b"10.199.20.12" in Execution(box, one, "ping", "-c", "1", "-W", "2", "alias").output()
    assert f"name = dkp-two.{ONE}" in Execution(box, one, "nslookup", "10.199.20.12").output().decode(errors="replace")


def test_what_is_no_question(near: Near) -> None:
    one = near.up("dkp-one", 11)

    def raw(message: bytes) -> bytes:
        def send() -> bytes:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
                client.settimeout(5)
                client.sendto(message, ("127.0.0.11", 53))
                return client.recv(512)

        return near.inside(one, send)

    head, name = b"\x12\x34\1\0\0\1\0\0\0\0\0\0", b"\7dkp-one\0\0\1\0\1"
    for broken in (
        head + name[:5],
        head + b"\xc0\x0c\0\1\0\1",
        head[:5] + b"\0" + head[6:],
        head[:5] + b"\2" + head[6:] + name * 2,
    ):
        assert raw(broken) == b"\x12\x34\x81\1\0\0\0\0\0\0\0\0"
    assert raw(b"\x12\x34\x11" + head[3:] + name) == b"\x12\x34\x91\4\0\0\0\0\0\0\0\0"
    assert raw(head[:3] + b"\x30" + head[4:] + name)[2:4] == b"\x81\x90"


class Upstream:
    """A server at port 53 inside a container, by UDP; remembers who asked what."""

    def __init__(self, near: Near, id: str) -> None:
        self.heard: list[tuple[str, str, int]] = []
        self._socket = near.inside(id, self._bound)
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    @staticmethod
    def _bound() -> socket.socket:
        made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        made.bind(("0.0.0.0", 53))
        return made

    def _serve(self) -> None:
        while True:
            message, peer = self._socket.recvfrom(4096)
            if not message:
                return
            query = dns.message.from_wire(message)
            name = query.question[0].name.to_text()
            self.heard.append((name, peer[0], query.payload))
            reply = dns.message.make_response(query, recursion_available=True)
            if query.question[0].rdtype == 1:
                reply.answer = [dns.rrset.from_text(name, 60, "IN", "A", "192.0.2.7")]
            if name.startswith("cut"):
                reply.answer, reply.flags = [], reply.flags | dns.flags.TC
            self._socket.sendto(reply.to_wire(), peer)

    def close(self) -> None:
        """End the thread, with an empty datagram to itself."""
        self._socket.sendto(b"", ("127.0.0.1", 53))
        self._thread.join()
        self._socket.close()


def test_everything_else_is_asked_outside_from_inside(near: Near) -> None:
    upstream = Upstream(near, near.up("dkp-dns", 99))
    one = near.up("dkp-one", 11, Dns=["10.199.20.99"])
    assert near.finds(one, "example.com") == near.finds(one, "single") == ["192.0.2.7"]
    assert near.finds(one, "example.com", "AAAA") == near.finds(one, "8.8.8.8.in-addr.arpa", "PTR") == "NOERROR"
    assert near.asks(one, "cut.test").flags & dns.flags.TC
    assert near.asks(one, "edns.test", edns=True).edns == 0
    assert {peer for _, peer, _ in upstream.heard} == {"10.199.20.11"}
    assert [size > 0 for name, _, size in upstream.heard if name == "edns.test."] == [True]
    upstream.close()


def test_with_ndots_a_single_word_is_asked_of_nobody(near: Near) -> None:
    upstream = Upstream(near, near.up("dkp-dns", 99))
    one = near.up("dkp-one", 11, Dns=["10.199.20.99"], DnsOptions=["ndots:2"])
    assert near.finds(one, "single") == near.finds(one, "single", "AAAA") == "NOERROR"
    assert near.finds(one, "with.dot") == near.finds(one, "dkp-dns.x") == ["192.0.2.7"]
    assert [name for name, _, _ in upstream.heard] == ["with.dot.", "dkp-dns.x."]
    upstream.close()


def test_a_server_where_nobody_listens_is_passed_over(near: Near) -> None:
    near.up("dkp-none", 98)
    upstream = Upstream(near, near.up("dkp-dns", 99))
    one = near.up("dkp-one", 11, Dns=["10.199.20.98", "10.199.20.99"])
    assert near.finds(one, "example.com") == ["192.0.2.7"]
    upstream.close()


def test_on_an_internal_network_names_are_found_and_nobody_outside_is_asked(near: Near) -> None:
    one, _ = near.up("dkp-one", 11, network=INSIDE), near.up("dkp-two", 12, network=INSIDE)
    assert near.finds(one, "dkp-two") == ["10.199.22.12"]
    if near.engine.ours:  # since moby 26; before, a server outside was asked, in vain
        assert near.finds(one, "example.com") == "SERVFAIL"
