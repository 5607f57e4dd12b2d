"""What a client must never be able to do to the server: crash it, fill it, hold it, or leak into it."""

from __future__ import annotations

import gc
import re
import socket
import threading
import time

import pytest
from api_client import Api, UnixConnection, raw, read_all, read_head
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from pretended_server import Pretended

SERVED_AFTERWARDS = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


def talk(path: str, data: bytes) -> bytes:
    """Send `data`, half-close, and return whatever comes; a reset is an answer too."""
    sock = raw(path)
    try:
        sock.sendall(data)
        sock.shutdown(socket.SHUT_WR)
        return read_all(sock)
    except (BrokenPipeError, ConnectionResetError):
        return b""
    finally:
        sock.close()


@SERVED_AFTERWARDS
@given(data=st.binary(max_size=300))
@example(b"\r\n\r\n\r\n")
@example(b"GET / HTTP/1.1\r\n\r\n")
@example(b"GET / HTTP/9.9\r\nHost: d\r\n\r\n")
@example(b"GET /\x00 HTTP/1.1\r\nHost: d\r\n\r\n")
@example(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
@example(b"OPTIONS * HTTP/1.1\r\nHost: d\r\n\r\n")
@example(b"GET http://d HTTP/1.1\r\nHost: d\r\n\r\n")
@example(b"CONNECT d:80 HTTP/1.1\r\nHost: d\r\n\r\n")
@example(b"GET /v..../_ping HTTP/1.1\r\nHost: d\r\n\r\n")
@example(b"GET /v" + b"9" * 5000 + b".1/_ping HTTP/1.1\r\nHost: d\r\n\r\n")
@example(b"GET /containers/%ff%fe%00/json HTTP/1.1\r\nHost: d\r\n\r\n")
@example(b"POST /containers/create HTTP/1.1\r\nHost: d\r\nContent-Length: -1\r\n\r\n")
@example(b"POST /containers/create HTTP/1.1\r\nHost: d\r\nContent-Length: 99999999999999999999\r\n\r\nx")
@example(b"POST /containers/create HTTP/1.1\r\nHost: d\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\nx")
@example(b"POST /containers/create HTTP/1.1\r\nHost: d\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n\r\n")
@example(b"POST /containers/create HTTP/1.1\r\nHost: d\r\nTransfer-Encoding: gzip\r\n\r\n")
def test_arbitrary_bytes_do_not_stop_the_server(pretended: Pretended, data: bytes) -> None:
    answer = talk(pretended.api.path, data)
    assert not answer or answer.startswith(b"HTTP/1.1 ")
    assert b" 500 " not in answer.partition(b"\r\n")[0]
    assert pretended.api.request("GET", "/_ping")[0] == 200


@SERVED_AFTERWARDS
@given(
    method=st.sampled_from(["GET", "POST", "DELETE", "PUT", "HEAD"]),
    path=st.sampled_from(
        ["/containers/json", "/containers/create", "/containers/x/wait", "/images/create", "/images/x/tag", "/info"]
    ),
    query=st.text(alphabet="=&%+;abc01{}[]\"'.:-", max_size=40),
    body=st.one_of(st.none(), st.binary(max_size=60)),
)
def test_arbitrary_queries_and_bodies_get_an_answer(pretended: Pretended, method: str, path: str, query: str, body) -> None:
    target = path + "?filters=" + query
    status, _, _ = pretended.api.request(method, target, body, {"Content-Type": "application/json"} if body else None)
    assert status in {200, 201, 204, 400, 404}


def test_header_of_ten_megabytes_gets_one_refusal_and_a_closed_connection(api: Api) -> None:
    sock = raw(api.path)
    sock.sendall(b"GET /_ping HTTP/1.1\r\nHost: d\r\nX-Big: ")
    for _ in range(10):
        sock.sendall(b"x" * (1024 * 1024))
    answer = read_all(sock)
    assert answer.startswith(b"HTTP/1.1 431 ")
    assert answer.count(b"HTTP/1.1") == 1
    assert b"request line and headers are larger than 65536 bytes" in answer
    assert b"Connection: close" in answer
    sock.close()
    assert api.request("GET", "/_ping")[0] == 200


def test_header_that_is_too_long_in_one_piece_is_refused_too(api: Api) -> None:
    sock = raw(api.path)
    sock.sendall(b"GET /_ping HTTP/1.1\r\nHost: d\r\nX-Big: " + b"x" * 70_000 + b"\r\n\r\n")
    assert read_all(sock).startswith(b"HTTP/1.1 431 ")
    sock.close()


def test_a_refused_client_that_never_stops_sending_is_cut_off(api: Api) -> None:
    sock = raw(api.path)
    with pytest.raises((BrokenPipeError, ConnectionResetError)):
        while True:
            sock.sendall(b"x" * (1024 * 1024))
    sock.close()


def test_pipelined_requests_are_answered_in_order(api: Api) -> None:
    id = api.create("true", name="piped")
    one = b"GET /containers/%s/json HTTP/1.1\r\nHost: d\r\n\r\n"
    kill = b"POST /containers/%s/kill HTTP/1.1\r\nHost: d\r\nContent-Length: 2\r\n\r\n{}"
    answer = talk(api.path, one % b"piped" + kill % b"piped" + one % b"nosuch" + kill % b"gone" + one % id.encode())
    assert re.findall(rb"HTTP/1\.1 (\d+)", answer) == [b"200", b"409", b"404", b"404", b"200"]


def test_ten_thousand_pipelined_requests_to_a_client_that_does_not_read(pretended: Pretended) -> None:
    sock = raw(pretended.api.path)
    request = b"GET /_ping HTTP/1.1\r\nHost: d\r\n\r\n"
    sender = threading.Thread(target=lambda: sock.sendall(request * 10_000))
    sender.start()
    assert pretended.api.request("GET", "/_ping")[0] == 200  # others are served meanwhile
    data = b""
    while data.count(b"HTTP/1.1 200") < 10_000:
        data += sock.recv(1 << 20)
    sender.join()
    sock.close()


def test_a_body_is_asked_for_only_when_it_is_wanted(api: Api) -> None:
    sock = raw(api.path)
    head = (
        b"POST %s HTTP/1.1\r\nHost: d\r\nContent-Type: application/json\r\nExpect: 100-continue\r\nContent-Length: 20\r\n\r\n"
    )
    sock.sendall(head % b"/containers/create")
    assert read_head(sock)[0].startswith(b"HTTP/1.1 100 ")
    sock.sendall(b'{"Image": "busybox"}')
    assert read_head(sock)[0].startswith(b"HTTP/1.1 201 ")
    sock.sendall(head % b"/nosuch")
    assert read_head(sock)[0].startswith(b"HTTP/1.1 404 ")
    assert read_all(sock) == b""  # the body never came, so the connection cannot go on
    sock.close()


def test_chunked_bodies_are_read(api: Api) -> None:
    connection = UnixConnection(api.path)
    parts = iter([b'{"Image"', b": ", b'"busybox"}'])
    headers = {"Content-Type": "application/json"}
    connection.request("POST", "/containers/create", parts, headers, encode_chunked=True)
    assert connection.getresponse().status == 201
    connection.close()


def test_chunked_body_without_end_is_refused_at_the_limit(api: Api) -> None:
    sock = raw(api.path)
    sock.sendall(
        b"POST /containers/create HTTP/1.1\r\nHost: d\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
    )
    chunk = b"%x\r\n" % (1 << 20) + b" " * (1 << 20) + b"\r\n"
    for _ in range(20):
        sock.sendall(chunk)
    assert read_all(sock).startswith(b"HTTP/1.1 413 ")
    sock.close()


def test_hanging_up_in_the_middle_of_a_body_leaves_nothing(pretended: Pretended) -> None:
    sock = raw(pretended.api.path)
    sock.sendall(
        b"POST /containers/create HTTP/1.1\r\nHost: d\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n{"
    )
    sock.close()
    until(lambda: pretended.connections() == 0)
    assert not pretended.engine.containers.all


def test_half_closing_in_the_middle_of_a_body_is_told(api: Api) -> None:
    head = b"POST /containers/create HTTP/1.1\r\nHost: d\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n{"
    answer = talk(api.path, head)
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b"malformed request body" in answer


@pytest.mark.parametrize("half_closed_first", [False, True])
def test_hanging_up_in_the_middle_of_wait_forgets_the_waiter(pretended: Pretended, half_closed_first: bool) -> None:
    id = pretended.api.create("true")
    sock, head, _ = pretended.api.hijack(f"/containers/{id}/wait?condition=next-exit", upgrade=False)
    assert head.startswith(b"HTTP/1.1 200")
    ((_, waiter),) = pretended.engine.containers.all[id].waiters
    if half_closed_first:
        sock.shutdown(socket.SHUT_WR)
        assert pretended.connections() == 1
        assert not waiter.cancelled()
    sock.close()
    until(waiter.cancelled)
    until(lambda: pretended.connections() == 0)


def test_half_closed_client_still_gets_the_answer_of_wait(pretended: Pretended) -> None:
    id = pretended.api.create("true")
    sock, _, _ = pretended.api.hijack(f"/containers/{id}/wait?condition=next-exit", upgrade=False)
    sock.shutdown(socket.SHUT_WR)
    pretended.api.json("POST", f"/containers/{id}/start", status=204)
    assert b'"StatusCode":0' in read_all(sock)
    sock.close()


def test_a_stop_goes_on_when_its_client_hangs_up(pretended: Pretended) -> None:
    id = pretended.api.create("sleep", "600")
    pretended.api.json("POST", f"/containers/{id}/start", status=204)
    waiter = pretended.engine.containers.wait(id)
    sock = raw(pretended.api.path)
    sock.sendall(b"POST /containers/%s/stop HTTP/1.1\r\nHost: d\r\n\r\n" % id.encode())
    sock.close()
    assert waiter.result(20).status_code == 137


def test_logs_are_read_only_as_fast_as_the_client_reads(pretended: Pretended) -> None:
    id = pretended.api.create("true")
    taken = 0

    def endless(*_args, **_words):
        nonlocal taken
        while True:
            taken += 1
            yield b"x" * 1024

    pretended.engine.containers.log_chunks = endless
    sock, head, _ = pretended.api.hijack(f"/containers/{id}/logs?stdout=1", upgrade=False, method="GET")
    assert head.startswith(b"HTTP/1.1 200")
    stalled = -1
    while stalled != taken:
        stalled = taken
        threading.Event().wait(0.2)
    assert stalled < 4096  # about four megabytes at most are on their way
    assert pretended.api.request("GET", "/_ping")[0] == 200
    sock.recv(1 << 20)
    sock.close()
    until(lambda: pretended.connections() == 0)


def test_an_unexpected_exception_is_a_500_and_a_traceback_in_the_log(pretended: Pretended, caplog) -> None:
    pretended.engine.system.info = lambda: 1 / 0
    answer = pretended.api.json("GET", "/info", status=500)
    assert answer["message"] == "internal error: ZeroDivisionError: division by zero"
    assert "ZeroDivisionError" in caplog.text
    assert "GET /info" in caplog.text
    pretended.engine.system.version = lambda: 1 / 0
    assert "ZeroDivisionError" in pretended.api.refused("GET", "/version", status=500)


def test_a_full_disk_is_said_as_such(pretended: Pretended) -> None:
    def full() -> None:
        raise OSError(28, "No space left on device")

    pretended.engine.system.info = full
    answer = pretended.api.json("GET", "/info", status=500)
    assert answer["class"] == "Exhausted"
    assert "No space left on device" in answer["message"]


def test_a_stream_that_breaks_in_the_middle_is_seen_to_be_broken(pretended: Pretended) -> None:
    id = pretended.api.create("true")

    def breaking(*_args, **_words):
        yield b"x" * 70_000
        raise ValueError("the log is damaged")

    pretended.engine.containers.log_chunks = breaking
    sock, head, rest = pretended.api.hijack(f"/containers/{id}/logs?stdout=1", upgrade=False, method="GET")
    assert head.startswith(b"HTTP/1.1 200")
    data = read_all(sock, rest)
    assert not data.endswith(b"0\r\n\r\n")
    sock.close()


def test_attach_that_fails_after_its_head_tells_on_standard_error(pretended: Pretended) -> None:
    id = pretended.api.create("true")
    sock, head, rest = hijack_while(pretended, id)
    assert head.startswith(b"HTTP/1.1 101")
    assert b"No such container" in read_all(sock, rest)
    sock.close()
    until(lambda: pretended.connections() == 0)


def hijack_while(pretended: Pretended, id: str):
    """Attach to a container that disappears between the look and the attach."""
    attach = pretended.engine.containers.attach

    def vanished(ref, attachment):
        pretended.engine.containers.all.clear()
        attach(ref, attachment)

    pretended.engine.containers.attach = vanished
    return pretended.api.hijack(f"/containers/{id}/attach?stream=1&stdout=1")


def until(condition, seconds: float = 20.0) -> None:
    """Wait, yielding to the other threads, until `condition` holds."""
    end = time.monotonic() + seconds
    pause = threading.Event()
    while not condition():
        gc.collect()
        assert time.monotonic() < end, "it never happened"
        pause.wait(0.005)
