"""Networks of a live daemon, by its API and by traffic, in a network namespace of its own."""

from __future__ import annotations

import http.client
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.leftovers import left_behind
from tests.livedaemon import LiveDaemon

pytestmark = pytest.mark.system
PATIENCE = 10.0
"""Seconds in which a server that is between two clients is there again."""
SERVER = "while true; do echo -n hello | nc -l -p 80; done"


class House:
    """One daemon, and what a test made on it."""

    def __init__(self, daemon: LiveDaemon) -> None:
        self.daemon = daemon
        self.made: list[str] = []

    def ask(self, method: str, path: str, body: Any = None, status: int | None = None) -> Any:
        """Send a request; insist on a status, by default on any that means yes."""
        code, answer = self.daemon.request(method, path, body)
        assert code == status if status else code < 300, (method, path, code, answer)
        return answer

    def network(self, name: str, **wish: Any) -> str:
        """Make a network."""
        return str(self.ask("POST", "/networks/create", {"Name": name, **wish})["Id"])

    def run(self, *command: str, start: bool = True, config: Any = None, **host: Any) -> str:
        """Make a container of busybox, and start it."""
        body = {"Image": "busybox", "Cmd": list(command or ("sleep", "1000")), "HostConfig": host, **(config or {})}
        id = str(self.ask("POST", "/containers/create", body)["Id"])
        self.made.append(id)
        if start:
            self.ask("POST", f"/containers/{id}/start")
        return id

    def server(self, **host: Any) -> str:
        """Run a server that greets on port 80."""
        return self.run("sh", "-c", SERVER, **host)

    def inspect(self, id: str) -> Any:
        """Return a container's networks."""
        return self.ask("GET", f"/containers/{id}/json")["NetworkSettings"]

    def sh(self, id: str, script: str) -> str:
        """Run a script in a container; return what it printed."""
        pid = self.ask("GET", f"/containers/{id}/json")["State"]["Pid"]
        done = subprocess.run(
            ["nsenter", "-t", str(pid), "-n", "-m", "sh", "-c", script], capture_output=True, text=True, timeout=20, check=False
        )
        return done.stdout + done.stderr

    def exec(self, id: str, *command: str) -> str:
        """Run a program of the container's own; return what it printed."""
        made = self.ask("POST", f"/containers/{id}/exec", {"Cmd": list(command), "AttachStdout": True, "AttachStderr": True})
        return str(self.ask("POST", f"/exec/{made['Id']}/start", {"Detach": False, "Tty": False}))

    def greeted(self, port: int, host: str = "127.0.0.1") -> bool:
        """Tell whether somebody greets at a port of the daemon's host."""
        return self.daemon.inside(lambda: _greeting(host, port)) == b"hello"

    def port(self, id: str, port: str = "80/tcp") -> int:
        """Return the host's port of a container's port."""
        return int(self.inspect(id)["Ports"][port][0]["HostPort"])

    def clear(self) -> None:
        """Remove everything."""
        for id in self.made:
            self.daemon.request("DELETE", f"/containers/{id}?force=1")
        self.made.clear()
        self.daemon.request("POST", "/networks/prune")


def _greeting(host: str, port: int) -> bytes:
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        try:
            with socket.create_connection((host, port), timeout=5) as made:
                if got := made.recv(100):
                    return got
        except ConnectionError:  # the server is between two clients
            continue
    return b""


@pytest.fixture(scope="module")
def own_daemon(daemon_factory: Callable[..., LiveDaemon]) -> LiveDaemon:
    """A daemon that may be crashed."""
    daemon = daemon_factory()
    daemon.bootstrap("busybox")
    return daemon


@pytest.fixture
def house(own_daemon: LiveDaemon) -> Iterator[House]:
    """The daemon; the test leaves it empty."""
    house = House(own_daemon)
    yield house
    house.clear()


def test_a_port_is_there_when_start_returns_over_both_families(house: House) -> None:
    id = house.server(PortBindings={"80/tcp": [{"HostPort": ""}]})
    port = house.port(id)
    assert house.greeted(port)
    assert house.greeted(port, "::1")
    assert house.greeted(port, "172.17.0.1")
    assert {p["HostIp"] for p in house.inspect(id)["Ports"]["80/tcp"]} == {"0.0.0.0", "::"}


def test_a_port_is_published_while_the_container_runs(house: House) -> None:
    id = house.server()
    ports = house.ask("POST", f"/dockerkit/v1/containers/{id}/ports", {"Ports": {"80/tcp": [{"HostIp": "127.0.0.1"}]}})["Ports"]
    assert house.inspect(id)["Ports"] == ports
    assert house.greeted(int(ports["80/tcp"][0]["HostPort"]))


def test_a_port_that_is_taken_is_said_and_leaves_nothing(house: House) -> None:
    first = house.server(PortBindings={"80/tcp": [{"HostPort": ""}]})
    taken = str(house.port(first))
    second = house.run(start=False, PortBindings={"80/tcp": [{"HostPort": taken}]})
    answer = house.ask("POST", f"/containers/{second}/start", status=409)
    assert f"Bind for 0.0.0.0:{taken} failed: port is already allocated" in answer["message"]
    assert second not in house.ask("GET", "/networks/bridge")["Containers"]
    assert house.greeted(int(taken))


