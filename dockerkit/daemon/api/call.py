"""One request as a handler sees it: path, query, headers, body, and the way to the engine's verbs."""

from __future__ import annotations

import asyncio
import os
import re
import socket
from collections.abc import AsyncGenerator, Callable
from concurrent.futures import Future
from functools import partial
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

import msgspec

from dockerkit.daemon.api.errors import TooLarge
from dockerkit.daemon.api.incoming import Incoming
from dockerkit.daemon.api.query import Query
from dockerkit.errors import Invalid
from dockerkit.schema import wire

if TYPE_CHECKING:
    from dockerkit.daemon.api.application import Application
    from dockerkit.daemon.api.connection import Connection
    from dockerkit.daemon.api.requests import Request
    from dockerkit.daemon.api.verbs import Engine

P = ParamSpec("P")
T = TypeVar("T")
M = TypeVar("M")
JSON_LIMIT = 16 * 1024 * 1024
"""Longest JSON body that is read, in bytes."""
_LONG_NUMBER = re.compile(rb"[0-9]{19}")


class Call:
    """A request under way. The body is read only when asked for, so a handler may refuse before it is sent."""

    __slots__ = ("_connection", "_query", "application", "has_body", "headers", "method", "parameters", "path", "version")

    def __init__(self, connection: Connection, request: Request) -> None:
        self._connection = connection
        self.application: Application = connection.application
        self.method = request.method.decode("ascii")
        target = request.target.decode("ascii")
        if not target.startswith("/"):
            target = _origin_form(target)
        self.path, _, self._query = target.partition("?")
        self.headers = request.headers
        self.has_body = b"transfer-encoding" in self.headers or self.content_length > 0
        self.parameters: tuple[str, ...] = ()
        self.version: tuple[int, int] = (0, 0)

    @property
    def engine(self) -> Engine:
        """The engine, whose reads may be called directly and whose verbs go through :meth:`run`."""
        return self.application.engine

    @property
    def query(self) -> Query:
        """The query string, decoded now.

        :raises Invalid: a malformed escape.
        """
        return Query(self._query)

    @property
    def ref(self) -> str:
        """The path's first parameter: the name or id of what the request is about."""
        return self.parameters[0]

    @property
    def content_length(self) -> int:
        """Length of the body in bytes, 0 when the client did not say (it has been checked that it is a number)."""
        return int(self.headers.get(b"content-length", b"0"))

    @property
    def wants_upgrade(self) -> bool:
        """Whether the client asks to leave HTTP by 101; as dockerd, any ``Upgrade`` header does."""
        return b"upgrade" in self.headers

    @property
    def socket(self) -> socket.socket:
        """The client's socket, for asking who the peer is; never to read or write."""
        return self._connection.socket

    def header(self, name: bytes) -> str:
        """Return a header by its lower-case name, empty when absent."""
        return self.headers.get(name, b"").decode("latin-1")

    def run(self, verb: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> asyncio.Future[T]:
        """Call a blocking verb of the engine on a thread."""
        return self.application.run(verb, *args, **kwargs)

    async def run_lasting(self, verb: Callable[P, Future[T]], *args: P.args, **kwargs: P.kwargs) -> T:
        """Call a verb that returns a future and see it through, even when the client hangs up meanwhile."""
        future = await asyncio.shield(self.run(verb, *args, **kwargs))
        return await asyncio.shield(asyncio.wrap_future(future))

    async def acquire(self, verb: Callable[[], T], close: Callable[[T], None]) -> T:
        """Call a verb that returns something to be closed; `close` gets it when the client hangs up meanwhile."""
        work = self.run(verb)
        try:
            return await asyncio.shield(work)
        except asyncio.CancelledError:
            work.add_done_callback(partial(_close, close))
            raise

    async def upload(self, take: Callable[[Incoming], None]) -> None:
        """Call `take` on a thread with the body, which it reads straight from the client's socket.

        :raises Invalid: the body is malformed or ends early. Anything else is raised by `take`.
        """
        connection = self._connection
        own = socket.socket(fileno=os.dup(self.socket.fileno()))
        chunked = b"transfer-encoding" in self.headers
        body = Incoming(own, connection.lend() if self.has_body else b"", None if chunked else self.content_length)

        def work() -> None:
            try:
                take(body)
                body.skip()
            finally:
                body.close()

        working = self.application.transfer_body(work)
        try:
            await asyncio.shield(working)
        except asyncio.CancelledError:
            body.interrupt()
            working.add_done_callback(_forget)
            raise
        finally:
            if body.whole and self.has_body:
                connection.take_back(body.rest)

    def body(self) -> AsyncGenerator[bytes, None]:
        """Iterate over the body as it comes; the client is held back while nobody asks.

        :raises Invalid: the body is malformed or ends early.
        """
        return self._connection.body()

    async def read(self, limit: int = JSON_LIMIT) -> bytes:
        """Return the whole body.

        :raises Invalid: longer than `limit` bytes (413), or malformed.
        """
        too_large = TooLarge(f"request body is larger than {limit} bytes")
        if self.content_length > limit:
            raise too_large
        whole = bytearray()
        async for chunk in self.body():
            whole += chunk
            if len(whole) > limit:
                raise too_large
        return bytes(whole)

    async def json(self, model: type[M]) -> M:
        """Return the body, which has to be JSON, as `model`.

        :raises Invalid: another content type, no body, not JSON or ill-typed; in dockerd's words.
        """
        kind = self.header(b"content-type")
        if kind.partition(";")[0].strip().lower() != "application/json" and (kind or self.has_body):
            raise Invalid(f"unsupported Content-Type header ({kind}): must be 'application/json'")
        body = await self.read()
        if not body:
            raise Invalid("invalid JSON: got EOF while reading request body")
        try:
            if _LONG_NUMBER.search(body):
                _check_integers(msgspec.json.decode(body))
            return wire.decode(body, model)
        except msgspec.DecodeError as error:
            raise Invalid(f"invalid JSON: {error}") from None
        except RecursionError:
            raise Invalid("invalid JSON: nested too deep") from None


def _close(close: Callable[[T], None], work: asyncio.Future[T]) -> None:
    if not work.cancelled() and work.exception() is None:
        close(work.result())


def _forget(work: asyncio.Future[None]) -> None:
    """Take note of how `work` ended: nobody is there to be told."""
    if not work.cancelled():
        work.exception()


def _check_integers(value: Any) -> None:
    """Refuse integers that Docker's (and SQLite's, and the kernel's) 64 bits cannot hold; Python's would."""
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        raise Invalid(f"invalid JSON: number {value} does not fit into 64 bits")
    for item in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        _check_integers(item)


def _origin_form(target: str) -> str:
    """``http://docker/v1.41/info`` → ``/v1.41/info`` (RFC 9112, absolute form)."""
    _, scheme, rest = target.partition("://")
    return "/" + rest.partition("/")[2] if scheme else target
