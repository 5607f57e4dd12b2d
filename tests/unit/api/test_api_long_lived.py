"""Streams that last: what slow, absent and many clients cost, and that whoever goes leaves nothing open."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import threading
import time

import pytest
from api_client import raw, read_all, read_head
from pretend_verbs import PretendTar
from pretended_server import Pretended

from dockerkit.daemon.api import listener as listening
from dockerkit.daemon.api.doorbell import Doorbell


def until(condition, seconds: float = 20.0) -> None:
    """Wait until `condition` holds."""
    end, pause = time.monotonic() + seconds, threading.Event()
    while not condition():
        assert time.monotonic() < end, "it never happened"
        pause.wait(0.005)


def settled(value) -> int:
    """Return `value()` once it has stopped changing."""
    before, pause = None, threading.Event()
    while (now := value()) != before:
        before = now
        pause.wait(0.2)
    return now


def received(sock: socket.socket, data: bytes, enough) -> bytes:
    """Return what comes until it is `enough`."""
    while not enough(data):
        data += sock.recv(65536)
    return data


def sleeper(pretended: Pretended) -> str:
    id = pretended.api.create("sleep", "600")
    pretended.api.json("POST", f"/containers/{id}/start", status=204)
    return id


class Endless(PretendTar):
    """A tar without end; counts what was taken."""

    def __init__(self) -> None:
        super().__init__(b"")
        self.taken = 0

    def __next__(self) -> bytes:
        self.taken += 1
        return b"x" * 65536


# ------------------------------------------------------------------ archives out


def test_who_does_not_read_an_archive_is_sent_no_more_and_holds_no_thread(pretended: Pretended) -> None:
    id, tar = pretended.api.create("true"), Endless()
    pretended.engine.containers.export = lambda ref: tar
    socks = []
    for _ in range(40):  # more than there are threads for bodies
        sock, head, _ = pretended.api.hijack(f"/containers/{id}/export", upgrade=False, method="GET")
        assert head.startswith(b"HTTP/1.1 200")
        socks.append(sock)
    assert settled(lambda: tar.taken) < 40 * 32
    pretended.engine.containers.export = lambda ref: PretendTar(b"y" * 300_000)
    assert pretended.api.request("GET", f"/containers/{id}/export")[2] == b"y" * 300_000
    for sock in socks:
        sock.close()
    until(lambda: pretended.connections() == 0 and tar.closed)


def test_an_archive_goes_on_when_its_reader_does(pretended: Pretended) -> None:
    id, data = pretended.api.create("true"), bytes(range(256)) * 32768
    pretended.engine.containers.export = lambda ref: PretendTar(data)
    sock = raw(pretended.api.path)
    sock.sendall(f"GET /containers/{id}/export HTTP/1.0\r\n\r\n".encode())  # 1.0 knows no chunks
    head, rest = read_head(sock)
    for _ in range(4):
        threading.Event().wait(0.1)
        rest += sock.recv(1 << 20)
    assert b"chunked" not in head
    assert read_all(sock, rest) == data
    sock.close()


def test_an_archive_that_breaks_in_the_middle_is_seen_to_be_broken(pretended: Pretended) -> None:
    id, tar = pretended.api.create("true"), PretendTar(b"")

    def breaking():
        yield b"x" * 100_000
        raise OSError("the layer is damaged")

    tar.blocks = breaking()
    pretended.engine.containers.export = lambda ref: tar
    sock, head, rest = pretended.api.hijack(f"/containers/{id}/export", upgrade=False, method="GET")
    assert head.startswith(b"HTTP/1.1 200")
    assert not read_all(sock, rest).endswith(b"0\r\n\r\n")
    assert tar.closed
    sock.close()


# ------------------------------------------------------------------ archives in


def upload(pretended: Pretended, headers: bytes, body: bytes) -> socket.socket:
    id, sock = pretended.api.create("true"), raw(pretended.api.path)
    sock.sendall(b"PUT /containers/%s/archive?path=/tmp HTTP/1.1\r\nHost: d\r\n%s\r\n%s" % (id.encode(), headers, body))
    return sock


def test_who_hangs_up_in_the_middle_of_an_upload_frees_its_thread(pretended: Pretended) -> None:
    ended = threading.Event()

    def extract(ref, path, stream, **_):
        try:
            while stream.read(65536):
                pass
        finally:
            ended.set()

    pretended.engine.containers.extract = extract
    sock = upload(pretended, b"Content-Length: 1000000\r\n", b"x" * 5000)
    assert not ended.wait(0.1)
    sock.close()
    assert ended.wait(20)
    until(lambda: pretended.connections() == 0)


def test_a_server_that_closes_does_not_wait_for_an_upload(pretended: Pretended) -> None:
    sock = upload(pretended, b"Content-Length: 1000000\r\n", b"x" * 5000)
    until(lambda: pretended.connections() == 1)
    pretended.call(pretended.server.close(0.1))
    with contextlib.suppress(ConnectionResetError):
        read_all(sock)
    sock.close()


@pytest.mark.parametrize(
    "body",
    [
        b"zz\r\n",
        b"-5\r\nhello\r\n",
        b"5\r\nhelloworld\r\n",
        b"0x5\r\nhello\r\n",
        b"\r\n",
        b"5" * 9000,
        b"ffffffffffffffffff\r\n",
    ],
)
def test_chunks_that_are_none_are_refused_and_the_connection_is_closed(pretended: Pretended, body: bytes) -> None:
    sock = upload(pretended, b"Transfer-Encoding: chunked\r\n", body)
    sock.shutdown(socket.SHUT_WR)
    answer = read_all(sock)
    assert answer.startswith(b"HTTP/1.1 400")
    assert b"Connection: close" in answer
    sock.close()
    until(lambda: pretended.connections() == 0)


def test_an_archive_that_is_refused_unread_is_still_answered(pretended: Pretended) -> None:
    id = pretended.api.create("true")
    status, headers, body = pretended.api.request("PUT", f"/containers/{id}/archive?path=/nosuch", b"x" * (4 << 20))
    assert (status, headers["Connection"]) == (404, "close")
    assert b"Could not find the file /nosuch" in body


# ------------------------------------------------------------------ followers and listeners


def test_a_crowd_of_followers_and_listeners_takes_no_thread_and_leaves_nothing(pretended: Pretended) -> None:
    id = sleeper(pretended)
    before = threading.active_count()
    targets = (f"/containers/{id}/logs?follow=1&stdout=1", "/events")
    socks = [pretended.api.hijack(target, upgrade=False, method="GET")[0] for target in targets for _ in range(100)]
    one, events = pretended.engine.containers.find(id), pretended.engine.events
    assert (len(one.followers), len(events.subscriptions)) == (100, 100)
    assert threading.active_count() <= before + 16  # the pool of verbs, whoever uses it
    followers = list(one.followers)
    for sock in socks:
        sock.close()
    until(lambda: pretended.connections() == 0)
    assert all(follower.closed for follower in followers)
    until(lambda: not events.subscriptions)


def test_every_listener_is_told_everything_in_order(pretended: Pretended) -> None:
    socks = [pretended.api.hijack("/events", upgrade=False, method="GET") for _ in range(10)]
    for number in range(200):
        pretended.engine.events.happen("start", f"{number:03}", name="x")
    for sock, _, rest in socks:
        data = received(sock, rest, lambda data: b'"ID":"199"' in data and data.endswith(b"\n\r\n"))
        told = [json.loads(line)["Actor"]["ID"] for line in data.splitlines() if line.startswith(b"{")]
        assert told == [f"{number:03}" for number in range(200)]
        sock.close()


def test_a_listener_that_does_not_read_is_cut_off(pretended: Pretended, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listening, "BACKLOG", 50)
    sock, head, rest = pretended.api.hijack("/events", upgrade=False, method="GET")
    assert head.startswith(b"HTTP/1.1 200")
    for number in range(5000):
        pretended.engine.events.happen("start", str(number), name="x" * 200)
    with contextlib.suppress(ConnectionResetError):
        assert not read_all(sock, rest).endswith(b"0\r\n\r\n")
    sock.close()
    until(lambda: not pretended.engine.events.subscriptions)


def test_who_leaves_in_the_middle_of_history_is_written_to_no_more(pretended: Pretended, caplog) -> None:
    for number in range(5000):
        pretended.engine.events.happen("start", str(number), name="x" * 200)
    for _ in range(5):
        sock, _, _ = pretended.api.hijack("/events?since=1", upgrade=False, method="GET")
        sock.close()
    until(lambda: pretended.connections() == 0)
    assert not caplog.text


# ------------------------------------------------------------------ stats


def test_all_viewers_share_one_sample_a_second_and_the_last_stops_the_timer(pretended: Pretended) -> None:
    id, stats, samples = sleeper(pretended), pretended.engine.containers.stats, []

    def counted(ref):
        samples.append(ref)
        return stats(ref)

    pretended.server._application.sampling._sample = counted
    socks = [pretended.api.hijack(f"/containers/{id}/stats", upgrade=False, method="GET") for _ in range(20)]
    for sock, _, rest in socks:
        received(sock, rest, lambda data: data.count(b'"id":') >= 3)
    assert 2 <= len(samples) <= 4
    for sock, _, _ in socks:
        sock.close()
    until(lambda: pretended.server._application.sampling._task is None)


def test_stats_of_a_container_that_is_removed_end(pretended: Pretended) -> None:
    id = sleeper(pretended)
    sock, _, rest = pretended.api.hijack(f"/containers/{id}/stats", upgrade=False, method="GET")
    pretended.api.json("DELETE", f"/containers/{id}?force=1", status=204)
    while not rest.endswith(b"0\r\n\r\n"):
        rest += sock.recv(65536)
    sock.close()


# ------------------------------------------------------------------ the bell


def test_many_rings_are_one_wake_up_and_none_is_lost() -> None:
    async def ring() -> tuple[int, int]:
        loop, heard, woken = asyncio.get_running_loop(), [], []
        soon = loop.call_soon_threadsafe
        loop.call_soon_threadsafe = lambda *words: (woken.append(1), soon(*words))
        bell, done = Doorbell(loop), asyncio.Event()
        for number in range(1000):
            bell.ring(lambda number=number: heard.append(number))
        bell.ring(done.set)
        await done.wait()
        return len(heard), len(woken)

    assert asyncio.run(ring()) == (1000, 1)


def test_a_bell_whose_loop_has_ended_is_silent() -> None:
    loop = asyncio.new_event_loop()
    loop.close()
    Doorbell(loop).ring(lambda: None)
