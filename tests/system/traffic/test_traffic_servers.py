"""Real servers talk: by name on a network, through published ports, and not to those who are none of theirs."""

from __future__ import annotations

import os

import pytest

import dockerkit
from dockerkit.client.client import Client
from dockerkit.client.container import Container
from dockerkit.client.network import Network
from tests.livedaemon import LiveDaemon
from tests.system.traffic.talking import dial, eventually, page, ping, reaches, redis, speaks_postgres, within

pytestmark = [pytest.mark.system, pytest.mark.timeout(300)]
REDIS_READY = dockerkit.ready.log("Ready to accept connections")
IMPATIENT = {"RES_OPTIONS": "timeout:1 attempts:1"}
"""Nobody outside can be asked here: do not wait for an answer (resolv.conf(5))."""
SECRET = {"POSTGRES_PASSWORD": "secret", "PGPASSWORD": "secret"}


def started_redis(dk: Client, *networks: Network | str, **words: object) -> Container:
    spec = dk.container("redis", ready=REDIS_READY, **words)  # type: ignore[arg-type]
    for network in networks:
        spec = spec.network(network, aliases=() if network == "bridge" else ["cache"])
    return spec.start()


def idle(dk: Client, *networks: Network | str, image: str = "redis") -> Container:
    spec = dk.container(image, "sleep", "1000")
    for network in networks:
        spec = spec.network(network)
    return spec.start()


def test_redis_is_found_by_name_alias_and_short_id(dk: Client) -> None:
    net = dk.networks.create("shop")
    server, client = started_redis(dk, net, name="store"), idle(dk, net)
    for name in ("store", "cache", server.short_id, server.ip):
        assert client.exec("redis-cli", "-h", name, "ping", check=True).stdout == "PONG\n"
    assert client.exec("redis-cli", "-h", "store", "set", "fruit", "pear", check=True).stdout == "OK\n"
    assert server.exec("redis-cli", "get", "fruit", check=True).stdout == "pear\n"


def test_postgres_is_asked_by_name_with_a_password(dk: Client) -> None:
    net = dk.networks.create("shop")
    ready = dockerkit.ready.log("database system is ready to accept connections", count=2)
    dk.container("postgres", env=SECRET, name="db", ready=ready).network(net, aliases=["sql"]).start()
    client = dk.container("postgres", "sleep", "1000", env=SECRET).network(net).start()
    for name in ("db", "sql"):
        asked = client.exec("psql", "-h", name, "-U", "postgres", "-Atc", "select 6*7", check=True)
        assert asked.stdout == "42\n"
    refused = client.exec("psql", "-h", "db", "-U", "postgres", "-c", "select 1", env={"PGPASSWORD": "wrong"})
    assert "password authentication failed" in refused.stderr


def test_three_servers_at_once_on_one_network(dk: Client) -> None:
    net = dk.networks.create("shop")
    started_redis(dk, net, name="store")
    dk.container("nginx", name="web", ready=dockerkit.ready.port(80)).network(net).start()
    ready = dockerkit.ready.log("database system is ready to accept connections", count=2)
    dk.container("postgres", env=SECRET, name="db", ready=ready).network(net).start()
    client = idle(dk, net)
    where = {name: address for name, address in net.containers.items() if name in ("store", "web", "db")}
    assert len(where) == 3
    assert "Welcome to nginx" in within(client, lambda: page(where["web"], 80))
    assert within(client, lambda: ping(where["store"], 6379)) == "PONG"
    assert within(client, lambda: speaks_postgres(where["db"], 5432))
    get = 'exec 3<>/dev/tcp/web/80; printf "GET / HTTP/1.0\\r\\n\\r\\n" >&3; cat <&3'
    assert "Welcome to nginx" in client.exec("bash", "-c", get, check=True).stdout


@pytest.mark.parametrize("network", ["bridge", "own"])
def test_published_ports_are_reached_by_every_address_of_the_host(dk: Client, servers: LiveDaemon, network: str) -> None:
    if network == "own":
        dk.networks.create("own")
    publish = ["[::]::6379", "0.0.0.0::6379"]
    ports = started_redis(dk, network, publish=publish).ports["6379/tcp"]
    own = dk.networks[network].gateway
    for host, _ in (("127.0.0.1", 4), ("::1", 6), (own, 4)):
        wanted = next(port for address, port in ports if (":" in address) == (":" in host))
        assert servers.inside(lambda host=host, port=wanted: ping(host, port)) == "PONG"  # type: ignore[misc]


def test_every_server_is_reached_through_its_port(dk: Client, servers: LiveDaemon) -> None:
    dk.networks.create("shop")
    ready = dockerkit.ready.log("database system is ready to accept connections", count=2)
    web = dk.start("nginx", publish=80, network="shop", ready=dockerkit.ready.port(80))
    db = dk.start("postgres", publish=5432, network="shop", env=SECRET, ready=ready)
    assert "Welcome to nginx" in servers.inside(lambda: page(*web.port(80)))
    assert servers.inside(lambda: speaks_postgres(*db.port(5432)))
    late = started_redis(dk, "shop")
    address = late.publish(6379)
    assert servers.inside(lambda: ping(*address)) == "PONG"


def test_a_large_page_comes_whole_by_both_families(dk: Client, servers: LiveDaemon) -> None:
    web = dk.start("nginx", publish=["0.0.0.0::80", "[::]::80"], ready=dockerkit.ready.port(80))
    folder = web.exec("sh", "-c", "grep -rhoE 'root +/[^;]*' /etc/nginx | head -1", check=True).stdout.split()[-1]
    web.exec("sh", "-c", f"head -c 20000000 /dev/zero | tr '\\0' x > {folder}/large", check=True)
    for address, port in web.ports["80/tcp"]:
        host = "::1" if ":" in address else "127.0.0.1"
        answer = servers.inside(lambda host=host, port=port: page(host, port, "/large"))  # type: ignore[misc]
        assert answer.count("x") >= 20_000_000


