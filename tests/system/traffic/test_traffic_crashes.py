"""Traffic goes on while daemons and companions are killed: nothing of a container's networking is theirs alone."""

from __future__ import annotations

import os
import select
import signal

import pytest

import dockerkit
from dockerkit.client.client import Client
from dockerkit.client.container import Container
from tests.livedaemon import LiveDaemon
from tests.system.traffic.talking import dial, eventually, ping, reaches, redis, within

pytestmark = [pytest.mark.system, pytest.mark.timeout(300)]
REDIS_READY = dockerkit.ready.log("Ready to accept connections")


def shop(dk: Client) -> tuple[Container, Container]:
    """A server with ports of both families and a client, on a network of their own."""
    net = dk.networks.create("shop")
    server = dk.container("redis", name="store", publish=["0.0.0.0::6379", "[::]::6379"], ready=REDIS_READY)
    client = dk.container("redis", "sleep", "1000")
    return server.network(net, aliases=["cache"]).start(), client.network(net).start()


def companions(servers: LiveDaemon, name: str) -> list[int]:
    """Return the processes of the data root that hold its ports, or answer its names."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as file:
                words = file.read().decode(errors="replace").split("\0")
        except (FileNotFoundError, ProcessLookupError):  # it ended this moment
            continue
        if f"{servers.root}/run" in words and any(word.startswith(f"dockerkit.daemon.networks.{name}.") for word in words):
            found.append(int(pid))
    return found


def again(servers: LiveDaemon) -> None:
    servers.process = LiveDaemon.start(servers.root).process


def test_connections_names_and_ports_outlive_a_killed_daemon(dk: Client, servers: LiveDaemon) -> None:
    server, client = shop(dk)
    ports, address, box, seeker = server.ports["6379/tcp"], server.ip, server.id, client.id
    four, six = (next(p.port for p in ports if (":" in p.host) == v6) for v6 in (False, True))
    inner = within(client, lambda: dial(address, 6379))
    outer = servers.inside(lambda: dial("127.0.0.1", four))
    carried = servers.inside(lambda: dial("::1", six))
    held = {"between containers": inner, "by rule": outer, "by the proxy": carried}
    try:
        for connection in held.values():
            assert redis(connection, "INCR", "n")
        servers.crash()
        for why, connection in held.items():
            assert redis(connection, "PING") == "PONG", why
        assert servers.inside(lambda: ping("127.0.0.1", four)) == "PONG", "a new one while there is no daemon"
        assert servers.inside(lambda: ping("::1", six)) == "PONG"
        again(servers)
        for why, connection in held.items():
            assert redis(connection, "PING") == "PONG", why
    finally:
        for connection in held.values():
            connection.close()
    with dockerkit.connect(servers.url) as fresh:
        box_again, seeker_again = fresh.containers.get(box), fresh.containers.get(seeker)
        assert box_again.ports["6379/tcp"] == ports
        for name in ("store", "cache", box[:12]):
            assert seeker_again.exec("redis-cli", "-h", name, "ping", check=True).stdout == "PONG\n"
        assert servers.inside(lambda: ping("127.0.0.1", four)) == "PONG"
        assert servers.inside(lambda: ping("::1", six)) == "PONG"
        late = fresh.container("redis", "sleep", "1000").network("shop").start()
        assert late.exec("redis-cli", "-h", "cache", "ping", check=True).stdout == "PONG\n"
        box_again.remove(force=True)
        assert not reaches(servers, "127.0.0.1", four)
        assert not reaches(servers, "::1", six)


@pytest.mark.parametrize("name", ["ports", "names"])
def test_a_killed_companion_is_replaced_at_once(dk: Client, servers: LiveDaemon, name: str) -> None:
    server, client = shop(dk)
    ports = {":" in p.host: p.port for p in server.ports["6379/tcp"]}
    (pid,) = companions(servers, name)
    os.kill(pid, signal.SIGKILL)
    assert servers.inside(lambda: ping("127.0.0.1", ports[False])) == "PONG", "rules need nobody"
    eventually(lambda: servers.inside(lambda: ping("::1", ports[True])), "PONG")
    eventually(lambda: client.exec("redis-cli", "-h", "store", "ping").stdout, "PONG\n")
    assert pid not in companions(servers, name)
    assert len(companions(servers, name)) == 1


def test_daemon_and_companions_killed_together_are_replaced(dk: Client, servers: LiveDaemon) -> None:
    server, client = shop(dk)
    ports, box, seeker = {":" in p.host: p.port for p in server.ports["6379/tcp"]}, server.id, client.id
    servers.crash()
    for name in ("ports", "names"):
        (pid,) = companions(servers, name)
        pidfd = os.pidfd_open(pid)
        os.kill(pid, signal.SIGKILL)
        select.select([pidfd], [], [], 5)
        os.close(pidfd)
    again(servers)
    assert servers.inside(lambda: ping("127.0.0.1", ports[False])) == "PONG"
    assert servers.inside(lambda: ping("::1", ports[True])) == "PONG"
    with dockerkit.connect(servers.url) as fresh:
        assert fresh.containers.get(seeker).exec("redis-cli", "-h", "cache", "ping", check=True).stdout == "PONG\n"
        with pytest.raises(dockerkit.errors.Conflict, match="port is already allocated"):
            fresh.start("redis", publish=f"0.0.0.0:{ports[False]}:6379")
        fresh.containers.get(box).remove(force=True)
        assert not reaches(servers, "::1", ports[True])
