"""Rules and proxy together, as the engine uses them: who is not led by a rule is carried, and nobody is refused in between."""

from __future__ import annotations

import socket
import tempfile
from collections.abc import Iterator

import pytest

from dockerkit.daemon.networks.ports import Ports, Wanted
from tests.system.networks.netns import hears, lan, reaches
from tests.system.networks.walled import HOST, HOST6, World, endpoint, network

pytestmark = pytest.mark.system


@pytest.fixture
def world() -> Iterator[World]:
    with lan() as made:
        built = World(made)
        yield built
        built.firewall.close()


@pytest.fixture
def ports() -> Iterator[Ports]:
    with tempfile.TemporaryDirectory(prefix="dkt-ports-") as directory:
        made = Ports(directory, "feedbeef")
        yield made
        made.close(stop=True)


def publish(world: World, ports: Ports, wanted: Wanted, *, rules: bool = True) -> int:
    """Publish a port of container 2 on network 1, which speaks IPv4 only."""
    reserved = world.host.run(ports.reserve, [wanted])
    world.host.run(ports.serve, "c" * 64, reserved, ["172.28.1.2"])
    here = endpoint(1, 2)
    here = type(here)(here.id, here.network, here.container, "eth0", "", here.addresses[:1], (), here.host_interface)
    if rules:
        world.apply(*((here, network(1), one.published) for one in reserved))
    return reserved[0].published.host_port


def test_every_way_to_a_port_of_both_families_leads_there(world: World, ports: Ports) -> None:
    port = publish(world, ports, Wanted("tcp", 80))
    ways = {
        "outside": (world.outside, HOST),
        "outside, IPv6": (world.outside, HOST6),
        "host": (world.host, HOST),
        "loopback": (world.host, "127.0.0.1"),
        "loopback, IPv6": (world.host, "::1"),
        "neighbour": (world.containers[1, 3], HOST),
        "neighbour, IPv6": (world.containers[1, 3], HOST6),
        "itself": (world.containers[1, 2], HOST),
        "itself by the gateway": (world.containers[1, 2], "172.28.1.1"),
    }
    with world.containers[1, 2].listen("172.28.1.2", 80) as server:
        lost = [way for way, (space, address) in ways.items() if not reaches(space, server, address, port)]
    assert not lost


def test_every_way_of_datagrams(world: World, ports: Ports) -> None:
    port = publish(world, ports, Wanted("udp", 53))
    ways = [
        (world.outside, HOST),
        (world.outside, HOST6),
        (world.host, "127.0.0.1"),
        (world.host, "::1"),
        (world.containers[1, 2], HOST),
    ]
    with world.containers[1, 2].listen("172.28.1.2", 53, socket.SOCK_DGRAM) as server:
        lost = [address for space, address in ways if not hears(space, server, address, port)]
    assert not lost


def test_without_rules_the_proxy_carries_everything(world: World, ports: Ports) -> None:
    port = publish(world, ports, Wanted("tcp", 80), rules=False)
    with world.containers[1, 2].listen("172.28.1.2", 80) as server:
        for space, address in ((world.outside, HOST), (world.outside, HOST6), (world.host, "127.0.0.1"), (world.host, "::1")):
            assert reaches(space, server, address, port) == "172.28.1.1", address


@pytest.mark.parametrize(("number", "address"), [(2, HOST), (2, HOST6), (2, "172.28.1.1"), (3, "172.28.3.1"), (3, HOST6)])
def test_another_network_does_not_reach_a_port_by_the_proxy_either(
    world: World, ports: Ports, number: int, address: str
) -> None:
    """The proxy would carry for anybody whom no rule leads: so whoever is of another network is stopped before it."""
    port = publish(world, ports, Wanted("tcp", 80))
    with world.containers[1, 2].listen("172.28.1.2", 80) as server:
        assert not reaches(world.containers[number, 2], server, address, port)
