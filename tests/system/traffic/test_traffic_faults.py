"""Faults under traffic: a connection that is cut goes on when healed, a rate holds, a delay is felt."""

from __future__ import annotations

import socket
import time

import pytest

import dockerkit
from dockerkit.client.client import Client
from dockerkit.client.container import Container
from dockerkit.client.network import Network
from tests.livedaemon import LiveDaemon
from tests.system.traffic.talking import PATIENCE, SILENCE, dial, eventually, ping, reaches, redis, within

pytestmark = [pytest.mark.system, pytest.mark.timeout(300)]
REDIS_READY = dockerkit.ready.log("Ready to accept connections")
WINDOW = 2.0
"""Seconds in which bytes are counted."""


def pair(dk: Client) -> tuple[Network, Container, Container]:
    net = dk.networks.create("shop")
    server = dk.container("redis", name="store", ready=REDIS_READY).network(net).start()
    return net, server, dk.container("redis", "sleep", "1000").network(net).start()


def test_a_partition_cuts_a_connection_and_healing_resumes_it(dk: Client) -> None:
    net, server, client = pair(dk)
    address = server.ip
    with within(client, lambda: dial(address, 6379)) as held:
        assert redis(held, "INCR", "n") == "1"
        net.partition({server}, {client})
        held.settimeout(SILENCE)
        with pytest.raises(TimeoutError):
            redis(held, "INCR", "n")
        assert server.exec("redis-cli", "get", "n", check=True).stdout == "1\n"
        assert not reaches(client, address, 6379)
        net.heal()
        held.settimeout(PATIENCE)
        assert held.recv(16) == b":2\r\n", "the kernel sends again what was lost"
        assert redis(held, "INCR", "n") == "3"


def test_those_in_no_group_and_the_host_reach_everybody(dk: Client, servers: LiveDaemon) -> None:
    net, server, client = pair(dk)
    third = dk.container("redis", "sleep", "1000").network(net).start()
    published = server.publish(6379)
    net.partition({server}, {client})
    assert within(third, lambda: ping(server.ip, 6379)) == "PONG"
    assert servers.inside(lambda: ping(*published)) == "PONG"
    assert not reaches(client, server.ip, 6379)
    net.heal()
    eventually(lambda: within(client, lambda: ping(server.ip, 6379)), "PONG")


def test_a_partition_lasts_for_one_that_connects_again(dk: Client) -> None:
    net, server, client = pair(dk)
    net.partition({server}, {client})
    net.disconnect(client)
    net.connect(client)
    assert not reaches(client, server.ip, 6379)
    net.heal()
    eventually(lambda: within(client, lambda: ping(server.ip, 6379)), "PONG")


def received(connection: socket.socket) -> int:
    """Return how many bytes come in the window."""
    until, count = time.monotonic() + WINDOW, 0
    while (left := until - time.monotonic()) > 0:
        connection.settimeout(left)
        try:
            got = len(connection.recv(1 << 20))
        except TimeoutError:
            break
        if not got:
            break
        count += got
    return count


def test_a_rate_limits_what_a_container_is_sent(dk: Client) -> None:
    net, server, client = pair(dk)
    assert server.exec("redis-cli", "eval", "return redis.call('set', 'large', string.rep('x', 50000000))", "0").exit_code == 0
    net.rate(client, "1mbit")
    address = server.ip
    with within(client, lambda: dial(address, 6379)) as connection:
        connection.sendall(b"GET large\r\n")
        limited = received(connection)
    assert 1000 < limited < 4 * WINDOW * 1_000_000 / 8, "1 Mbit/s, bursts and queues are forgiven"
    net.heal()
    with within(client, lambda: dial(address, 6379)) as connection:
        connection.sendall(b"GET large\r\n")
        assert received(connection) > 4 * limited


def test_a_delay_is_felt_and_healed_or_the_kernel_has_none(dk: Client) -> None:
    net, server, client = pair(dk)
    address = server.ip
    try:
        net.delay(client, "200ms")
    except dockerkit.errors.Unsupported as why:
        assert "netem" in str(why)
        return
    begun = time.monotonic()
    assert within(client, lambda: ping(address, 6379)) == "PONG"
    assert time.monotonic() - begun > 0.35, "the handshake and the answer wait"
    net.heal()
    assert within(client, lambda: ping(address, 6379)) == "PONG"


def test_an_address_that_was_parted_is_free_of_it_for_the_next(dk: Client) -> None:
    net = dk.networks.create("shop", subnet="10.78.0.0/29")
    server = dk.container("redis", name="store", ready=REDIS_READY).network(net).start()
    client = dk.container("redis", "sleep", "1000").network(net).start()
    address = client.ip
    net.partition({server}, {client})
    client.remove(force=True)
    bystander = dk.container("redis", "sleep", "1000").network(net, ip=address).start()
    assert within(bystander, lambda: ping(server.ip, 6379)) == "PONG"
