"""What a handler returns: a whole response, a stream, or the end of HTTP on this connection. Values; never does I/O."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

from dockerkit.daemon.api.frames import STDERR
from dockerkit.schema import wire

JSON = "application/json"
RAW_STREAM = "application/vnd.docker.raw-stream"
"""Bytes of a terminal, or (before API 1.42, and without upgrade) of anything."""
MULTIPLEXED_STREAM = "application/vnd.docker.multiplexed-stream"
"""Frames: one byte of stream number, three of nothing, four of length, then the bytes."""


@dataclass(slots=True)
class Response:
    """A response that is known whole; 204 and 304 have no body."""

    status: int = 200
    body: bytes = b""
    content_type: str = JSON
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(slots=True)
class Stream:
    """A chunked response: the head is sent before the first chunk is asked for."""

    chunks: AsyncGenerator[bytes, None]
    content_type: str = JSON


class Pieces(Protocol):
    """Bytes that are made as they are asked for, by something that holds on to what it makes them of until it is closed."""

    def __iter__(self) -> Iterator[bytes]:
        """Return itself."""

    def __next__(self) -> bytes:
        """Return the next piece."""

    def close(self) -> None:
        """Let go."""


@dataclass(slots=True)
class Transfer:
    """A chunked response of blocking work: threads make the pieces and write them to the client's socket themselves."""

    pieces: Pieces
    content_type: str
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(slots=True)
class RawStream:
    """The connection leaves HTTP, gets these bytes unframed and is closed: a hijacked stream that only we write."""

    chunks: AsyncGenerator[bytes, None]
    content_type: str = RAW_STREAM


@dataclass(slots=True)
class Handover:
    """The connection leaves HTTP and its socket is given away.

    :param take: gets a duplicate of the client's socket, which is then its own to close, and the bytes that the client
        sent after its request. Called on a thread, after the head has left; nobody reads the socket any more.
    :param key: the container's id: a start of it waits until the socket has been taken.
    :param framed: whether an error met after the head is sent as a frame, of the stream `told_on`, or bare.
    """

    take: Callable[[int, bytes], None]
    key: str
    content_type: str = RAW_STREAM
    framed: bool = True
    told_on: int = STDERR
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(slots=True)
class Upgrade:
    """The connection leaves HTTP and stays here, under another protocol, which is told ``connection_made``."""

    protocol: asyncio.Protocol
    content_type: str = RAW_STREAM


Answer = Response | Stream | Transfer | RawStream | Handover | Upgrade
Pending = Answer | Awaitable[Answer]
"""A handler that needs nobody answers at once, on the event loop; any other returns something to wait for."""


def json(value: Any, status: int = 200) -> Response:
    """Return `value` as a JSON response, with the newline that dockerd ends it with."""
    return Response(status, wire.encode(value) + b"\n")


NO_CONTENT = Response(204)
NOT_MODIFIED = Response(304)
