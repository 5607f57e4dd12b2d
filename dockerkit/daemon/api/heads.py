"""Response heads: the headers dockerd puts on every response, and the status lines of connections that leave HTTP. Pure."""

from __future__ import annotations

import time
from collections.abc import Iterable
from functools import cache
from http import HTTPStatus

import h11

from dockerkit.daemon.api.answers import Response
from dockerkit.schema.endpoint import API_VERSION
from dockerkit.schema.version import VERSION

Headers = list[tuple[str, str]]

SERVER = f"dockerkit/{VERSION} (linux)"
_FIXED: Headers = [
    ("Api-Version", API_VERSION),
    ("Docker-Experimental", "false"),
    ("Ostype", "linux"),
    ("Server", SERVER),
]
_REASONS = {status.value: status.phrase.encode() for status in HTTPStatus}
_BODILESS = (204, 304)
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
"""Of RFC 9110, whatever the locale; ``email.utils`` has them too, and half a megabyte besides."""
_of = {"second": 0}
"""The second that the cache of heads is of."""


@cache
def _date(second: int) -> tuple[str, str]:
    _date.cache_clear()
    now = time.gmtime(second)
    day, month = _DAYS[now.tm_wday], _MONTHS[now.tm_mon - 1]
    return ("Date", f"{day}, {now.tm_mday:02} {month} {now.tm_year} {now.tm_hour:02}:{now.tm_min:02}:{now.tm_sec:02} GMT")


@cache
def _fixed(status: int, content_type: str, second: int) -> bytes:
    """Return the head up to what differs between two responses of one second."""
    if _of.get("second") != second:
        _fixed.cache_clear()
        _of["second"] = second
    headers = [*_FIXED, _date(second)] + ([] if status in _BODILESS else [("Content-Type", content_type)])
    lines = [b"HTTP/1.1 %d %s" % (status, _REASONS.get(status, b"")), *(f"{name}: {value}".encode() for name, value in headers)]
    return b"\r\n".join(lines)


def whole(answer: Response, *, bodiless: bool) -> bytes:
    """Return a whole response to a request of HTTP/1.1 whose connection stays; no header of its own may need a check.

    :param bodiless: the request was HEAD.
    """
    head = _fixed(answer.status, answer.content_type, int(time.time()))
    if answer.status in _BODILESS:
        return head + b"\r\n\r\n"
    return b"%s\r\nContent-Length: %d\r\n\r\n%s" % (head, len(answer.body), b"" if bodiless else answer.body)


def response_head(answer: Response, *, close: bool = False) -> h11.Response:
    """Return the head of a whole response.

    :param close: say that the connection ends with it.
    """
    headers = [*_FIXED, _date(int(time.time())), *answer.headers]
    if answer.status not in _BODILESS:
        headers += [("Content-Type", answer.content_type), ("Content-Length", str(len(answer.body)))]
    if close:
        headers.append(("Connection", "close"))
    return h11.Response(status_code=answer.status, headers=headers, reason=_REASONS.get(answer.status, b""))


def stream_head(content_type: str, more: Iterable[tuple[str, str]] = ()) -> h11.Response:
    """Return the head of a chunked response."""
    headers = [*_FIXED, _date(int(time.time())), ("Content-Type", content_type), *more, ("Transfer-Encoding", "chunked")]
    return h11.Response(status_code=200, headers=headers, reason=b"OK")


def hijack_head(content_type: str, *, upgrade: bool, more: Iterable[tuple[str, str]] = ()) -> bytes:
    """Return the head after which the connection is no longer HTTP.

    :param upgrade: the client asked for ``Upgrade: tcp`` and gets 101; otherwise 200 and, as from dockerd, the raw type.
    """
    first = "101 UPGRADED" if upgrade else "200 OK"
    extra: Headers = [("Connection", "Upgrade"), ("Upgrade", "tcp")] if upgrade else []
    headers = [("Content-Type", content_type), *extra, *_FIXED, *more]
    lines = [f"HTTP/1.1 {first}", *(f"{name}: {value}" for name, value in headers)]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()
