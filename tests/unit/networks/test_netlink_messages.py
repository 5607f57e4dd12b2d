"""Netlink messages: what is packed can be taken apart again, byte for byte what the kernel's headers say."""

from __future__ import annotations

import socket
import struct
from ipaddress import ip_address, ip_interface, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dockerkit.daemon.kernel.netlink import interfaces, routing, wire
from dockerkit.daemon.networks import identity


@given(st.dictionaries(st.integers(1, 0x3FFF), st.binary(max_size=40), max_size=8))
def test_attributes_come_back(given_attributes: dict[int, bytes]) -> None:
    packed = b"".join(wire.attribute(kind, value) for kind, value in given_attributes.items())
    assert len(packed) % 4 == 0
    assert wire.attributes(packed) == given_attributes


@given(st.binary(max_size=64))
def test_rubbish_ends_the_run_of_attributes(data: bytes) -> None:
    wire.attributes(data)


@given(st.lists(st.binary(max_size=30), min_size=1, max_size=5))
def test_a_datagram_of_messages_comes_back(bodies: list[bytes]) -> None:
    packed = b"".join(wire.Request(16, 0, body, "x").packed(place) for place, body in enumerate(bodies))
    back = list(wire.answers(packed))
    assert [answer.body for answer in back] == bodies
    assert [answer.sequence for answer in back] == list(range(len(bodies)))


def test_a_pair_is_one_message_with_its_peer_inside() -> None:
    pair = interfaces.make_pair("veth0", peer="eth0", peer_mac="02:42:0a:00:00:02", namespace=7, mtu=1400, group=9)
    here = wire.attributes(pair.body[16:])
    assert (here[3], here[4], here[27]) == (b"veth0\0", struct.pack("=I", 1400), struct.pack("=I", 9))
    info = wire.attributes(here[18])
    assert info[1] == b"veth\0"
    peer = wire.attributes(info[2])[1]
    assert struct.unpack("=BxHiII", peer[:16]) == (socket.AF_UNSPEC, 0, 0, 0, 0)  # never up: ENOTCONN
    there = wire.attributes(peer[16:])
    assert (there[3], there[1], there[28]) == (b"eth0\0", b"\x02\x42\x0a\0\0\x02", struct.pack("=I", 7))
    assert 27 not in there  # a container's own interface is of no group of ours


def test_an_interface_is_read_as_it_is_told() -> None:
    request = interfaces.change("veth0", index=5, up=True, mtu=1300, mac="02:00:00:00:00:01", alias="whose", group=3)
    (answer,) = wire.answers(request.packed(1))
    assert interfaces.read(answer) == interfaces.Interface(5, "", "", True, 1300, "02:00:00:00:00:01", 0, 3, "whose")


@pytest.mark.parametrize("address", ["10.0.0.2/24", "10.0.0.2/31", "10.0.0.2/32", "fd00::2/64"])
def test_an_address_is_read_as_it_is_told(address: str) -> None:
    (answer,) = wire.answers(routing.add_address(4, ip_interface(address), "eth0").packed(1))
    assert routing.read_address(answer) == (4, ip_interface(address))
    broadcast = wire.attributes(answer.body[8:]).get(4)
    assert (broadcast == b"\x0a\0\0\xff") == (address == "10.0.0.2/24")


@pytest.mark.parametrize(("gateway", "all_of_it"), [("10.0.0.1", "0.0.0.0/0"), ("fd00::1", "::/0")])
def test_a_default_route_is_read_as_it_is_told(gateway: str, all_of_it: str) -> None:
    (answer,) = wire.answers(routing.set_default(ip_address(gateway)).packed(1))
    assert routing.read_route(answer) == routing.Route(ip_network(all_of_it), ip_address(gateway), 0)


def test_names_fit_an_interface_and_carry_the_data_root() -> None:
    network, endpoint = "ab12cd34" * 8, "ef56" * 16
    assert identity.bridge_name("0badcafe", network) == "dk0badcafeab12c"
    assert identity.bridge_name("0badcafe") == "dk0badcafe"
    assert identity.pair_name(endpoint) == "vethef56ef56ef5"
    assert len(identity.bridge_name("0badcafe", network)) <= 15 >= len(identity.pair_name(endpoint))


@given(st.text("0123456789abcdef", min_size=8, max_size=8))
def test_a_group_is_never_the_default_one(root: str) -> None:
    assert 0 < identity.group(root) < 1 << 31