def test_isolated_networks_do_not_reach_each_other_nor_published_ports(dk: Client, servers: LiveDaemon) -> None:
    one, two = dk.networks.create("one"), dk.networks.create("two")
    server, stranger = started_redis(dk, one, publish=["0.0.0.0::6379", "[::]::6379"]), idle(dk, two)
    near = idle(dk, one)
    port = server.ports["6379/tcp"][0].port
    assert reaches(near, server.ip, 6379)
    assert not reaches(stranger, server.ip, 6379)
    assert not reaches(stranger, server.ip, port)
    for gateway in (one.gateway, two.gateway):
        assert not reaches(stranger, gateway, port)
    assert "name resolution" in stranger.exec("redis-cli", "-h", server.name, "ping", env=IMPATIENT).stderr
    assert servers.inside(lambda: ping("127.0.0.1", port)) == "PONG"


def test_a_container_on_both_networks_reaches_both_by_name(dk: Client) -> None:
    one, two = dk.networks.create("one"), dk.networks.create("two")
    started_redis(dk, one, name="first")
    started_redis(dk, two, name="second")
    both = idle(dk, one, two)
    assert both.exec("redis-cli", "-h", "first", "ping", check=True).stdout == "PONG\n"
    assert both.exec("redis-cli", "-h", "second", "ping", check=True).stdout == "PONG\n"
    lone = idle(dk, one)
    assert lone.exec("redis-cli", "-h", "second", "ping", env=IMPATIENT).exit_code != 0
    two.connect(lone)
    assert lone.exec("redis-cli", "-h", "second", "ping", check=True).stdout == "PONG\n"
    two.disconnect(lone)
    assert lone.exec("redis-cli", "-h", "second", "ping", env=IMPATIENT).exit_code != 0


def test_a_held_connection_ends_with_its_network_and_another_works_afterwards(dk: Client) -> None:
    net, other = dk.networks.create("shop"), dk.networks.create("other")
    server, client = started_redis(dk, net, other, name="store"), idle(dk, net)
    address = server.inspect()["NetworkSettings"]["Networks"]["shop"]["IPAddress"]
    with within(client, lambda: dial(address, 6379)) as held:
        assert redis(held, "PING") == "PONG"
        net.disconnect(server)
        held.settimeout(0.5)
        with pytest.raises(OSError):
            redis(held, "PING")
        net.connect(server, aliases=["cache"])
        assert client.exec("redis-cli", "-h", "cache", "ping", check=True).stdout == "PONG\n"


def test_a_held_connection_goes_on_when_its_place_comes_back(dk: Client) -> None:
    """What was sent meanwhile is sent again by the kernel, once the same address is there again."""
    net, client = dk.networks.create("shop", subnet="10.77.0.0/24"), None
    server, client = started_redis(dk, net, name="store"), idle(dk, net)
    address = server.ip
    with within(client, lambda: dial(address, 6379)) as held:
        assert redis(held, "PING") == "PONG"
        net.disconnect(client)
        net.connect(client, ip="10.77.0.99")
        assert client.exec("redis-cli", "-h", "store", "ping", check=True).stdout == "PONG\n"
        net.disconnect(server)
        net.connect(server, ip=address)
        eventually(lambda: within(client, lambda: ping(address, 6379)), "PONG")


def test_a_server_that_is_started_again_is_found_at_its_new_address(dk: Client, servers: LiveDaemon) -> None:
    net = dk.networks.create("shop")
    server, client = started_redis(dk, net, name="store", publish=6379), idle(dk, net)
    server.restart(timeout=5)
    eventually(lambda: client.exec("redis-cli", "-h", "store", "ping").stdout, "PONG\n")
    eventually(lambda: servers.inside(lambda: ping(*server.port(6379))), "PONG")


def test_an_internal_network_has_no_way_out(dk: Client, servers: LiveDaemon) -> None:
    inner, outer = dk.networks.create("inner", internal=True), dk.networks.create("outer")
    server, client = started_redis(dk, inner, name="store"), idle(dk, inner)
    outside = started_redis(dk, outer, publish="0.0.0.0::6379")
    port = outside.ports["6379/tcp"][0].port
    assert client.exec("redis-cli", "-h", "store", "ping", check=True).stdout == "PONG\n"
    assert not reaches(client, outside.ip, 6379)
    assert not reaches(client, outer.gateway, port)
    with servers.inside(lambda: _listening("203.0.113.7")) as listener:
        assert not reaches(client, "203.0.113.7", listener.getsockname()[1])
        assert not reaches(client, server.ip, port)
    with pytest.raises(dockerkit.errors.DockerkitError):
        server.publish(6379)


def _listening(address: str) -> object:
    import socket
    import subprocess

    subprocess.run(["ip", "addr", "replace", f"{address}/32", "dev", "lo"], check=True)
    return socket.create_server((address, 0))


def test_every_descriptor_is_given_back(dk: Client, servers: LiveDaemon) -> None:
    def open_now() -> int:
        return len(os.listdir(f"/proc/{servers.process.pid}/fd"))

    def round_trip() -> None:
        with dk.networks.create("shop") as net:
            started_redis(dk, net, publish=6379).remove(force=True)

    round_trip()
    before = open_now()
    for _ in range(5):
        round_trip()
    assert open_now() <= before + 2
