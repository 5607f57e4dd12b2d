"""Networks: what a real dockerd answers to their verbs, what it tells of them, what it refuses, in which words."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.parity.engines import EngineUnderTest
from tests.parity.wire import Answer, Api


class Nets:
    """Networks of one test."""

    def __init__(self, engine: EngineUnderTest) -> None:
        self.engine = engine
        self.api: Api = engine.api
        self._made: list[str] = []

    def ask(self, name: str, **wish: Any) -> Answer:
        """POST a create request; remember what it made."""
        answer = self.api.post("/networks/create", {"Name": name, "CheckDuplicate": True, **wish})
        if answer.status == 201:
            self._made.append(answer.json["Id"])
        return answer

    def make(self, name: str, **wish: Any) -> str:
        """Make a network; return its id."""
        answer = self.ask(name, **wish)
        assert answer.status == 201, answer
        assert answer.json["Warning"] == ""
        return str(answer.json["Id"])

    def inspect(self, ref: str) -> dict[str, Any]:
        """Return the inspect document."""
        answer = self.api.get(f"/networks/{ref}")
        assert answer.status == 200, answer
        return dict(answer.json)

    def names(self, **filters: list[str]) -> set[str]:
        """Return the names a filtered list shows."""
        answer = self.api.get("/networks", filters=filters)
        assert answer.status == 200, answer
        return {row["Name"] for row in answer.json}

    def clear(self) -> None:
        """Remove what was made."""
        for id in self._made:
            self.api.delete(f"/networks/{id}")


@pytest.fixture
def nets(engine: EngineUnderTest, box: Any) -> Iterator[Nets]:
    """Networks; gone after the test, as are the containers of ``box`` before them."""
    nets = Nets(engine)
    yield nets
    box.empty()
    nets.clear()


KEYS = (
    "Name Id Created Scope Driver EnableIPv6 IPAM Internal Attachable Ingress ConfigFrom ConfigOnly Containers Options Labels"
)


def test_inspect_has_docker_s_shape(nets: Nets) -> None:
    nets.make("dkp-a", Labels={"x": "y"}, Attachable=True)
    found = nets.inspect("dkp-a")
    assert set(KEYS.split()) <= set(found)
    assert (found["Scope"], found["Driver"], found["Labels"], found["Attachable"]) == ("local", "bridge", {"x": "y"}, True)
    assert (found["Containers"], found["Options"], found["ConfigFrom"]) == ({}, {}, {"Network": ""})
    (pool,) = found["IPAM"]["Config"]
    assert pool["Gateway"] == pool["Subnet"].rpartition(".")[0] + ".1"
    assert (found["IPAM"]["Driver"], found["IPAM"]["Options"]) == ("default", None)


def test_what_was_asked_of_addresses_is_shown(nets: Nets) -> None:
    pool = {
        "Subnet": "10.199.0.0/24", "Gateway": "10.199.0.7", "IPRange": "10.199.0.128/25",
        "AuxiliaryAddresses": {"r": "10.199.0.129"},
    }  # fmt: skip
    nets.make("dkp-a", IPAM={"Config": [pool]}, Options={"com.docker.network.driver.mtu": "1400"}, Internal=True)
    found = nets.inspect("dkp-a")
    assert found["IPAM"]["Config"] == [pool]
    assert (found["Options"], found["Internal"]) == ({"com.docker.network.driver.mtu": "1400"}, True)


def test_ipv6_is_a_second_subnet(nets: Nets) -> None:
    nets.make("dkp-a", EnableIPv6=True, IPAM={"Config": [{"Subnet": "fd00:5::/64"}]})
    found = nets.inspect("dkp-a")
    assert found["EnableIPv6"] is True
    assert found["IPAM"]["Config"][1]["Subnet"] == "fd00:5::/64"


def test_the_predefined_ones_are_there_and_stay(nets: Nets) -> None:
    assert {"bridge", "host", "none"} <= nets.names()
    assert nets.names(type=["builtin"]) == {"bridge", "host", "none"}
    assert nets.inspect("none")["Driver"] == "null"
    options = nets.inspect("bridge")["Options"]
    assert options["com.docker.network.bridge.default_bridge"] == "true"
    for name in ("bridge", "host", "none"):
        answer = nets.api.delete(f"/networks/{name}")
        assert (answer.status, answer.message) == (403, f"{name} is a pre-defined network and cannot be removed")
    for name in ("bridge", "host", "none", "default"):
        answer = nets.ask(name)
        assert answer.status == 403
        assert f"operation is not permitted on predefined {name} network" in answer.message


REFUSED = (
    ({"Driver": "host"}, 403, 'only one instance of "host" network is allowed'),
    ({"Driver": "null"}, 403, 'only one instance of "null" network is allowed'),
    ({"Ingress": True}, 403, "Ingress network can only be global scope network"),
    ({"Scope": "swarm"}, 403, "cannot create a swarm scoped network when swarm is not active"),
)


@pytest.mark.parametrize(("wish", "status", "words"), REFUSED, ids=[words for _, _, words in REFUSED])
def test_refusals(nets: Nets, wish: dict[str, Any], status: int, words: str) -> None:
    answer = nets.ask("dkp-a", **wish)
    assert answer.status == status
    assert words in answer.message


@pytest.mark.parametrize(
    "config",
    [{"Subnet": "bad"}, {"Subnet": "10.198.0.0/24", "Gateway": "10.197.0.1"}, {"Gateway": "10.198.0.1"}],
    ids=["no subnet at all", "gateway elsewhere", "gateway alone"],
)
def test_malformed_addresses_make_nothing(nets: Nets, config: dict[str, str]) -> None:
    answer = nets.ask("dkp-a", IPAM={"Config": [config]})
    assert answer.status == (400 if nets.engine.ours else 500)
    assert "dkp-a" not in nets.names()


def test_subnets_do_not_overlap(nets: Nets) -> None:
    nets.make("dkp-a", IPAM={"Config": [{"Subnet": "10.198.0.0/24"}]})
    answer = nets.ask("dkp-b", IPAM={"Config": [{"Subnet": "10.198.0.0/25"}]})
    assert answer.status == 403
    assert "Pool overlaps with other one on this address space" in answer.message
    nets.make("dkp-c")
    nets.make("dkp-d")
    subnets = [nets.inspect(name)["IPAM"]["Config"][0]["Subnet"] for name in ("bridge", "dkp-c", "dkp-d")]
    assert len(set(subnets)) == 3


def test_names_are_unique_ids_are_found_by_their_beginning(nets: Nets) -> None:
    id = nets.make("dkp-a")
    answer = nets.ask("dkp-a")
    assert (answer.status, answer.message) == (409, "network with name dkp-a already exists")
    assert nets.inspect(id[:12])["Id"] == id
    for method in ("GET", "DELETE"):
        answer = nets.api.request(method, "/networks/nosuch")
        assert (answer.status, answer.message) == (404, "network nosuch not found")
    assert nets.api.get("/networks/bridge", scope="swarm").status == 404


def test_filters(nets: Nets) -> None:
    id = nets.make("dkp-a", Labels={"a": "b"})
    for fits in ({"name": ["dkp"]}, {"id": [id[:10]]}, {"label": ["a"]}, {"label": ["a=b"]}, {"driver": ["bridge"]}):
        assert "dkp-a" in nets.names(**fits), fits
    for fits in ({"type": ["custom"]}, {"scope": ["local"]}, {"dangling": ["true"]}, {"name": ["^dkp-a$"]}):
        assert "dkp-a" in nets.names(**fits), fits
    for does_not in ({"label": ["a=c"]}, {"scope": ["swarm"]}, {"driver": ["host"]}, {"dangling": ["false"]}, {"name": ["zz"]}):
        assert "dkp-a" not in nets.names(**does_not), does_not
    assert "bridge" not in nets.names(dangling=["true"])
    answer = nets.api.get("/networks", filters={"nosuch": ["x"]})
    assert (answer.status, answer.message.lower()) == (400, "invalid filter 'nosuch'")
    assert nets.api.get("/networks", filters={"dangling": ["x"]}).status == 400


def test_a_network_in_use_stays(nets: Nets, box: Any) -> None:
    id = nets.make("dkp-a")
    container = box.up("sleep", "1000", host={"NetworkMode": "dkp-a"})
    answer = nets.api.delete("/networks/dkp-a")
    assert answer.status == 403
    assert answer.message == f"error while removing network: network dkp-a id {id} has active endpoints"
    assert "dkp-a" not in (nets.api.post("/networks/prune").json["NetworksDeleted"] or [])
    (shown,) = nets.inspect("dkp-a")["Containers"].items()
    place = box.inspect(container)["NetworkSettings"]["Networks"]["dkp-a"]
    assert shown[0] == container
    assert shown[1]["EndpointID"] == place["EndpointID"]
    assert shown[1]["IPv4Address"] == f"{place['IPAddress']}/{place['IPPrefixLen']}"
    assert shown[1]["MacAddress"] == place["MacAddress"]
    box.did(container, "stop", t=0)
    assert nets.api.delete("/networks/dkp-a").status == 204


def test_prune_takes_what_nobody_is_on(nets: Nets) -> None:
    nets.make("dkp-a", Labels={"dkp": "1"})
    nets.make("dkp-b")
    assert nets.api.post("/networks/prune", filters={"label": ["dkp=1"]}).json == {"NetworksDeleted": ["dkp-a"]}
    assert nets.api.post("/networks/prune", filters={"until": ["1h"]}).json == {"NetworksDeleted": None}
    assert nets.api.post("/networks/prune", filters={"x": ["y"]}).status == 400
    assert nets.names(name=["dkp-b"]) == {"dkp-b"}


def test_connect_and_disconnect_of_a_running_container(nets: Nets, box: Any) -> None:
    nets.make("dkp-a")
    nets.make("dkp-b")
    id = box.up("sleep", "1000", host={"NetworkMode": "dkp-a"}, name="dkp-c")
    body = {"Container": id, "EndpointConfig": {"Aliases": ["z"]}}
    assert nets.api.post("/networks/dkp-b/connect", body).status == 200
    places = box.inspect(id)["NetworkSettings"]["Networks"]
    assert set(places) == {"dkp-a", "dkp-b"}
    assert "z" in places["dkp-b"]["Aliases"]
    assert places["dkp-b"]["IPAddress"]
    again = nets.api.post("/networks/dkp-b/connect", body)
    assert (again.status, again.message) == (403, "endpoint with name dkp-c already exists in network dkp-b")
    assert nets.api.post("/networks/dkp-a/disconnect", {"Container": id}).status == 200
    assert set(box.inspect(id)["NetworkSettings"]["Networks"]) == {"dkp-b"}
    assert box.inspect(id)["HostConfig"]["NetworkMode"] == "dkp-a"
    again = nets.api.post("/networks/dkp-a/disconnect", {"Container": id})
    assert (again.status, again.message) == (500, f"container {id} is not connected to network dkp-a")


def test_connect_before_the_start_and_after_the_end(nets: Nets, box: Any) -> None:
    nets.make("dkp-a")
    id = box.create("sleep", "1000", host={"NetworkMode": "bridge"})
    assert nets.api.post("/networks/dkp-a/connect", {"Container": id}).status == 200
    assert set(box.inspect(id)["NetworkSettings"]["Networks"]) == {"bridge", "dkp-a"}
    assert box.inspect(id)["NetworkSettings"]["Networks"]["dkp-a"]["IPAddress"] == ""
    box.start(id)
    assert box.inspect(id)["NetworkSettings"]["Networks"]["dkp-a"]["IPAddress"]
    box.did(id, "stop", t=0)
    assert nets.api.post("/networks/dkp-a/disconnect", {"Container": id}).status == 200
    assert set(box.inspect(id)["NetworkSettings"]["Networks"]) == {"bridge"}


def test_what_does_not_go_together(nets: Nets, box: Any) -> None:
    nets.make("dkp-a")
    alone = box.up("sleep", "1000", host={"NetworkMode": "none"})
    host = box.up("sleep", "1000", host={"NetworkMode": "host"})
    shared = box.up("sleep", "1000", host={"NetworkMode": f"container:{alone}"})
    sharing = "container sharing network namespace with another container or host cannot be connected to any other network"
    cases = (
        (alone, "dkp-a", "container cannot be connected to multiple networks with one of the networks in private (none) mode"),
        (host, "dkp-a", sharing),
        (shared, "dkp-a", sharing),
        (alone, "host", "container cannot be disconnected from host network or connected to host network"),
    )  # fmt: skip
    for container, network, words in cases:
        answer = nets.api.post(f"/networks/{network}/connect", {"Container": container})
        assert (answer.status, answer.message) == (400, words)
    assert nets.api.post("/networks/host/disconnect", {"Container": host}).status == 400
    assert nets.api.post("/networks/dkp-a/connect", {"Container": "nosuch"}).status == 404
    assert nets.api.post("/networks/nosuch/connect", {"Container": alone}).status == 404
    answer = nets.api.post("/networks/bridge/connect", {"Container": box.up("sleep", "9", host={"NetworkMode": "dkp-a"}),
                                                        "EndpointConfig": {"Aliases": ["z"]}})  # fmt: skip
    assert answer.status == 400
    assert "network-scoped alias is supported only for containers in user defined networks" in answer.message


def test_events(nets: Nets, box: Any) -> None:
    since = int(time.time()) - 1
    id = nets.make("dkp-a")
    container = box.up("sleep", "1000", host={"NetworkMode": "dkp-a"})
    box.did(container, "stop", t=0)
    assert nets.api.delete("/networks/dkp-a").status == 204
    wanted = {"type": ["network"], "network": [id]}
    answer = nets.api.get("/events", since=since, until=f"{time.time():.9f}", filters=wanted)
    told = [json.loads(line) for line in answer.body.splitlines()]
    assert [event["Action"] for event in told] == ["create", "connect", "disconnect", "destroy"]
    assert {event["Actor"]["ID"] for event in told} == {id}
    assert told[1]["Actor"]["Attributes"] == {"container": container, "name": "dkp-a", "type": "bridge"}
    assert told[0]["Actor"]["Attributes"] == {"name": "dkp-a", "type": "bridge"}
