"""A request as it was received; and what nearly every request looks like, read in one go. Pure.

h11 knows all of HTTP, step by step, which takes longer than most verbs. So a request that is complete, of HTTP/1.1, and says
nothing unusual about its connection or its body is read here. Whatever is not exactly so is h11's to read, or to refuse.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import h11

LONGEST_HEAD = 8 * 1024
_END = b"\r\n\r\n"
_HEAD = re.compile(rb"([A-Z]{3,7}) (/[!-~]*) HTTP/1\.1\r\n((?:[-0-9A-Za-z]+:[ -~]*\r\n)+)\r\n")
_LENGTH = re.compile(rb"[0-9]{1,15}")
_UNUSUAL = frozenset((b"transfer-encoding", b"expect", b"upgrade"))


class Request(NamedTuple):
    """Method, target and headers, whose names are in lower case."""

    method: bytes
    target: bytes
    headers: dict[bytes, bytes]


class Whole(NamedTuple):
    """A usual request with all of its body, and the bytes it was."""

    request: Request
    body: bytes
    received: bytes


def whole(received: bytearray) -> Whole | None:
    """Return the usual request that `received` begins with; None when it is not whole yet, or not usual."""
    end = received.find(_END, 0, LONGEST_HEAD)
    found = _HEAD.fullmatch(bytes(received[: end + len(_END)])) if end > 0 else None
    if found is None:
        return None
    method, target, lines = found.groups()
    headers: dict[bytes, bytes] = {}
    for line in lines[:-2].split(b"\r\n"):
        name, _, value = line.partition(b":")
        name = name.lower()
        if name in headers or name in _UNUSUAL:
            return None
        headers[name] = value.strip()
    length = headers.get(b"content-length", b"0")
    if b"host" not in headers or headers.get(b"connection", b"").lower() not in (b"", b"keep-alive"):
        return None
    if not _LENGTH.fullmatch(length) or len(received) < found.end() + int(length):
        return None
    data = bytes(received[: found.end() + int(length)])
    return Whole(Request(method, target, headers), data[found.end() :], data)


def read(event: h11.Request) -> Request:
    """Return the request that h11 has read."""
    return Request(event.method, event.target, {name.lower(): value for name, value in event.headers.raw_items()})


def size(event: h11.Request) -> int:
    """Return the bytes of a request's head: one that came in one piece is as long as its client likes, h11 lets it pass."""
    return len(event.target) + sum(len(name) + len(value) + 4 for name, value in event.headers.raw_items())
