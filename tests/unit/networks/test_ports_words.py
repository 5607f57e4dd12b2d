"""Choosing ports and saying no in Docker's words, and the datagrams between daemon and proxy; sockets on loopback only."""

from __future__ import annotations

import errno
import os
import socket

import pytest

from dockerkit.daemon.networks.model import Published
from dockerkit.daemon.networks.ports import Ports, Wanted, words
from dockerkit.daemon.networks.ports.reserving import reserve
from dockerkit.errors import Conflict, Exhausted


def free(*_: object) -> bool:
    return False


def test_a_random_port_is_one_number_on_every_family() -> None:
    made = reserve(Wanted("tcp", 80), free)
    assert len({one.published.host_port for one in made}) == 1
    assert made[0].published.host_address == "0.0.0.0"
    for one in made:
        one.close()


def test_a_number_that_is_free_in_one_family_only_is_not_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    taken = {("tcp", "::", port) for port in range(65536)}
    with pytest.raises(Exhausted, match="all ports are allocated"):
        reserve(Wanted("tcp", 80), lambda *which: which in taken)


@pytest.mark.parametrize("code", [errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL])
def test_a_host_without_ipv6_publishes_on_ipv4_alone(monkeypatch: pytest.MonkeyPatch, code: int) -> None:
    bind = socket.socket.bind

    class Without(socket.socket):
        def bind(self, address: tuple[str, int]) -> None:  # type: ignore[override]
            if self.family == socket.AF_INET6:
                raise OSError(code, os.strerror(code))
            bind(self, address)

    monkeypatch.setattr(socket, "socket", Without)
    (one,) = reserve(Wanted("udp", 53), free)
    assert one.published.host_address == "0.0.0.0"
    one.close()
    with pytest.raises(Conflict, match="listen udp6"):
        reserve(Wanted("udp", 53, "::"), free)


@pytest.mark.parametrize(("address", "shown"), [("0.0.0.0", r"0\.0\.0\.0"), ("::", r"\[::\]")], ids=["ipv4", "ipv6"])
def test_what_a_container_of_ours_has_is_said_as_docker_says_it(address: str, shown: str) -> None:
    with pytest.raises(Conflict, match=rf"^Bind for {shown}:8080 failed: port is already allocated$"):
        reserve(Wanted("tcp", 80, address, 8080, 8080), lambda *_: True)


@pytest.mark.parametrize(
    ("had", "wanted", "collide"),
    [
        ("0.0.0.0", "127.0.0.1", True),
        ("127.0.0.1", "0.0.0.0", True),
        ("127.0.0.1", "127.0.0.1", True),
        ("127.0.0.1", "127.0.0.2", False),
        ("127.0.0.1", "::1", False),
    ],
)
def test_addresses_that_are_in_each_others_way(had: str, wanted: str, collide: bool, tmp_path: os.PathLike[str]) -> None:
    ports = Ports(os.fspath(tmp_path), "feedbeef")
    (one,) = ports.reserve([Wanted("tcp", 80, had)])
    port = one.published.host_port
    try:
        again = ports.reserve([Wanted("tcp", 80, wanted, port, port)], "web (e1)")
    except Conflict as conflict:
        assert collide
        assert conflict.message.startswith("driver failed programming external connectivity on endpoint web (e1): Bind for")
    else:
        assert not collide
        ports.cancel(again)
    ports.cancel([one])
    ports.cancel(ports.reserve([Wanted("tcp", 80, had, port, port)]))


def test_tcp_and_udp_may_have_one_number(tmp_path: os.PathLike[str]) -> None:
    ports = Ports(os.fspath(tmp_path), "feedbeef")
    (one,) = ports.reserve([Wanted("tcp", 80, "127.0.0.1")])
    number = one.published.host_port
    (other,) = ports.reserve([Wanted("udp", 80, "127.0.0.1", number, number)])
    assert other.published == Published("udp", 80, "127.0.0.1", number)
    ports.cancel([one, other])


def test_what_was_never_served_needs_no_proxy(tmp_path: os.PathLike[str]) -> None:
    ports = Ports(os.fspath(tmp_path), "feedbeef")
    ports.release("nobody")
    assert ports.adopt() == {}
    ports.close()
    assert os.listdir(tmp_path) == []


def test_messages_and_descriptors_come_as_they_went() -> None:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with ours, theirs, socket.socket() as sent:
        words.send(ours, {"verb": "hold"}, [sent.fileno()])
        message, (fd,) = words.receive(theirs)
        assert message == {"verb": "hold"}
        assert os.fstat(fd).st_ino == os.fstat(sent.fileno()).st_ino
        assert not os.get_inheritable(fd)
        os.close(fd)
        ours.send(b"[1, 2]")
        with pytest.raises(ValueError, match="not a whole JSON object"):
            words.receive(theirs)
        ours.close()
        assert words.receive(theirs) == (None, [])
