"""Which way a packet can go, tried with packets: out, between networks, to published ports, by loopback, to oneself."""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator
from ipaddress import ip_address

import pytest

from dockerkit.daemon.networks.firewall import Rules
from tests.system.networks.netns import hears, lan, reaches
from tests.system.networks.walled import HOST, HOST6, World, publish

pytestmark = pytest.mark.system


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with lan() as made:
        built = World(made)
        yield built
        built.host.run(built.firewall.apply, Rules())
        assert built.host.run(built.firewall.text) == []
        built.firewall.close()


@pytest.mark.parametrize(("address", "seen"), [("198.51.100.1", HOST), ("fd33::1", HOST6)])
def test_the_world_sees_the_host(world: World, address: str, seen: str) -> None:
    world.apply()
    with world.outside.listen(address, 7000) as server:
        assert reaches(world.containers[1, 2], server, address, 7000) == seen


@pytest.mark.parametrize("address", ["172.28.1.3", "fd28:1::3"])
def test_within_a_network_nobody_stands_between(world: World, address: str) -> None:
    world.apply()
    with world.containers[1, 3].listen(address, 7001) as server:
        assert reaches(world.containers[1, 2], server, address, 7001) in ("172.28.1.2", "fd28:1::2")


@pytest.mark.parametrize("filtered", ["0", "1"])
@pytest.mark.parametrize("address", ["172.28.4.3", "fd28:4::3"])
def test_without_communication_containers_are_alone(world: World, address: str, filtered: str) -> None:
    world.host.sysctl("bridge/bridge-nf-call-iptables", filtered)
    world.host.sysctl("bridge/bridge-nf-call-ip6tables", filtered)
    world.apply()
    with world.containers[4, 3].listen(address, 7002) as server:
        assert not reaches(world.containers[4, 2], server, address, 7002)
        assert reaches(world.host, server, address, 7002)


@pytest.mark.parametrize(("number", "last"), [(2, 2), (3, 2), (4, 2)])
@pytest.mark.parametrize("address", ["172.28.1.2", "fd28:1::2"])
def test_networks_are_isolated(world: World, number: int, last: int, address: str) -> None:
    world.apply()
    with world.containers[1, 2].listen(address, 7003) as server:
        assert not reaches(world.containers[number, last], server, address, 7003)


def test_an_internal_network_has_no_way_out_and_none_in(world: World) -> None:
    world.apply(publish(1, 2, 8080, 80))
    with world.outside.listen("198.51.100.1", 7004) as server:
        assert not reaches(world.containers[3, 2], server, "198.51.100.1", 7004)
    with world.containers[3, 2].listen("172.28.3.2", 80) as server:
        assert not reaches(world.outside, server, "172.28.3.2", 80)
        assert not reaches(world.containers[1, 2], server, "172.28.3.2", 80)
        assert reaches(world.containers[3, 3], server, "172.28.3.2", 80) == "172.28.3.3"
        assert reaches(world.host, server, "172.28.3.2", 80) == "172.28.3.1"


@pytest.mark.parametrize("filtered", ["0", "1"])
def test_a_published_port_is_reached_from_everywhere_it_should_be(world: World, filtered: str) -> None:
    world.host.sysctl("bridge/bridge-nf-call-iptables", filtered)
    world.apply(publish(1, 2, 8080, 80))
    with world.containers[1, 2].listen("172.28.1.2", 80) as server:
        seen = {
            "outside": reaches(world.outside, server, HOST, 8080),
            "host": reaches(world.host, server, HOST, 8080),
            "loopback": reaches(world.host, server, "127.0.0.1", 8080),
            "another loopback": reaches(world.host, server, "127.1.2.3", 8080),
            "gateway": reaches(world.host, server, "172.28.1.1", 8080),
            "neighbour": reaches(world.containers[1, 3], server, HOST, 8080),
        }
        assert not reaches(world.containers[1, 2], server, HOST, 8080), "the proxy carries what it sends to itself"
    assert seen["outside"] == "198.51.100.1"
    assert all(seen.values()), seen


def test_a_published_port_of_ipv6(world: World) -> None:
    world.apply(publish(1, 2, 8080, 80, "::"))
    with world.containers[1, 2].listen("fd28:1::2", 80) as server:
        assert reaches(world.outside, server, HOST6, 8080) == "fd33::1"
        assert reaches(world.host, server, HOST6, 8080)
        assert reaches(world.containers[1, 3], server, HOST6, 8080)
        assert not reaches(world.containers[1, 2], server, HOST6, 8080), "the proxy carries what it sends to itself"
        assert not reaches(world.host, server, "::1", 8080), "that is the proxy's to carry"


def test_a_port_published_on_one_address_is_there_only(world: World) -> None:
    world.apply(publish(1, 2, 8081, 80, "127.0.0.1"), publish(1, 3, 8081, 80, HOST))
    with world.containers[1, 2].listen("172.28.1.2", 80) as one, world.containers[1, 3].listen("172.28.1.3", 80) as other:
        assert reaches(world.host, one, "127.0.0.1", 8081)
        assert reaches(world.outside, other, HOST, 8081) == "198.51.100.1"
        assert not reaches(world.host, one, "172.28.1.1", 8081)


