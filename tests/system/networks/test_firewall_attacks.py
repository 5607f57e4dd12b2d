"""What a container with every right in its own namespace tries: the host's loopback, false sources, networks not its own.

Each attack is also tried with the rule taken away that stops it: there it succeeds, or the test would prove nothing.
"""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator

import pytest

from dockerkit.daemon.kernel.nftables import Batch, Channel
from dockerkit.daemon.networks.firewall import Rules, skeleton
from tests.system.networks.netns import SILENCE, Namespace, lan, reaches
from tests.system.networks.walled import HOST, World, publish

pytestmark = pytest.mark.system


@pytest.fixture
def world() -> Iterator[World]:
    with lan() as made:
        built = World(made)
        yield built
        built.firewall.close()


def sends(space: Namespace, server: socket.socket, address: str, port: int, source: str = "") -> bool:
    """Whether a datagram from inside (under the address `source`) gets to `server`."""
    with space.client(socket.AF_INET, socket.SOCK_DGRAM) as client, contextlib.suppress(OSError):
        if source:
            space.run(client.bind, (source, 0))
        client.sendto(b"attack", (address, port))
        server.settimeout(SILENCE)
        return server.recv(64) == b"attack"
    return False


def without(world: World, chain: str) -> None:
    """Take a chain's rules away."""

    def flush() -> None:
        batch = Batch()
        batch.flush_chain(skeleton.main_table("feedbeef"), chain)
        with Channel() as channel:
            channel.commit(batch)

    world.host.run(flush)


def reach_for_loopback(container: Namespace, gateway: str) -> None:
    """Have a namespace send what is for 127.0.0.1 to its gateway."""
    container.ip("addr del 127.0.0.1/8 dev lo")
    for whose in ("all", "eth0"):
        container.sysctl(f"ipv4/conf/{whose}/route_localnet", "1")
    container.ip(f"route add 127.0.0.0/8 via {gateway}")


def test_cve_2020_8558_the_hosts_loopback_is_not_reached_from_a_container(world: World) -> None:
    world.apply(publish(1, 2, 8080, 80))
    assert world.host.sysctl("ipv4/conf/dkt1/route_localnet") == "1", "opened for published ports; hence the guard"
    attacker = world.containers[1, 3]
    reach_for_loopback(attacker, "172.28.1.1")
    with world.host.listen("127.0.0.1", 9000, socket.SOCK_DGRAM) as private:
        assert not sends(attacker, private, "127.0.0.1", 9000)
        without(world, "guard")
        assert sends(attacker, private, "127.0.0.1", 9000), "only the guard stops it"


def test_a_port_published_on_loopback_is_not_reached_from_the_lan(world: World) -> None:
    world.apply(publish(1, 2, 8080, 80, "127.0.0.1", "udp"))
    reach_for_loopback(world.outside, HOST)
    with world.containers[1, 2].listen("172.28.1.2", 80, socket.SOCK_DGRAM) as server:
        assert not sends(world.outside, server, "127.0.0.1", 8080)
        without(world, "guard")
        assert sends(world.outside, server, "127.0.0.1", 8080), "only the guard stops it"


@pytest.mark.parametrize("lie", ["172.28.2.3", "198.51.100.77", "10.1.2.3"])
def test_a_false_source_gets_neither_out_nor_to_the_host(world: World, lie: str) -> None:
    world.apply()
    attacker = world.containers[1, 2]
    attacker.ip(f"addr add {lie}/32 dev eth0")
    with (
        world.outside.listen("198.51.100.1", 9000, socket.SOCK_DGRAM) as outside,
        world.host.listen("172.28.1.1", 9000, socket.SOCK_DGRAM) as host,
    ):
        assert sends(attacker, outside, "198.51.100.1", 9000)
        assert sends(attacker, host, "172.28.1.1", 9000)
        assert not sends(attacker, outside, "198.51.100.1", 9000, lie)
        assert not sends(attacker, host, "172.28.1.1", 9000, lie)
        for chain in ("forward", "input"):
            without(world, chain)
        assert sends(attacker, outside, "198.51.100.1", 9000, lie)
        assert sends(attacker, host, "172.28.1.1", 9000, lie)


def test_a_neighbours_network_is_not_reached_under_an_address_of_its_own(world: World) -> None:
    world.apply()
    attacker = world.containers[1, 2]
    attacker.ip("addr add 172.28.2.99/32 dev eth0")
    with world.containers[2, 2].listen("172.28.2.2", 9000, socket.SOCK_DGRAM) as victim:
        assert not sends(attacker, victim, "172.28.2.2", 9000, "172.28.2.99")
        without(world, "forward")
        assert sends(attacker, victim, "172.28.2.2", 9000, "172.28.2.99")


@pytest.mark.parametrize("address", [HOST, "172.28.2.1", "172.28.1.1"])
@pytest.mark.parametrize(("number", "last"), [(1, 2), (3, 2), (4, 2)])
def test_an_isolated_networks_published_port_is_not_reached_by_any_address_of_the_host(
    world: World, number: int, last: int, address: str
) -> None:
    world.apply(publish(2, 2, 8080, 80))
    with world.containers[2, 2].listen("172.28.2.2", 80) as server:
        assert not reaches(world.containers[number, last], server, address, 8080)
        assert reaches(world.containers[2, 3], server, address, 8080)


def test_an_internal_network_is_not_reached_through_a_route_into_it(world: World) -> None:
    world.apply()
    with world.containers[3, 2].listen("172.28.3.2", 9000, socket.SOCK_DGRAM) as victim:
        world.outside.ip("route replace 172.28.3.0/24 via 198.51.100.2")
        assert not sends(world.outside, victim, "172.28.3.2", 9000)
        assert not sends(world.containers[1, 2], victim, "172.28.3.2", 9000)
        assert sends(world.host, victim, "172.28.3.2", 9000)


def test_nothing_is_left_of_rules_after_the_last_network(world: World) -> None:
    world.apply(publish(1, 2, 8080, 80))
    world.host.run(world.firewall.apply, Rules())
    assert world.host.run(world.firewall.text) == []