def test_a_port_is_free_again_when_its_container_ended(house: House) -> None:
    first = house.server(PortBindings={"80/tcp": [{"HostPort": ""}]})
    port = house.port(first)
    house.ask("DELETE", f"/containers/{first}?force=1")
    second = house.server(PortBindings={"80/tcp": [{"HostPort": str(port)}]})
    assert house.port(second) == port
    assert house.greeted(port)


def test_containers_of_one_network_reach_each_other_and_not_those_of_another(house: House) -> None:
    house.network("one")
    house.network("two")
    server, near, far = house.server(NetworkMode="one"), house.run(NetworkMode="one"), house.run(NetworkMode="two")
    address = house.inspect(server)["Networks"]["one"]["IPAddress"]
    assert "hello" in house.sh(near, f"nc -w 3 {address} 80 </dev/null")
    assert "hello" not in house.sh(far, f"nc -w 1 {address} 80 </dev/null")
    house.ask("POST", "/networks/one/connect", {"Container": far})
    assert "hello" in house.sh(far, f"nc -w 3 {address} 80 </dev/null")
    house.ask("POST", "/networks/one/disconnect", {"Container": far})
    assert "hello" not in house.sh(far, f"nc -w 1 {address} 80 </dev/null")


def test_a_partition_parts_and_heals(house: House) -> None:
    house.network("one")
    server, other = house.server(NetworkMode="one"), house.run(NetworkMode="one")
    address = house.inspect(server)["Networks"]["one"]["IPAddress"]
    house.ask("POST", "/dockerkit/v1/networks/one/faults", {"Partition": [[server], [other]]})
    assert "hello" not in house.sh(other, f"nc -w 1 {address} 80 </dev/null")
    seen = house.ask("GET", "/dockerkit/v1/networks/one/topology")
    assert [pair["Why"] for pair in seen["Reach"]] == ["partition", "partition"]
    house.ask("POST", "/dockerkit/v1/networks/one/faults", {"Heal": True})
    assert "hello" in house.sh(other, f"nc -w 3 {address} 80 </dev/null")


def test_a_published_port_follows_the_default_route(house: House) -> None:
    house.network("aaa")
    house.network("zzz")
    id = house.server(NetworkMode="zzz", PortBindings={"80/tcp": [{"HostPort": ""}]})
    port = house.port(id)
    house.ask("POST", "/networks/aaa/connect", {"Container": id})
    assert house.port(id) == port
    assert house.greeted(port)
    house.ask("POST", "/networks/zzz/disconnect", {"Container": id})
    assert house.greeted(port)


def test_a_crash_changes_nothing_for_those_that_live(house: House) -> None:
    house.network("one")
    id = house.server(NetworkMode="one", PortBindings={"80/tcp": [{"HostPort": ""}]})
    before = house.inspect(id)
    house.daemon.crash()
    port = int(before["Ports"]["80/tcp"][0]["HostPort"])
    assert house.greeted(port), "while there is no daemon"
    again = LiveDaemon.start(house.daemon.root)
    house.daemon.process = again.process
    assert house.inspect(id) == before
    assert house.greeted(port)
    house.ask("DELETE", "/networks/one", status=403)
    other = house.run(NetworkMode="one")
    assert house.inspect(other)["Networks"]["one"]["IPAddress"] != before["Networks"]["one"]["IPAddress"]
    house.ask("DELETE", f"/containers/{id}?force=1")
    taken = house.server(PortBindings={"80/tcp": [{"HostPort": str(port)}]})
    assert house.greeted(port), house.inspect(taken)


@pytest.mark.parametrize("place", ["engine.connecting", "engine.connected", "engine.spawned"])
def test_a_crash_in_the_middle_of_a_start_leaves_nothing(house: House, place: str) -> None:
    house.network("one")
    house.daemon.stop()
    with open(f"{house.daemon.root}/run/failpoints", "w", encoding="utf-8") as file:
        file.write(f"{place}=kill\n")
    house.daemon.process = LiveDaemon.start(house.daemon.root).process
    id = house.run(start=False, NetworkMode="one", PortBindings={"80/tcp": [{"HostPort": ""}]})
    with pytest.raises((OSError, http.client.HTTPException)):
        house.ask("POST", f"/containers/{id}/start")
    house.daemon.process.wait(20)
    house.daemon.process = LiveDaemon.start(house.daemon.root).process
    running = house.ask("GET", f"/containers/{id}/json")["State"]["Running"]
    assert running is (place == "engine.spawned")
    members = house.ask("GET", "/networks/one")["Containers"]
    assert (id in members) is running
    if not running:
        assert house.inspect(id)["Ports"] == {}
        house.ask("POST", f"/containers/{id}/start")
    assert house.inspect(id)["Networks"]["one"]["IPAddress"]