def test_datagrams_find_their_way_and_back(world: World) -> None:
    world.apply(publish(1, 2, 8082, 53, protocol="udp"), publish(1, 2, 8082, 54))
    with world.containers[1, 2].listen("172.28.1.2", 53, socket.SOCK_DGRAM) as server:
        for space, address in ((world.outside, HOST), (world.host, "127.0.0.1"), (world.containers[1, 3], HOST)):
            assert hears(space, server, address, 8082), address


def test_what_is_not_published_is_not_reached_from_outside(world: World) -> None:
    world.apply(publish(1, 2, 8080, 80))
    for address in ("172.28.1.2", "fd28:1::2"):
        with world.containers[1, 2].listen(address, 80) as server:
            assert not reaches(world.outside, server, address, 80), "directly, although it is published"
        with world.containers[1, 2].listen(address, 81) as server:
            assert not reaches(world.outside, server, address, 81)


def test_one_direction_of_a_partition_is_as_closed_as_the_other(world: World) -> None:
    one, other = (frozenset({ip_address(f"172.28.1.{n}"), ip_address(f"fd28:1::{n}")}) for n in (2, 3))
    world.apply(publish(1, 3, 8080, 7005), partitions=((one, other),))
    for address in ("172.28.1.3", "fd28:1::3"):
        with world.containers[1, 3].listen(address, 7005) as server:
            assert not reaches(world.containers[1, 2], server, address, 7005)
            assert not reaches(world.containers[1, 2], server, HOST, 8080), "nor through a published port"
            assert reaches(world.host, server, address, 7005)
    with world.containers[1, 2].listen("172.28.1.2", 7005) as server:
        assert not reaches(world.containers[1, 3], server, "172.28.1.2", 7005)
        world.apply()
        assert reaches(world.containers[1, 3], server, "172.28.1.2", 7005), "healed"


def test_a_partition_cuts_a_connection_that_was_there(world: World) -> None:
    world.apply()
    with world.containers[1, 3].listen("172.28.1.3", 7006) as server, world.containers[1, 2].client() as client:
        client.connect(("172.28.1.3", 7006))
        connection, _ = server.accept()
        with connection:
            world.apply(partitions=((frozenset({ip_address("172.28.1.2")}), frozenset({ip_address("172.28.1.3")})),))
            connection.send(b"lost")
            with pytest.raises(TimeoutError):
                client.recv(4)
            world.apply()
            client.settimeout(5)
            assert client.recv(4) == b"lost", "healed: the kernel sent it again"


def test_a_port_leads_elsewhere_when_it_is_published_again(world: World) -> None:
    with world.containers[1, 2].listen("172.28.1.2", 80) as one, world.containers[2, 2].listen("172.28.2.2", 80) as other:
        world.apply(publish(1, 2, 8080, 80))
        assert reaches(world.outside, one, HOST, 8080)
        world.apply(publish(2, 2, 8080, 80))
        assert reaches(world.outside, other, HOST, 8080)
        world.apply()
        assert not reaches(world.outside, other, HOST, 8080)


def test_who_keeps_sending_datagrams_is_led_the_new_way_at_once(world: World) -> None:
    with (
        world.containers[1, 2].listen("172.28.1.2", 53, socket.SOCK_DGRAM) as one,
        world.containers[2, 2].listen("172.28.2.2", 53, socket.SOCK_DGRAM) as other,
        world.host.listen(HOST, 8083, socket.SOCK_DGRAM) as unpublished,
        world.outside.client(kind=socket.SOCK_DGRAM) as client,
    ):
        client.connect((HOST, 8083))
        ways = (
            (unpublished, ()),
            (one, (publish(1, 2, 8083, 53, protocol="udp"),)),
            (other, (publish(2, 2, 8083, 53, protocol="udp"),)),
        )
        for server, published in (*ways, ways[0]):
            world.apply(*published)
            client.send(b"question")
            server.settimeout(1)
            question, peer = server.recvfrom(64)
            server.sendto(question, peer)
            assert client.recv(64) == b"question"


def test_sctp_is_published_by_rule_although_no_socket_of_it_can_be_made(world: World) -> None:
    """An INIT chunk as a raw packet: it arrives at the container, its port translated."""
    world.apply(publish(1, 2, 8084, 84, protocol="sctp"))
    chunk = struct.pack("!BBHIIHHI", 1, 0, 20, 0xDEADBEEF, 65535, 1, 1, 1)
    header = struct.pack("!HHI", 4000, 8084, 0)
    packet = header + b"\0" * 4 + chunk
    packet = header + struct.pack("<I", crc32c(packet)) + chunk
    heard = world.containers[1, 2].run(socket.socket, socket.AF_INET, socket.SOCK_RAW, 132)
    sender = world.outside.run(socket.socket, socket.AF_INET, socket.SOCK_RAW, 132)
    with heard, sender:
        sender.sendto(packet, (HOST, 0))
        heard.settimeout(1)
        arrived = heard.recv(200)[20:]
    assert struct.unpack_from("!HH", arrived) == (4000, 84)


def crc32c(data: bytes) -> int:
    """SCTP's checksum, bit by bit."""
    value = 0xFFFFFFFF
    for byte in data:
        value ^= byte
        for _ in range(8):
            value = value >> 1 ^ (0x82F63B78 if value & 1 else 0)
    return value ^ 0xFFFFFFFF
