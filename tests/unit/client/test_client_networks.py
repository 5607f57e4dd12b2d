"""Networks against a scripted engine: the right requests, what their answers mean, and what a foreign engine gets instead."""

from __future__ import annotations

from typing import Any

import pytest
from pretendengine import DOCKERS, ID, Answer, Asked, PretendEngine, ordinary

from dockerkit import errors
from dockerkit.client.client import Client
from dockerkit.client.container import Container
from dockerkit.client.network import Network

NET = "7" * 64
RECORD: dict[str, Any] = {
    "Name": "back",
    "Id": NET,
    "Created": "2026-01-01T00:00:00.000000000Z",
    "Driver": "bridge",
    "IPAM": {"Driver": "default", "Config": [{"Subnet": "172.18.0.0/16", "Gateway": "172.18.0.1"}]},
    "Containers": {ID: {"Name": "box", "EndpointID": "e", "IPv4Address": "172.18.0.2/16"}},
    "Labels": {"a": "b"},
}
TOPOLOGY: dict[str, Any] = {
    "Id": NET,
    "Name": "back",
    "Driver": "bridge",
    "Interface": "dk0",
    "Internal": False,
    "Subnets": [{"Subnet": "172.18.0.0/16", "Gateway": "172.18.0.1"}],
    "Containers": [
        {"Id": "1", "Name": "a<b", "Interface": "eth0", "HostInterface": "v1", "MacAddress": "02:42:ac:12:00:02",
         "Addresses": ["172.18.0.2/16"], "Gateways": ["172.18.0.1"],
         "Ports": [{"Port": "80/tcp", "HostIp": "127.0.0.1", "HostPort": 8080}]},
        {"Id": "2", "Name": "c", "Interface": "eth0", "HostInterface": "v2", "MacAddress": "02:42:ac:12:00:03",
         "Addresses": ["172.18.0.3/16"], "Gateways": ["172.18.0.1"], "Ports": []},
    ],
    "Reach": [
        {"From": "a<b", "To": "c", "Reaches": False, "Why": "partition"},
        {"From": "c", "To": "a<b", "Reaches": True, "Why": ""},
    ],
    "Partitions": [],
    "Rules": ["drop"],
}  # fmt: skip


@pytest.fixture
def network(engine: PretendEngine) -> Network:
    ordinary(engine)
    engine.on("GET", f"/networks/{NET}", RECORD)
    return Network(Client(engine.url, timeout=10), NET)


def last(engine: PretendEngine, path: str) -> Asked:
    return next(asked for asked in reversed(engine.asked) if asked.path == path)


def test_create_says_what_was_wished(engine: PretendEngine, to: Client) -> None:
    ordinary(engine)
    engine.on("POST", "/networks/create", Answer({"Id": NET, "Warning": ""}, 201))
    made = to.networks.create("back", subnet="10.5.0.0/24", internal=True, ipv6=True, labels={"a": "b"})
    assert made.id == NET
    asked = last(engine, "/networks/create").json
    assert (asked["Name"], asked["Driver"], asked["Internal"], asked["EnableIPv6"]) == ("back", "bridge", True, True)
    assert asked["IPAM"]["Config"] == [{"Subnet": "10.5.0.0/24"}]
    assert asked["Labels"] == {"a": "b"}


def test_a_network_nobody_named_has_a_name_of_its_own(engine: PretendEngine, to: Client) -> None:
    ordinary(engine)
    engine.on("POST", "/networks/create", Answer({"Id": NET, "Warning": ""}, 201))
    to.networks.create()
    first = last(engine, "/networks/create").json["Name"]
    to.networks.create()
    assert first != last(engine, "/networks/create").json["Name"]


def test_what_it_is(network: Network) -> None:
    assert (network.name, network.driver, network.subnets, network.gateway) == (
        "back",
        "bridge",
        ["172.18.0.0/16"],
        "172.18.0.1",
    )
    assert (network.containers, network.labels, network.internal) == ({"box": "172.18.0.2"}, {"a": "b"}, False)
    assert str(network) == "back"


def test_connect_says_names_and_address(engine: PretendEngine, network: Network) -> None:
    engine.on("POST", f"/networks/{NET}/connect", Answer(b"", 200))
    engine.on("POST", f"/networks/{NET}/disconnect", Answer(b"", 200))
    network.connect("box", aliases=["db"], ip="172.18.0.9")
    asked = last(engine, f"/networks/{NET}/connect").json
    assert asked["Container"] == "box"
    assert asked["EndpointConfig"]["Aliases"] == ["db"]
    assert asked["EndpointConfig"]["IPAMConfig"] == {"IPv4Address": "172.18.0.9"}
    network.connect("box", ip="fd00::9")
    assert last(engine, f"/networks/{NET}/connect").json["EndpointConfig"]["IPAMConfig"] == {"IPv6Address": "fd00::9"}
    network.disconnect("box", force=True)
    assert last(engine, f"/networks/{NET}/disconnect").json == {"Container": "box", "Force": True}


