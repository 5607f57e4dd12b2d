"""Kept connections: reused, repeated only when harmless, dropped in a forked child; failures have names."""

from __future__ import annotations

import asyncio
import os
import socket
import threading
from typing import Any

import pytest
from pretendengine import Answer, Asked, PretendEngine

from dockerkit import errors
from dockerkit.client.client import Client
from dockerkit.client.transport import dial
from dockerkit.client.transport.failures import refusal, stream_failure
from dockerkit.client.transport.http import RawStream
from dockerkit.client.transport.pool import Pool


@pytest.fixture
def pool(engine: PretendEngine) -> Any:
    engine.on("GET", "/x", b"hello")
    engine.on("POST", "/x", b"made")
    kept = Pool(engine.url, dial.unix(engine.path))
    yield kept
    kept.close()


def get(pool: Pool, method: str = "GET") -> bytes:
    return pool.request(method, "/x", timeout=5).read()


def test_connection_is_kept(engine: PretendEngine, pool: Pool) -> None:
    assert [get(pool) for _ in range(5)] == [b"hello"] * 5
    assert engine.connections == 1


def test_connection_that_the_engine_closes_is_not_kept(engine: PretendEngine, pool: Pool) -> None:
    engine.on("GET", "/x", Answer(b"bye", close=True))
    assert get(pool) == get(pool) == b"bye"
    assert engine.connections == 2


def test_connection_gone_stale_while_idle_is_replaced_for_any_method(engine: PretendEngine, pool: Pool) -> None:
    get(pool)
    engine.drop_connections()
    assert get(pool, "POST") == b"made"


def test_idempotent_request_is_repeated_once_when_a_kept_connection_breaks(engine: PretendEngine, pool: Pool) -> None:
    get(pool)
    answers = iter([Answer(hang_up=True), Answer(b"second")])
    engine.on("GET", "/x", lambda asked: next(answers))
    assert get(pool) == b"second"


def test_post_is_never_repeated(engine: PretendEngine, pool: Pool) -> None:
    get(pool)
    engine.on("POST", "/x", Answer(hang_up=True))
    with pytest.raises(errors.Unavailable):
        get(pool, "POST")
    assert engine.requests.count("POST /x") == 1


def test_fresh_connection_that_breaks_is_not_repeated(engine: PretendEngine, pool: Pool) -> None:
    engine.on("GET", "/x", Answer(hang_up=True))
    with pytest.raises(errors.Unavailable):
        get(pool)
    assert len(engine.requests) == 1


def test_answer_given_up_half_way_leaves_the_pool_usable(engine: PretendEngine, pool: Pool) -> None:
    engine.on("GET", "/x", b"y" * 1_000_000)
    with pool.request("GET", "/x", timeout=5) as answer:
        next(iter(answer))
    assert len(get(pool)) == 1_000_000


def test_peer_that_does_not_answer_in_time(engine: PretendEngine, pool: Pool) -> None:
    asked = threading.Event()
    engine.on("GET", "/x", lambda _: asked.wait(10) and Answer())
    with pytest.raises(errors.TimedOut, match="no answer in time"):
        pool.request("GET", "/x", timeout=0.05)
    asked.set()


def test_peer_that_stops_in_the_middle_of_its_answer(engine: PretendEngine, pool: Pool) -> None:
    over = threading.Event()

    def half(asked: Asked) -> Answer:
        asked.socket.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf")
        over.wait(10)
        return Answer(hang_up=True)

    engine.on("GET", "/x", half)
    answer = pool.request("GET", "/x", timeout=0.1)
    with pytest.raises(errors.TimedOut):
        answer.read()
    answer = pool.request("GET", "/x", timeout=10)
    over.set()
    with pytest.raises(errors.Unavailable):
        answer.read()