def test_a_bridge_deleted_by_hand_is_made_again(house: House) -> None:
    house.network("one", Options={"com.docker.network.bridge.name": "dkbyhand"})
    house.run(NetworkMode="one")
    house.daemon.inside(lambda: subprocess.run(["ip", "link", "del", "dkbyhand"], check=True))
    server, other = house.server(NetworkMode="one"), house.run(NetworkMode="one")
    address = house.inspect(server)["Networks"]["one"]["IPAddress"]
    assert "hello" in house.sh(other, f"nc -w 3 {address} 80 </dev/null")


class TestAPlaceThatWaits:
    """A place on the default bridge is prepared for the next container, and is not to be seen where it would be a lie."""

    @pytest.fixture(autouse=True)
    def nobody_is_here_yet(self, house: House) -> None:
        """Whatever the test before had is gone, also what waited for another container."""
        until(lambda: not pairs(house))

    def test_the_next_container_gets_it_and_talks(self, house: House) -> None:
        server = house.server()
        until(lambda: len(pairs(house)) == 2)
        prepared = pairs(house)
        assert set(house.ask("GET", "/networks/bridge")["Containers"]) == {server}
        other = house.run()
        assert set(house.ask("GET", "/networks/bridge")["Containers"]) == {server, other}
        assert prepared <= pairs(house)
        assert "hello" in house.sh(other, f"nc -w 3 {house.inspect(server)['IPAddress']} 80 </dev/null")

    def test_it_is_taken_back_when_nobody_comes_and_its_address_is_free(self, house: House) -> None:
        first = house.run()
        until(lambda: len(pairs(house)) == 2)
        until(lambda: len(pairs(house)) == 1)
        second = house.run()
        last = [int(house.inspect(id)["IPAddress"].split(".")[-1]) for id in (first, second)]
        assert last[1] == last[0] + 1

    def test_a_crash_takes_it_along(self, house: House) -> None:
        id = house.run()
        until(lambda: len(pairs(house)) == 2)
        house.daemon.crash()
        until(lambda: len(pairs(house)) == 1)
        house.daemon.process = LiveDaemon.start(house.daemon.root).process
        assert set(house.ask("GET", "/networks/bridge")["Containers"]) == {id}

    def test_one_that_somebody_broke_is_not_given_away(self, house: House) -> None:
        server = house.server()
        kept = pairs(house)
        until(lambda: len(pairs(house)) == 2)
        (broken,) = pairs(house) - kept
        house.daemon.inside(lambda: subprocess.run(["ip", "link", "del", broken], check=True))
        other = house.run()
        assert "hello" in house.sh(other, f"nc -w 3 {house.inspect(server)['IPAddress']} 80 </dev/null")


def pairs(house: House) -> set[str]:
    """Return the host's ends of all pairs."""
    return {
        name for name in house.daemon.inside(lambda: [name for _, name in socket.if_nameindex()]) if name.startswith("veth")
    }


def until(holds: Callable[[], bool]) -> None:
    """Look until something holds."""
    end = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < end


def test_many_at_once_leave_the_right_state(house: House) -> None:
    from concurrent.futures import ThreadPoolExecutor

    house.network("one")
    ids = [house.run(start=False, NetworkMode="one") for _ in range(12)]

    def storm(id: str) -> None:
        house.ask("POST", f"/containers/{id}/start")
        house.ask("POST", "/networks/bridge/connect", {"Container": id})
        house.ask("POST", "/networks/one/disconnect", {"Container": id})

    with ThreadPoolExecutor(12) as pool:
        list(pool.map(storm, ids))
    assert house.ask("GET", "/networks/one")["Containers"] == {}
    addresses = [house.inspect(id)["IPAddress"] for id in ids]
    assert len(set(addresses)) == len(ids)


def test_nothing_is_left_when_the_last_container_and_the_daemon_are_gone(daemon_factory: Callable[..., LiveDaemon]) -> None:
    daemon = daemon_factory()
    daemon.bootstrap("busybox")
    house = House(daemon)
    house.network("one")
    house.server(NetworkMode="one", PortBindings={"80/tcp": [{"HostPort": ""}]})
    house.clear()
    daemon.stop()
    left = [line for line in left_behind([daemon.root]) if not line.startswith("file:")]
    assert left == []


def test_names_are_found_by_those_on_the_network_also_after_a_crash_and_a_new_name(house: House) -> None:
    house.network("one")
    wish = {"NetworkingConfig": {"EndpointsConfig": {"one": {"Aliases": ["db"]}}}}
    server, other = house.run(NetworkMode="one", config=wish), house.run(NetworkMode="one")
    address = house.inspect(server)["Networks"]["one"]["IPAddress"]
    name = house.ask("GET", f"/containers/{server}/json")["Name"].removeprefix("/")

    def found(word: str) -> bool:
        return address in house.exec(other, "nslookup", "-type=a", word)

    assert found(name)
    assert found("db")
    assert found(server[:12])
    house.daemon.crash()
    house.daemon.process = LiveDaemon.start(house.daemon.root).process
    assert found("db")
    house.ask("POST", f"/containers/{server}/rename?name=renamed")
    assert found("renamed")
    assert not found(name)
    house.ask("POST", "/networks/one/disconnect", {"Container": server})
    assert not found("renamed")