@pytest.mark.parametrize(
    ("disturb", "wanted"),
    [
        (lambda net: net.delay("box", "200ms"), {"Container": "box", "DelayMs": 200}),
        (lambda net: net.loss("box", 10), {"Container": "box", "LossPercent": 10.0}),
        (lambda net: net.rate("box", "1mbit"), {"Container": "box", "RateBits": 1_000_000}),
        (lambda net: net.partition({"a"}, {"c", "b"}), {"Partition": [["a"], ["b", "c"]]}),
        (lambda net: net.heal(), {"Heal": True}),
    ],
)
def test_faults(engine: PretendEngine, network: Network, disturb: Any, wanted: dict[str, Any]) -> None:
    engine.on("POST", f"/dockerkit/v1/networks/{NET}/faults", Answer(status=204))
    disturb(network)
    asked = last(engine, f"/dockerkit/v1/networks/{NET}/faults").json
    assert {key: value for key, value in asked.items() if value} == wanted


def test_a_foreign_engine_has_neither_faults_nor_topology(engine: PretendEngine) -> None:
    ordinary(engine, version=DOCKERS)
    network = Network(Client(engine.url, timeout=10), NET)
    for ask in (network.topology, network.heal):
        with pytest.raises(errors.Unsupported, match="dockerkit's own"):
            ask()


def test_topology_is_a_table_and_a_drawing(engine: PretendEngine, network: Network) -> None:
    engine.on("GET", f"/dockerkit/v1/networks/{NET}/topology", TOPOLOGY)
    seen = network.topology()
    assert (seen.name, seen.subnets, seen.containers) == ("back", ["172.18.0.0/16"], ["a<b", "c"])
    assert seen.reaches("c", "a<b")
    assert not seen.reaches("a<b", "c")
    assert seen.rows[0]["cut off from"] == "c (partition)"
    assert seen.rows[0]["ports"] == "127.0.0.1:8080 → 80/tcp"
    assert list(seen.df()["container"]) == ["a<b", "c"]
    html = seen._repr_html_()
    assert "<svg" in html
    assert "partition" in html
    assert "a<b" not in html
    assert "a&lt;b" in html
    assert "back" in repr(seen)


def test_owned_network_is_emptied_and_removed(engine: PretendEngine, network: Network) -> None:
    engine.on("POST", "/dockerkit/v1/sessions/[^/]+/networks/[^/]+", Answer(status=204))
    engine.on("DELETE", "/dockerkit/v1/sessions/[^/]+/networks/[^/]+", Answer(status=204))
    engine.on("POST", f"/networks/{NET}/disconnect", Answer(b"", 200))
    engine.on("DELETE", f"/networks/{NET}", Answer(status=204))
    with network:
        pass
    assert last(engine, f"/networks/{NET}/disconnect").json["Container"] == ID
    assert f"DELETE /networks/{NET}" in engine.requests


def test_publish_on_a_running_container(engine: PretendEngine, to: Client) -> None:
    ordinary(engine)
    engine.on("POST", f"/dockerkit/v1/containers/{ID}/ports", {"Ports": {}})
    ports = {"6379/tcp": [{"HostIp": "127.0.0.1", "HostPort": "49153"}]}
    engine.on("GET", f"/containers/{ID}/json", {"Id": ID, "Created": "", "NetworkSettings": {"Ports": ports}})
    address = Container(to, ID).publish(6379)
    assert str(address) == "127.0.0.1:49153"
    asked = last(engine, f"/dockerkit/v1/containers/{ID}/ports").json
    assert asked == {"Ports": {"6379/tcp": [{"HostIp": "127.0.0.1", "HostPort": ""}]}}


def test_several_networks_on_an_old_engine_are_connected_one_by_one(engine: PretendEngine, to: Client) -> None:
    ordinary(engine, version=DOCKERS)
    engine.on("POST", "/networks/back/connect", Answer(b"", 200))
    to.container("busybox").network("front").network("back", aliases=["b"]).create()
    created = last(engine, "/containers/create").json
    assert created["HostConfig"]["NetworkMode"] == "front"
    assert list(created["NetworkingConfig"]["EndpointsConfig"]) == ["front"]
    asked = last(engine, "/networks/back/connect").json
    assert (asked["Container"], asked["EndpointConfig"]["Aliases"]) == (ID, ["b"])


def test_its_name_is_known_when_it_has_gone(engine: PretendEngine, to: Client) -> None:
    ordinary(engine)
    engine.on("GET", "/networks/back", RECORD)
    network = to.networks.get("back")
    engine.on("GET", f"/networks/{NET}", Answer({"message": "network back not found", "class": "NotFound"}, 404))
    assert network.name == str(network) == "back"


@pytest.mark.parametrize("percent", [-1, 100.5, 300])
def test_no_more_than_everything_is_lost(network: Network, percent: float) -> None:
    with pytest.raises(errors.Invalid, match="percent"):
        network.loss("box", percent)
