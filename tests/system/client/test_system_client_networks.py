"""Networks through the client, on a live daemon in a private network: names, ports, faults, and who owns them."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import dockerkit as dk
from tests.livedaemon import PACKAGE_HOME, LiveDaemon

pytestmark = pytest.mark.system
GREETER = "while true; do printf 'HTTP/1.0 200 OK\\r\\n\\r\\nhello' | nc -l -p 80; done"
PATIENCE = 10.0


@pytest.fixture
def net(client: dk.Client) -> Iterator[dk.Network]:
    """A network of both families, which goes after the test with all that the test put on it."""
    with client.networks.create(subnet="10.66.0.0/24", ipv6=True) as made:
        yield made
        for id in made.inspect()["Containers"]:
            client.containers[id].remove(force=True)


@pytest.fixture
def box(client: dk.Client, net: dk.Network) -> Callable[..., dk.Container]:
    """Start containers on the network."""

    def start(name: str, *command: str, **words: Any) -> dk.Container:
        return client.start("busybox", *(command or ("sleep", "600")), name=name, **{"network": net, **words})

    return start


def reaches(one: dk.Container, other: str) -> bool:
    """Tell whether a container's echo comes back."""
    return one.exec("ping", "-c", "1", "-W", "2", other).exit_code == 0


def greeted(daemon: LiveDaemon, host: str, port: int) -> bool:
    """Tell whether somebody greets at an address of the daemon's host; one who is between two guests is waited for."""

    def ask() -> bytes:
        with socket.create_connection((host, port), timeout=5) as connection:
            return b"".join(iter(lambda: connection.recv(100), b""))

    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        with contextlib.suppress(OSError):
            if daemon.inside(ask).endswith(b"hello"):
                return True
    return False


def test_two_containers_talk_by_name_alias_and_short_id(box: Callable[..., dk.Container], net: dk.Network) -> None:
    one, other = box("cn-one"), box("cn-two", network=None, hostname="h2")
    assert not reaches(one, "cn-two"), "it is on the default network"
    net.connect(other, aliases=["db"], ip="10.66.0.77")
    assert all(reaches(one, name) for name in ("cn-two", "db", other.short_id))
    assert reaches(other, "cn-one")
    assert net.containers == {"cn-one": one.ip, "cn-two": "10.66.0.77"}
    net.disconnect(other)
    assert not reaches(one, "db")


def test_words_of_a_wish(client: dk.Client, net: dk.Network) -> None:
    wish = client.container("busybox", "sleep", "600").network(net, aliases=["me"], ip="10.66.0.9")
    with wish.dns("192.0.2.1").extra_host("there", "192.0.2.7").start() as made:
        assert made.ip == "10.66.0.9"
        assert reaches(made, "me")
        assert "192.0.2.7\tthere" in made.exec("cat", "/etc/hosts").stdout
        assert made.exec("cat", "/etc/resolv.conf").stdout.startswith("nameserver 127.0.0.11\n")


def test_published_port_is_this_machine_s_only(live_daemon: LiveDaemon, box: Callable[..., dk.Container]) -> None:
    server = box("cn-web", "sh", "-c", GREETER, publish=80)
    address = server.port(80)
    assert address.host == "127.0.0.1"
    assert greeted(live_daemon, *address)
    outside = server.inspect()["NetworkSettings"]["Networks"]
    gateway = next(iter(outside.values()))["Gateway"]
    with pytest.raises(OSError, match="refused"):
        live_daemon.inside(lambda: socket.create_connection((gateway, address.port), timeout=5))


@pytest.mark.parametrize(
    ("said", "host"), [("0.0.0.0:18081:80", "127.0.0.1"), ("[::1]:18082:80", "::1"), ("[::]:18083:80", "::1")]
)
def test_published_on_an_address_that_was_said(
    live_daemon: LiveDaemon, box: Callable[..., dk.Container], said: str, host: str
) -> None:
    server = box("cn-web", "sh", "-c", GREETER, publish=said)
    assert greeted(live_daemon, host, server.port(80).port)


def test_publish_while_it_runs(live_daemon: LiveDaemon, client: dk.Client, box: Callable[..., dk.Container]) -> None:
    server = box("cn-web", "sh", "-c", GREETER)
    with pytest.raises(dk.errors.NotFound, match="not published"):
        server.port(80)
    address = server.publish(80)
    assert server.port(80) == address
    assert greeted(live_daemon, *address)
    with pytest.raises(dk.errors.Conflict, match="port is already allocated"):
        box("cn-other").publish(f"127.0.0.1:{address.port}:80")
    server.stop(timeout=0)
    with pytest.raises(dk.errors.Conflict, match="running"):
        server.publish(81)


def test_internal_network_leads_nowhere(client: dk.Client, box: Callable[..., dk.Container], net: dk.Network) -> None:
    other = box("cn-out")
    with client.networks.create(internal=True, subnet="10.67.0.0/24") as inner:
        shut = box("cn-in", network=inner)
        assert not reaches(shut, other.ip)
        assert "default" not in shut.exec("ip", "route").stdout
        inner.connect(other)
        assert reaches(shut, "cn-out")
        assert reaches(other, "cn-in")


