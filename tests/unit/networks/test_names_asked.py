"""One question asked of servers outside: silence, refusals, lies, halves; who is asked next and what comes of it."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from functools import partial

import dns.message
import dns.rcode
import pytest

from dockerkit.daemon.networks.companion.loop import Loop
from dockerkit.daemon.networks.names.server import asked, wire
from dockerkit.daemon.networks.names.server.asked import Asked

QUERY = dns.message.make_query("name.test", "A").to_wire()
Making = Callable[[bytes], list[bytes]]


def reply(query: bytes, code: int = 0) -> bytes:
    made = dns.message.make_response(dns.message.from_wire(query))
    made.set_rcode(dns.rcode.Rcode(code))
    return made.to_wire()


class Upstream:
    """A server at the loopback that says what it was told to, a thread each for UDP and TCP."""

    def __init__(self, says: Making) -> None:
        self._says = says
        self.heard: list[bytes] = []
        self._udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._udp.bind(("127.0.0.1", 0))
        self._tcp = socket.create_server(("127.0.0.1", 0))
        for serve in (self._datagrams, self._streams):
            threading.Thread(target=serve, daemon=True).start()

    def dial(self, kind: int) -> socket.socket:
        made = socket.socket(socket.AF_INET, kind)
        made.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            made.connect((self._udp if kind == socket.SOCK_DGRAM else self._tcp).getsockname())
        return made

    def _datagrams(self) -> None:
        while True:
            message, peer = self._udp.recvfrom(4096)
            if not message:
                return
            self.heard.append(message)
            for one in self._says(message):
                self._udp.sendto(one, peer)

    def _streams(self) -> None:
        while True:
            connection, _ = self._tcp.accept()
            with connection:
                message = connection.recv(4096)
                if not message:
                    return
                self.heard.append(message[2:])
                for one in self._says(message[2:]):
                    connection.sendall(one)

    def close(self) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as end:
            end.sendto(b"", self._udp.getsockname())
        socket.create_connection(self._tcp.getsockname()).close()


@pytest.fixture
def upstream() -> Iterator[Callable[[Making], Upstream]]:
    made: list[Upstream] = []

    def make(says: Making) -> Upstream:
        made.append(Upstream(says))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asked, "NEXT_AFTER", 0.05)
    monkeypatch.setattr(asked, "GIVE_UP_AFTER", 0.1)


def ask(kind: int, *dials: Callable[[], socket.socket]) -> bytes | None:
    """Ask the servers and return what comes of it."""
    loop, said = Loop(), []

    def done(answer: bytes | None) -> None:
        said.append(answer)
        loop.stop()

    loop.after(0, Asked(loop, QUERY, wire.parse(QUERY), list(dials), done).next)
    loop.run()
    assert len(said) == 1
    return said[0]


def framed(message: bytes) -> bytes:
    return len(message).to_bytes(2, "big") + message


def silent(_: bytes) -> list[bytes]:
    return []


def nowhere() -> socket.socket:
    raise OSError("no way there")


def closed(kind: int) -> socket.socket:
    """Return a socket to where nobody listens."""
    with socket.socket(socket.AF_INET, kind) as other:
        other.bind(("127.0.0.1", 0))
        where = other.getsockname()
    made = socket.socket(socket.AF_INET, kind)
    made.setblocking(False)
    with contextlib.suppress(BlockingIOError):
        made.connect(where)
    return made


UDP, TCP = socket.SOCK_DGRAM, socket.SOCK_STREAM


@pytest.mark.parametrize("code", [0, 3])
def test_an_answer_comes_back_as_it_came(upstream: Callable[[Making], Upstream], code: int) -> None:
    first, second = upstream(lambda query: [reply(query, code)]), upstream(silent)
    assert ask(UDP, partial(first.dial, UDP), partial(second.dial, UDP)) == reply(QUERY, code)
    assert (first.heard, second.heard) == ([QUERY], [])


@pytest.mark.parametrize("code", [2, 5])
def test_a_server_that_will_not_help_is_passed_over(upstream: Callable[[Making], Upstream], code: int) -> None:
    first, second = upstream(lambda query: [reply(query, code)]), upstream(lambda query: [reply(query)])
    assert ask(UDP, partial(first.dial, UDP), partial(second.dial, UDP)) == reply(QUERY)
    assert ask(UDP, partial(first.dial, UDP), partial(first.dial, UDP)) == reply(QUERY, code)


def test_silence_brings_the_next_and_then_nothing(upstream: Callable[[Making], Upstream]) -> None:
    first, second = upstream(silent), upstream(lambda query: [reply(query)])
    assert ask(UDP, partial(first.dial, UDP), partial(second.dial, UDP)) == reply(QUERY)
    assert ask(UDP, partial(first.dial, UDP)) is None
    assert ask(UDP, nowhere, partial(second.dial, UDP)) == reply(QUERY)
    assert ask(UDP, nowhere) is None
    assert ask(UDP) is None


@pytest.mark.parametrize("kind", [UDP, TCP])
def test_where_nobody_listens_the_next_is_asked_at_once(upstream: Callable[[Making], Upstream], kind: int) -> None:
    there = upstream(lambda query: [reply(query) if kind == UDP else framed(reply(query))])
    assert ask(kind, partial(closed, kind), partial(there.dial, kind)) == reply(QUERY)
    assert ask(kind, partial(closed, kind)) is None


def test_lies_are_not_heard(upstream: Callable[[Making], Upstream]) -> None:
    def lies(query: bytes) -> list[bytes]:
        other = reply(query).replace(b"name", b"evil")
        number = bytes([query[0] ^ 1]) + reply(query)[1:]
        return [b"", b"\0", query, other, number, reply(query)]

    assert ask(UDP, partial(upstream(lies).dial, UDP)) == reply(QUERY)


def test_a_stream_comes_in_pieces(upstream: Callable[[Making], Upstream]) -> None:
    there = upstream(lambda query: [framed(reply(query))[at : at + 1] for at in range(len(reply(query)) + 2)])
    assert ask(TCP, partial(there.dial, TCP)) == reply(QUERY)


@pytest.mark.parametrize("rubbish", [b"", b"\0", b"\0\0", b"\xff\xffhalf", b"\0\4what"])
def test_a_stream_of_rubbish_brings_the_next(upstream: Callable[[Making], Upstream], rubbish: bytes) -> None:
    first, second = upstream(lambda _: [rubbish]), upstream(lambda query: [framed(reply(query))])
    assert ask(TCP, partial(first.dial, TCP), partial(second.dial, TCP)) == reply(QUERY)
