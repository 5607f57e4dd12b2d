"""A request and its answer, as the verbs see them. Knows neither sockets nor the store."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from dockerkit.daemon.registry.server.refusals import Refusal

Headers = list[tuple[str, str]]


class Body(Protocol):
    """What comes with a request."""

    length: int | None
    """Bytes it has; None when it does not say."""

    def pieces(self) -> Iterator[bytes]:
        """Iterate over it as it arrives.

        :raises ConnectionError: it ended early.
        :raises TimeoutError: it did not go on.
        """


@dataclass(frozen=True, slots=True)
class Asked:
    """One request.

    :param path: without its query, percent-decoded.
    :param headers: names in lower case.
    """

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: Body


def whole(body: Body, limit: int) -> bytes:
    """Return a small body.

    :raises Refusal: 413: it is larger.
    """
    too_large = Refusal("SIZE_INVALID", f"the body is larger than {limit} bytes", status=413)
    if body.length is not None and body.length > limit:
        raise too_large
    found = bytearray()
    for piece in body.pieces():
        found += piece
        if len(found) > limit:
            raise too_large
    return bytes(found)


@dataclass(slots=True)
class Part:
    """A part of a file that is sent; its descriptor is closed by whoever sends it."""

    descriptor: int
    offset: int
    length: int

    def close(self) -> None:
        """Let go of the file."""
        with contextlib.suppress(OSError):  # closed already
            os.close(self.descriptor)
        self.descriptor = -1


@dataclass(slots=True)
class Reply:
    """One answer."""

    status: int = 200
    headers: Headers = field(default_factory=list)
    body: bytes | Part = b""
    close: bool = False


def document(value: Any, *, media_type: str = "application/json", headers: Headers | None = None) -> Reply:
    """Return an answer that is JSON."""
    body = json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass") + b"\n"
    return Reply(200, [("Content-Type", media_type), *(headers or [])], body)


def refused(refusal: Refusal) -> Reply:
    """Return the answer that a refusal is."""
    return Reply(
        refusal.status, [("Content-Type", "application/json"), *refusal.headers], refusal.document, close=refusal.close
    )