def test_partition_and_its_healing(box: Callable[..., dk.Container], net: dk.Network) -> None:
    a, b, c = (box(f"cn-{name}") for name in "abc")
    net.partition({a}, {b})
    seen = net.topology()
    assert (seen.reaches("cn-a", "cn-b"), seen.reaches("cn-a", "cn-c"), seen.reaches("cn-b", "cn-c")) == (False, True, True)
    assert (reaches(a, b.ip), reaches(b, a.ip), reaches(a, c.ip), reaches(c, b.ip)) == (False, False, True, True)
    net.heal()
    assert reaches(a, "cn-b")
    assert net.topology().reaches("cn-a", "cn-b")


def test_delay_loss_and_rate_or_a_kernel_that_says_it_cannot(box: Callable[..., dk.Container], net: dk.Network) -> None:
    a, b = box("cn-a"), box("cn-b")
    for disturb, undisturbed in (
        (lambda: net.rate(b, "1mbit"), "rate"),
        (lambda: net.delay(b, "300ms"), "delay"),
        (lambda: net.loss(b, 100), "loss"),
    ):
        try:
            disturb()
        except dk.errors.Unsupported as error:
            assert "kernel" in str(error), undisturbed
            continue
        if undisturbed == "loss":
            assert not reaches(a, b.ip)
        elif undisturbed == "delay":
            began = time.monotonic()
            assert reaches(a, b.ip)
            assert time.monotonic() - began >= 0.3
        net.heal()
        assert reaches(a, b.ip)


def test_topology_is_a_table(box: Callable[..., dk.Container], net: dk.Network) -> None:
    web = box("cn-web", publish=80)
    box("cn-two")
    seen = net.topology()
    assert (seen.name, set(seen.containers), seen.subnets[0]) == (net.name, {"cn-web", "cn-two"}, "10.66.0.0/24")
    row = next(row for row in seen.rows if row["container"] == "cn-web")
    assert row["ports"] == f"127.0.0.1:{web.port(80).port} → 80/tcp"
    assert row["reaches"] == "cn-two"
    assert len(seen.rules) > 0


# who owns a network


def test_block_takes_everybody_off_and_removes_it(client: dk.Client) -> None:
    with client.networks.create("cn-block") as made, client.start("busybox", "sleep", "600", network=made) as box:
        other = client.start("busybox", "sleep", "600", network=made)
    assert "cn-block" not in client.networks
    assert box.id not in client.containers
    assert (other.status, other.inspect()["NetworkSettings"]["Networks"]) == ("running", {})
    other.remove(force=True)


PROGRAM = """
import os, signal, sys
import dockerkit as dk
with dk.networks.create("cn-killed") as net, dk.start("busybox", "sleep", "600", network=net, name="cn-inner"):
    dk.networks["cn-killed"].connect("cn-outer")
    print("there", flush=True)
    signal.pause()
"""


def test_program_killed_leaves_no_network(client: dk.Client, live_daemon: LiveDaemon) -> None:
    outer = client.start("busybox", "sleep", "600", name="cn-outer")
    env = {**os.environ, "DOCKERKIT_HOST": client.url, "PYTHONPATH": PACKAGE_HOME}
    program = subprocess.Popen([sys.executable, "-c", PROGRAM], env=env, stdout=subprocess.PIPE, text=True)
    assert program.stdout is not None
    with program.stdout:
        assert program.stdout.readline() == "there\n"
        assert set(client.networks["cn-killed"].containers) == {"cn-inner", "cn-outer"}
        with client.events(type="network", event="destroy", network="cn-killed") as ends:
            program.send_signal(signal.SIGKILL)
            assert next(iter(ends)).name == "cn-killed"
    assert program.wait(20) == -signal.SIGKILL
    assert "cn-inner" not in client.containers
    assert "cn-killed" not in client.networks
    assert list(outer.inspect()["NetworkSettings"]["Networks"]) == ["bridge"]


def test_a_bare_one_outlives_its_program(client: dk.Client) -> None:
    env = {**os.environ, "DOCKERKIT_HOST": client.url, "PYTHONPATH": PACKAGE_HOME}
    script = "import dockerkit as dk; dk.networks.create('cn-stays')"
    subprocess.run([sys.executable, "-c", script], env=env, check=True, timeout=60)
    client.networks["cn-stays"].remove()


def test_networks_owned_through_a_crash_go_with_the_block(
    daemon_factory: Callable[..., LiveDaemon], new_root: Callable[[], str], request: pytest.FixtureRequest
) -> None:
    root = new_root()
    first = daemon_factory(root)
    with dk.connect(first.url) as client, client.networks.create("cn-crash") as made:
        first.crash()
        second = LiveDaemon.start(root)
        request.addfinalizer(second.stop)
        assert made.name == "cn-crash"
    with dk.connect(second.url) as after:
        assert "cn-crash" not in after.networks


def test_what_cannot_be_made_is_refused(client: dk.Client, net: dk.Network) -> None:
    with pytest.raises(dk.errors.NotAllowed, match="Pool overlaps"):
        client.networks.create(subnet="10.66.0.0/25")
    with pytest.raises(dk.errors.Conflict, match="already exists"):
        client.networks.create(net.name)
    with pytest.raises(dk.errors.NotFound, match='plugin "nosuch" not found'):
        client.networks.create(driver="nosuch")
    with pytest.raises(dk.errors.NotAllowed, match="pre-defined"):
        client.networks["bridge"].remove()
    with pytest.raises(dk.errors.NotAllowed, match="pre-defined"):
        client.networks["bridge"].__enter__()
    assert client.networks["bridge"].name == "bridge"
