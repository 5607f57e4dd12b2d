"""What docker-py's own suite and the docker CLI look for and nobody else does; on a real dockerd and on ours."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.parity.engines import Box, EngineUnderTest
from tests.parity.execution import Execution

NO_MANAGER = 'This node is not a swarm manager. Use "docker swarm init" or "docker swarm join" to connect this node to swarm'
BRIDGE = {"NetworkMode": "bridge"}


def test_who_kills_sees_it_dead(box: Box) -> None:
    for signal in ("KILL", "SIGKILL", "9", ""):
        id = box.up("sleep", "1000")
        answer = box.api.post(f"/containers/{id}/kill", **({"signal": signal} if signal else {}))
        assert answer.status == 204, answer
        state = box.inspect(id)["State"]
        assert (state["Status"], state["ExitCode"]) == ("exited", 137)
        assert box.api.delete(f"/containers/{id}").status == 204


def test_who_kills_a_paused_one_sees_it_dead(box: Box) -> None:
    id = box.up("sleep", "1000")
    box.did(id, "pause")
    assert box.api.post(f"/containers/{id}/kill").status == 204
    assert box.inspect(id)["State"]["Status"] == "exited"


def test_another_signal_is_not_waited_for(box: Box) -> None:
    id = box.ready("trap 'exit 3' USR1; echo ready; while :; do sleep 0.01; done")
    assert box.api.post(f"/containers/{id}/kill", signal="WINCH").status == 204
    assert box.inspect(id)["State"]["Running"]
    assert box.api.post(f"/containers/{id}/kill", signal="USR1").status == 204
    assert box.wait(id) == 3


def test_plugins_there_are_not(box: Box) -> None:
    network, none = {"Name": "dkp-plug"}, 'plugin "nosuch" not found'
    cases = (
        (
            "/containers/create",
            {"Image": "busybox", "HostConfig": {"LogConfig": {"Type": "nosuch"}}},
            400,
            "logging plugin nosuch",
        ),
        ("/volumes/create", {"Name": "plug", "Driver": "nosuch"}, 404, "volume plugin nosuch"),
        ("/networks/create", {**network, "Driver": "nosuch"}, 404, ""),
        ("/networks/create", {**network, "IPAM": {"Driver": "nosuch"}}, 404, ""),
    )
    with ThreadPoolExecutor() as together:  # dockerd looks for each during a quarter of a minute
        answers = list(together.map(lambda case: box.api.post(case[0], case[1]), cases))
    for answer, (_, _, status, of) in zip(answers, cases, strict=True):
        before = {"volume plugin nosuch": "create plug: "}.get(of, "")
        assert (answer.status, answer.message) == (status, f"{before}error looking up {of}: {none}" if of else none)


def test_a_runtime_there_is_not(box: Box) -> None:
    answer = box.ask(["true"], host={"Runtime": "nosuch"})
    words = "unknown or invalid runtime name: nosuch" if box.engine.ours else "Unknown runtime specified nosuch"
    assert (answer.status, answer.message) == (400, words)


def test_a_link_is_taken_away(box: Box) -> None:
    box.up("sleep", "1000", name="dkp-other", host=BRIDGE)
    id = box.up("sleep", "1000", name="dkp-linked", host={**BRIDGE, "Links": ["dkp-other:db", "dkp-other:kept"]})
    assert "db" in _hosts(box, id)
    for path in ("dkp-linked/nosuch", "dkp-nosuch/db"):
        answer = box.api.delete(f"/containers/{path}", link=1)
        assert (answer.status, answer.message) == (404, f"No such container: {path}")
    answer = box.api.delete("/containers/dkp-linked", link=1)
    assert answer.message == "Conflict, cannot remove the default link name of the container"
    assert box.api.delete("/containers/dkp-linked/db", link=1).status == 204
    assert "db" not in _hosts(box, id)
    assert "kept" in _hosts(box, id)
    assert box.inspect(id)["HostConfig"]["Links"] == ["/dkp-other:/dkp-linked/kept"]
    assert box.inspect("dkp-other")["State"]["Running"]
    assert box.api.delete("/containers/dkp-linked/db", link=1).status == 404


def test_a_link_to_another_network(box: Box) -> None:
    box.up("sleep", "1000", name="dkp-apart")
    id = box.create("true", host={**BRIDGE, "Links": ["dkp-apart:db"]})
    answer = box.api.post(f"/containers/{id}/start")
    assert answer.status >= 400
    assert answer.message.lower().endswith("cannot link to /dkp-apart, as it does not belong to the default network")


@pytest.mark.parametrize("path", ["swarm", "nodes", "nodes/x", "services", "tasks", "secrets", "configs", "swarm/unlockkey"])
def test_no_swarm(engine: EngineUnderTest, path: str) -> None:
    answer = engine.api.get(f"/{path}")
    assert answer.status == 503
    assert answer.message.startswith(NO_MANAGER)


def test_no_swarm_to_leave(engine: EngineUnderTest) -> None:
    answer = engine.api.post("/swarm/leave", force=1)
    assert (answer.status, answer.message) == (503, "This node is not part of a swarm")
    assert engine.api.delete("/services/x").status == 503


def test_no_plugins(engine: EngineUnderTest) -> None:
    assert engine.api.get("/plugins").json == []
    answer = engine.api.get("/plugins/nosuch/json")
    assert (answer.status, answer.message) == (404, 'plugin "nosuch" not found')


def _hosts(box: Box, id: str) -> set[str]:
    """The names in a container's ``hosts``."""
    return set(Execution(box, id, "cat", "/etc/hosts", Tty=True).output().decode().split())


def test_an_address_of_a_family_that_is_off(engine: EngineUnderTest, box: Box) -> None:
    body = {"Name": "dkp-six", "IPAM": {"Config": [{"Subnet": "2001:db8:389::/64"}]}}
    assert engine.api.post("/networks/create", body).status == 201
    try:
        shown = engine.api.get("/networks/dkp-six").json
        assert not shown["EnableIPv6"]
        assert "2001:db8:389::/64" in [config["Subnet"] for config in shown["IPAM"]["Config"]]
        wish = {"dkp-six": {"IPAMConfig": {"IPv6Address": "2001:db8:389::f00d"}}}
        id = box.up("sleep", "1000", host={"NetworkMode": "dkp-six"}, NetworkingConfig={"EndpointsConfig": wish})
        place = box.inspect(id)["NetworkSettings"]["Networks"]["dkp-six"]
        assert (place["IPAMConfig"], place["GlobalIPv6Address"]) == ({"IPv6Address": "2001:db8:389::f00d"}, "")
    finally:
        box.empty()
        assert engine.api.delete("/networks/dkp-six").status == 204