def test_many_threads_share_the_pool(engine: PretendEngine, pool: Pool) -> None:
    got: list[bytes] = []
    threads = [threading.Thread(target=lambda: got.extend(get(pool) for _ in range(10))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert got == [b"hello"] * 80
    assert engine.connections <= 8


def test_works_where_an_event_loop_runs(pool: Pool) -> None:
    async def inside() -> bytes:
        return get(pool)

    assert asyncio.run(inside()) == b"hello"


def test_forked_child_opens_its_own_and_leaves_the_parents_alone(engine: PretendEngine, pool: Pool) -> None:
    get(pool)
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.write(writer, get(pool))
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    os.close(writer)
    with open(reader, "rb") as said:
        assert said.read() == b"hello"
    assert get(pool) == b"hello"
    assert engine.connections == 2


def test_upgrade_keeps_bytes_that_come_with_the_head_and_both_directions(engine: PretendEngine, pool: Pool) -> None:
    def talk(sock: socket.socket) -> None:
        sock.sendall(b"early")
        while data := sock.recv(100):
            sock.sendall(data.upper())
        sock.sendall(b"end")

    engine.on("POST", "/up", Answer(upgrade=talk))
    stream = pool.upgrade("/up", timeout=5)
    assert isinstance(stream, RawStream)
    stream.socket.sendall(b"abc")
    stream.socket.shutdown(socket.SHUT_WR)
    got = stream.received()
    while data := stream.socket.recv(100):
        got += data
    stream.close()
    assert got == b"earlyABCend"
    assert {k.lower(): v for k, v in engine.asked[0].headers.items()}["upgrade"] == "tcp"


def test_refused_upgrade_is_an_answer(engine: PretendEngine, pool: Pool) -> None:
    engine.on("POST", "/up", Answer({"message": "no"}, 409))
    answer = pool.upgrade("/up", timeout=5)
    assert not isinstance(answer, RawStream)
    assert answer.status == 409
    answer.close()


def test_old_engines_answer_an_upgrade_with_200(tmp_path: Any) -> None:
    path = str(tmp_path / "old.sock")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen()

        def serve() -> None:
            peer, _ = listener.accept()
            with peer:
                peer.recv(65536)
                peer.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/vnd.docker.raw-stream\r\n\r\nraw")

        thread = threading.Thread(target=serve)
        thread.start()
        stream = Pool("unix://old", dial.unix(path)).upgrade("/up", timeout=5)
        assert isinstance(stream, RawStream)
        got = stream.received() + stream.socket.recv(100)
        thread.join()
        stream.close()
    assert got == b"raw"
    assert stream.content_type == "application/vnd.docker.raw-stream"


def test_nobody_there_names_the_url_and_the_next_step(tmp_path: Any) -> None:
    url = f"unix://{tmp_path}/nobody.sock"
    with pytest.raises(errors.Unavailable, match=r"nobody\.sock") as caught:
        Client(url).ping()
    assert "DOCKERKIT_HOST" in caught.value.hint


def test_socket_of_somebody_else_is_not_allowed() -> None:
    def dial_denied(timeout: float | None) -> socket.socket:
        raise PermissionError(13, "Permission denied")

    with pytest.raises(errors.NotAllowed, match="permission denied") as caught:
        Pool("unix:///x.sock", dial_denied).request("GET", "/x")
    assert caught.value.hint


def test_peer_that_speaks_no_http(tmp_path: Any) -> None:
    ours, theirs = socket.socketpair()
    theirs.sendall(b"SSH-2.0-OpenSSH\r\n\r\n")
    with pytest.raises(errors.Unavailable, match="not HTTP"):
        Pool("tcp://x:22", lambda timeout: ours).request("GET", "/x", timeout=5)
    theirs.close()


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (400, b'{"message":"bad"}', errors.Invalid),
        (403, b'{"message":"no"}', errors.NotAllowed),
        (404, b'{"message":"No such container: x"}', errors.NotFound),
        (404, b'{"message":"page not found"}', errors.Unsupported),
        (409, b'{"message":"in use"}', errors.Conflict),
        (500, b'{"message":"boom"}', errors.Failed),
        (500, b'{"message":"dial tcp: lookup registry-1.docker.io: no such host"}', errors.Unavailable),
        (500, b'{"message":"write: no space left on device"}', errors.Exhausted),
        (501, b'{"message":"later"}', errors.Unsupported),
        (503, b"<html>proxy</html>", errors.Unavailable),
        (400, b'{"message":"m","class":"ContainerFailed","hint":"h"}', errors.ContainerFailed),
        (500, b'{"message":"m","class":"Exhausted"}', errors.Exhausted),
        (409, b'{"message":"m","class":"os"}', errors.Conflict),
        (418, b"", errors.Failed),
        (404, b"[1]", errors.NotFound),
    ],
)
def test_refusal_has_the_class_it_means(status: int, body: bytes, kind: type[Exception]) -> None:
    error = refusal(status, body, asked="GET /x", url="unix:///x")
    assert type(error) is kind
    assert error.message


def test_hint_of_our_daemon_arrives() -> None:
    assert refusal(409, b'{"message":"m","class":"Conflict","hint":"do this"}', asked="", url="").hint == "do this"


@pytest.mark.parametrize(
    ("message", "kind"),
    [
        ({"error": "manifest for x:1 not found: manifest unknown"}, errors.NotFound),
        ({"errorDetail": {"message": "m", "class": "Unavailable", "hint": "h"}, "error": "m"}, errors.Unavailable),
        ({"error": "something"}, errors.Failed),
    ],
)
def test_end_of_a_pull_has_the_class_it_means(message: dict[str, Any], kind: type[Exception]) -> None:
    assert type(stream_failure(message)) is kind
