"""A request that is read in one go is the one h11 would have read; everything else is left to h11."""

from __future__ import annotations

import h11
import pytest

from dockerkit.daemon.api.requests import LONGEST_HEAD, Request, read, whole

DOCKER_PY = (
    b"POST /v1.41/containers/create?name=a%20b HTTP/1.1\r\nHost: localhost\r\nUser-Agent: docker-sdk-python/7.1.0\r\n"
    b"Accept-Encoding: gzip, deflate\r\nAccept: */*\r\nConnection: keep-alive\r\nContent-Type: application/json\r\n"
    b'Content-Length: 11\r\n\r\n{"Tty": true}'
)
CURL = b"GET /_ping HTTP/1.1\r\nHost: d\r\nX-Empty:\r\nX-Tight:value\r\nX-Wide:   value  \r\n\r\n"


def by_h11(data: bytes) -> tuple[Request, bytes]:
    """Return the request and its body as h11 reads them."""
    connection = h11.Connection(h11.SERVER)
    connection.receive_data(data)
    event = connection.next_event()
    assert isinstance(event, h11.Request)
    body = b""
    while isinstance(part := connection.next_event(), h11.Data):
        body += part.data
    assert isinstance(part, h11.EndOfMessage)
    return read(event), body


@pytest.mark.parametrize("data", [DOCKER_PY, CURL, CURL + CURL, CURL.replace(b"GET", b"HEAD")])
def test_usual_requests_are_read_as_h11_reads_them(data: bytes) -> None:
    found = whole(bytearray(data))
    assert found is not None
    assert (found.request, found.body) == by_h11(data)
    assert data.startswith(found.received)
    assert found.received.endswith(b"\r\n\r\n" + found.body)


@pytest.mark.parametrize("cut", [1, 20, 200, len(DOCKER_PY) - 12, len(DOCKER_PY) - 4])
def test_what_is_not_here_whole_is_left_to_h11(cut: int) -> None:
    assert whole(bytearray(DOCKER_PY[:cut])) is None


@pytest.mark.parametrize(
    "head",
    [
        b"GET / HTTP/1.0\r\nHost: d",
        b"GET / HTTP/1.1\r\nX: no host",
        b"GET http://d/ HTTP/1.1\r\nHost: d",
        b"GET / HTTP/1.1\r\nHost: d\r\nHost: e",
        b"GET / HTTP/1.1\r\nHost: d\r\nContent-Length: 0\r\nContent-Length: 1",
        b"GET / HTTP/1.1\r\nHost: d\r\nContent-Length: -1",
        b"GET / HTTP/1.1\r\nHost: d\r\nContent-Length: +1",
        b"GET / HTTP/1.1\r\nHost: d\r\nContent-Length: 0, 0",
        b"GET / HTTP/1.1\r\nHost: d\r\nTransfer-Encoding: chunked",
        b"GET / HTTP/1.1\r\nHost: d\r\nConnection: close",
        b"GET / HTTP/1.1\r\nHost: d\r\nConnection: Upgrade\r\nUpgrade: tcp",
        b"GET / HTTP/1.1\r\nHost: d\r\nExpect: 100-continue",
        b"GET / HTTP/1.1\r\nHost: d\r\n folded: line",
        b"GET / HTTP/1.1\r\nHost : d",
        b"GET / HTTP/1.1\r\nHost: d\nX: bare newline",
        b"GET / HTTP/1.1\r\nHost: d\r\nX: nul\0",
        b"GET / HTTP/1.1\r\nHost: d\r\nX: \xff",
        b"GET /a b HTTP/1.1\r\nHost: d",
        b"get / HTTP/1.1\r\nHost: d",
        b"\r\nGET / HTTP/1.1\r\nHost: d",
        b"GET / HTTP/1.1\r\nHost: d\r\nX: " + bytes(LONGEST_HEAD).replace(b"\0", b"x"),
    ],
)
def test_whatever_is_unusual_is_left_to_h11(head: bytes) -> None:
    assert whole(bytearray(head + b"\r\n\r\n")) is None


def test_a_head_that_nearly_fits_costs_no_more_than_one_that_does() -> None:
    lines = b"".join(b"X-%d: %s\r\n" % (number, b" " * 100) for number in range(60))
    assert whole(bytearray(b"GET / HTTP/1.1\r\nHost: d\r\n" + lines + b"bad\r\n\r\n")) is None
