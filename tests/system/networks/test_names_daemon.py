"""Names while things die: the daemon, the name server, both; asked from inside containers of a real daemon all the while."""

from __future__ import annotations

import os
import select
import signal
from collections.abc import Callable, Iterator

import dns.exception
import dns.message
import dns.query
import dns.rcode
import pytest

from dockerkit.daemon.kernel.netlink import Visitor
from tests.livedaemon import LiveDaemon

pytestmark = pytest.mark.system


class House:
    """A data root with a network, and whichever daemon serves it now."""

    def __init__(self, start: Callable[[str | None], LiveDaemon]) -> None:
        self._start, self._visitor = start, Visitor()
        self.daemon = start(None)
        self.daemon.bootstrap("busybox")
        self.did("POST", "/networks/create", {"Name": "near"})

    def did(self, method: str, path: str, body: object = None) -> dict[str, object]:
        status, data = self.daemon.request(method, path, body)
        assert status < 300, data
        return data if isinstance(data, dict) else {}

    def up(self, name: str) -> None:
        body = {"Image": "busybox", "Cmd": ["sleep", "1000"], "HostConfig": {"NetworkMode": "near", "Dns": ["127.0.0.4"]}}
        self.did("POST", f"/containers/create?name={name}", body)
        self.did("POST", f"/containers/{name}/start")

    def pid(self, name: str) -> int:
        state = self.did("GET", f"/containers/{name}/json")["State"]
        assert isinstance(state, dict)
        return int(state["Pid"])

    def namespace(self, name: str) -> int:
        return os.open(f"/proc/{self.pid(name)}/ns/net", os.O_RDONLY)

    def finds(self, namespace: int, name: str) -> bool:
        query = dns.message.make_query(name, "A")
        answer = self._visitor.at(namespace, lambda: dns.query.udp(query, "127.0.0.11", timeout=10))
        return bool(answer.answer)

    def again(self) -> None:
        """Another daemon comes."""
        self.daemon = self._start(self.daemon.root)

    def server(self) -> int:
        """Return a pidfd of the name server."""
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open(f"/proc/{pid}/cmdline", "rb") as words:
                    said = words.read()
            except (FileNotFoundError, ProcessLookupError):
                continue
            if self.daemon.root.encode() in said and b"names.server" in said:
                return os.pidfd_open(int(pid))
        raise AssertionError("there is no name server")

    def kill_server(self) -> None:
        server = self.server()
        signal.pidfd_send_signal(server, signal.SIGKILL)
        select.select([server], [], [])
        os.close(server)

    def close(self) -> None:
        for name in ("one", "two", "three"):
            self.daemon.request("DELETE", f"/containers/{name}?force=1")
        self.did("DELETE", "/networks/near")
        self._visitor.close()


@pytest.fixture
def house(daemon_factory: Callable[..., LiveDaemon]) -> Iterator[House]:
    made = House(daemon_factory)
    yield made
    made.close()
    assert made.daemon.stop() == 0


@pytest.fixture
def inside(house: House) -> Iterator[int]:
    """The namespace of one of two containers."""
    house.up("one")
    house.up("two")
    namespace = house.namespace("one")
    yield namespace
    os.close(namespace)


def test_the_daemon_is_killed_and_names_are_answered_all_the_while(house: House, inside: int) -> None:
    assert house.finds(inside, "two")
    house.daemon.crash()
    assert house.finds(inside, "two")
    house.again()
    assert house.finds(inside, "two")
    house.up("three")
    assert house.finds(inside, "three")
    house.did("POST", "/containers/two/stop?t=0")
    assert not house.finds(inside, "two")


def test_the_name_server_is_killed_and_another_answers_what_was_asked(house: House, inside: int) -> None:
    house.kill_server()
    assert house.finds(inside, "two")
    house.up("three")
    assert house.finds(inside, "three")


def test_daemon_and_name_server_are_killed(house: House, inside: int) -> None:
    house.daemon.crash()
    house.kill_server()
    house.again()
    assert house.finds(inside, "two")


def test_a_container_that_died_without_a_daemon_is_found_no_more(house: House, inside: int) -> None:
    two = os.pidfd_open(house.pid("two"))
    house.daemon.crash()
    signal.pidfd_send_signal(two, signal.SIGKILL)
    select.select([two], [], [])
    os.close(two)
    house.again()
    assert not house.finds(inside, "two")
    house.did("POST", "/containers/two/start")
    assert house.finds(inside, "two")


def test_the_name_server_ends_with_the_last_daemon(house: House, inside: int) -> None:
    server = house.server()
    for name in ("one", "two"):
        house.did("DELETE", f"/containers/{name}?force=1")
    assert house.daemon.stop() == 0
    assert select.select([server], [], [], 5)[0]
    os.close(server)
    house.again()
