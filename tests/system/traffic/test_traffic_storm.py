"""Two hundred containers connect and disconnect side by side over twenty networks: what is left is what was asked for.

The kernel's own view decides: links and their masters, rules, routes, descriptors, network namespaces.
"""

from __future__ import annotations

import collections
import os
import random
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pytest

import dockerkit
from dockerkit.client.client import Client
from dockerkit.client.container import Container
from dockerkit.client.network import Network
from dockerkit.daemon.kernel import nftables
from dockerkit.daemon.kernel.netlink import Channel, interfaces, routing
from tests.livedaemon import LiveDaemon
from tests.system.traffic.talking import eventually, within

pytestmark = [pytest.mark.system, pytest.mark.timeout(300)]
CONTAINERS, NETWORKS, AT_ONCE = 200, 20, 16


@dataclass(frozen=True)
class View:
    """What the kernel says of one network namespace."""

    links: dict[str, interfaces.Interface]
    routes: frozenset[str]
    rules: tuple[str, ...]

    @property
    def shape(self) -> tuple[frozenset[str], frozenset[str], tuple[str, ...]]:
        """What must be the same before and after."""
        return frozenset(self.links), self.routes, self.rules


def view() -> View:
    """Return the view from where the calling thread is."""
    channel = Channel()
    try:
        links = [interfaces.read(answer) for answer in channel.dump(interfaces.every())]
        routes = [routing.read_route(answer) for answer in channel.dump(routing.every_route())]
    finally:
        channel.close()
    with nftables.Channel() as rules:
        tables = tuple(sorted(f"{table.family} {table.name}" for table in nftables.tables(rules)))
    known = frozenset(str(route.destination) for route in routes if route)
    return View({link.name: link for link in links}, known, tables)


def descriptors(daemon: LiveDaemon) -> int:
    return len(os.listdir(f"/proc/{daemon.process.pid}/fd"))


def namespaces_held(daemon: LiveDaemon) -> int:
    """Return how many network namespaces the daemon itself holds open."""
    folder, found = f"/proc/{daemon.process.pid}/fd", set()
    for name in os.listdir(folder):
        try:
            target = os.readlink(f"{folder}/{name}")
        except FileNotFoundError:  # closed this moment
            continue
        if target.startswith("net:"):
            found.add(target)
    return len(found)


@pytest.fixture(scope="module")
def own(daemon_factory: Callable[..., LiveDaemon]) -> LiveDaemon:
    """A daemon of the storm's own."""
    daemon = daemon_factory()
    daemon.bootstrap("busybox")
    return daemon


@pytest.fixture
def empty(own: LiveDaemon) -> Iterator[LiveDaemon]:
    """That daemon, with everything it keeps open while nothing runs already open; the test leaves it empty."""
    with dockerkit.connect(own.url) as client, client.networks.create("first") as net:
        client.container("busybox", "true").network(net).run()
    eventually(lambda: set(own.inside(view).links), {"lo"})  # the kernel takes a namespace's links along when it has time
    yield own
    with dockerkit.connect(own.url) as client:
        for box in client.containers.list(all=True):
            box.remove(force=True)
        client.networks.prune()


def test_two_hundred_containers_on_twenty_networks(empty: LiveDaemon) -> None:
    before, open_before, held_before = empty.inside(view), descriptors(empty), namespaces_held(empty)
    with dockerkit.connect(empty.url, timeout=300) as client, ThreadPoolExecutor(AT_ONCE) as pool:
        nets = [client.networks.create(f"n{number}") for number in range(NETWORKS)]
        boxes = list(pool.map(lambda number: _storm(client, nets, number), range(CONTAINERS)))
        _check(client, empty, nets, boxes)
        list(pool.map(lambda box: box.remove(force=True), boxes))
        list(pool.map(lambda net: net.remove(), nets))
    eventually(lambda: empty.inside(view).shape, before.shape)
    eventually(lambda: descriptors(empty) <= open_before + 2, True)
    assert namespaces_held(empty) <= held_before + 2, "no more than the warm ones"


def _storm(client: Client, nets: list[Network], number: int) -> Container:
    """Start on one network, roam, and end on the two that :func:`_wanted` tells."""
    first, second = _wanted(number)
    away = nets[(number + 3) % NETWORKS]
    box = client.container("busybox", "sleep", "1000", name=f"box{number}").network(away).start()
    nets[first].connect(box, aliases=[f"alias{number}"])
    away.disconnect(box)
    nets[second].connect(box)
    for net in random.sample([nets[(number + 5) % NETWORKS], nets[(number + 9) % NETWORKS]], 2):
        net.connect(box)
        net.disconnect(box)
    return box


def _wanted(number: int) -> tuple[int, int]:
    return number % NETWORKS, (number + 1) % NETWORKS


def _check(client: Client, own: LiveDaemon, nets: list[Network], boxes: list[Container]) -> None:
    seen = own.inside(view)
    bridges = {link.alias.split()[-1]: link.index for link in seen.links.values() if link.kind == "bridge"}
    ports = collections.Counter(link.master for link in seen.links.values() if link.master)
    documents = [box.inspect() for box in boxes]
    for number, document in enumerate(documents):
        assert set(document["NetworkSettings"]["Networks"]) == {f"n{index}" for index in _wanted(number)}
    for net in nets:
        members = net.inspect()["Containers"]
        addresses = {member["IPv4Address"] for member in members.values()}
        assert len(members) == len(addresses) == 2 * CONTAINERS // NETWORKS
        assert ports[bridges[net.id]] == len(members)
    assert sum(ports.values()) == 2 * CONTAINERS
    for number in random.sample(range(CONTAINERS), 10):
        _check_inside(client, boxes[number])


def _check_inside(client: Client, box: Container) -> None:
    """Two interfaces, those that inspect tells of, one way out, and both networks' neighbours by name."""
    inside, networks = within(box, view), box.inspect()["NetworkSettings"]["Networks"]
    assert {place["MacAddress"] for place in networks.values()} == {
        link.mac for link in inside.links.values() if link.kind == "veth"
    }
    assert [route.partition("/")[2] for route in inside.routes].count("0") == 1, inside.routes
    assert len(inside.routes) == 1 + len(networks)
    for name in networks:
        neighbour = client.containers.get(random.choice(list(client.networks[name].containers)))
        answer = box.exec("nslookup", "-type=a", neighbour.name).stdout
        places = neighbour.inspect()["NetworkSettings"]["Networks"].values()
        assert any(place["IPAddress"] in answer for place in places)
