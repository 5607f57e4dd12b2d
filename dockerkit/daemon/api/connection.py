"""One client's connection: bytes to requests, one request at a time, every buffered byte accounted for.

Usual requests are read in one go (``requests``); h11, which reads all others, is told of one only when its answer needs it.

Requests whose answer needs nobody are answered in the callback that brought their last byte; the others get a task, which is
cancelled when the client hangs up. Never reads faster than handlers consume, nor writes faster than the client reads.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import AsyncGenerator
from typing import Any, cast

import h11

from dockerkit.daemon.api import delivery, errors, heads
from dockerkit.daemon.api.answers import Pending, Response
from dockerkit.daemon.api.application import Application
from dockerkit.daemon.api.call import Call
from dockerkit.daemon.api.hangup import HangUp
from dockerkit.daemon.api.requests import Request, Whole, read, size, whole
from dockerkit.errors import Invalid

log = logging.getLogger(__name__)
HEADER_LIMIT = 64 * 1024
"""Longest request line and headers, in bytes."""
TOO_LONG = f"request line and headers are larger than {HEADER_LIMIT} bytes"
PENDING_LIMIT = 256 * 1024
"""Bytes kept for a handler that does not read before the client is held back."""
SKIP_LIMIT = 256 * 1024
"""Bytes of an unread body that are skipped to keep the connection; beyond, it is closed."""
TURN = 16
"""Pipelined requests that are answered in one go before the other clients get their turn."""
_CONTINUE = h11.InformationalResponse(status_code=100, headers=[], reason=b"Continue")
LINGER_BYTES, LINGER_SECONDS = 64 * 1024 * 1024, 2.0
"""How much of what a refused client still sends is swallowed, so that it gets to read the refusal."""


class Connection(asyncio.BufferedProtocol):
    """The server's side of one HTTP/1.1 connection."""

    transport: asyncio.Transport

    def __init__(self, application: Application) -> None:
        self.application = application
        self._http: h11.Connection | None = None
        self._whole: Whole | None = None  # the request under way, of which h11 does not know
        self._pending = bytearray()  # received, not yet looked at
        self._ended = False  # the client has closed its sending half
        self._task: asyncio.Task[None] | None = None
        self._handler: Pending | None = None
        self._more: asyncio.Future[None] | None = None  # a handler waits for bytes
        self._room: asyncio.Future[None] | None = None  # a handler waits for the client to read
        self._full = False
        self._reading = True
        self._swallow: int | None = None  # refused: bytes that are still thrown away
        self._linger: asyncio.TimerHandle | None = None
        self._hang_up: HangUp | None = None
        self._finishing = self._lost = self._left = False
        self._lent = self._read_elsewhere = False  # somebody reads the body from the socket; has read it to its end

    # what asyncio calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Count this client in."""
        self.transport = cast(asyncio.Transport, transport)
        self.application.joined(self)

    def get_buffer(self, sizehint: int) -> memoryview:
        """Lend the buffer that all connections share: it is emptied in the same turn of the loop."""
        return self.application.scratch

    def buffer_updated(self, nbytes: int) -> None:
        """Take what was received."""
        if self._swallow is not None:
            self._swallow -= nbytes
            if self._swallow < 0:
                self.transport.abort()
            return
        self._pending += self.application.scratch[:nbytes]
        if self._task is None and not self._full:
            self._advance()
        elif self._more is not None:
            _wake(self._more)
        elif len(self._pending) > PENDING_LIMIT:
            self.hold_back()

    def eof_received(self) -> bool:
        """Note that the client will send no more; what it has asked for is still answered."""
        self._ended = True
        if self._swallow is not None:
            self.transport.close()
        elif self._task is None:
            self._advance()
        else:
            _wake(self._more)
            self._hang_up = HangUp(self._task.get_loop(), self.socket.fileno(), self.transport.abort)
        return True

    def pause_writing(self) -> None:
        """Note that the client reads too slowly."""
        self._full = True

    def resume_writing(self) -> None:
        """Go on: the client has caught up."""
        self._full = False
        _wake(self._room)
        if self._task is None:
            asyncio.get_running_loop().call_soon(self._advance)

    def connection_lost(self, exc: Exception | None) -> None:
        """Cancel what is under way and count this client out."""
        self._lost = True
        if self._task is not None:
            self._task.cancel()
        if self._linger is not None:
            self._linger.cancel()
        self._unwatch()
        self.application.left(self)

    # what the server calls

    def finish(self) -> None:
        """Close when nothing is under way, else when that has been answered."""
        self._finishing = True
        if self._task is None:
            self.transport.close()

    def abort(self) -> None:
        """Close now; a handler that is under way is cancelled."""
        self.transport.abort()

    # what handlers and deliveries call

    @property
    def http(self) -> h11.Connection:
        """What h11 knows of the request under way: everything."""
        if self._http is None:
            self._http = h11.Connection(h11.SERVER, max_incomplete_event_size=HEADER_LIMIT)
            if self._whole is not None:
                whole, self._whole = self._whole, None
                self._http.receive_data(whole.received)
                self._http.next_event()
                if not whole.body:
                    self._http.next_event()
        return self._http

    @property
    def client_waits(self) -> bool:
        """Whether the client waits to be asked for the request's body."""
        return self._http is not None and self._http.they_are_waiting_for_100_continue

    @property
    def socket(self) -> socket.socket:
        """The client's socket; asyncio's, not to be read, written or closed here."""
        return cast(socket.socket, self.transport.get_extra_info("socket"))

    def send(self, *events: h11.Response | h11.InformationalResponse | h11.Data | h11.EndOfMessage) -> None:
        """Write parts of a response; one write for all of them."""
        self.transport.write(b"".join(self.http.send(event) or b"" for event in events))

    async def room(self) -> None:
        """Return when the client has read enough that more may be written; never when it has gone: then we are cancelled."""
        while self._full or self.transport.is_closing():
            self._room = asyncio.get_running_loop().create_future()
            await self._room

    async def flushed(self) -> None:
        """Return when every byte written has left."""
        self.transport.set_write_buffer_limits(high=0)
        await self.room()

    async def body(self) -> AsyncGenerator[bytes, None]:
        """Iterate over the request's body, asking for it when the client waits to be asked (``Expect: 100-continue``).

        :raises Invalid: malformed, or it ends early.
        """
        if self._whole is not None:
            if self._whole.body:
                yield self._whole.body
            return
        while self.http.their_state is h11.SEND_BODY:
            try:
                event = self.http.next_event()
            except h11.RemoteProtocolError as error:
                raise Invalid(f"malformed request body: {error}") from None
            if isinstance(event, h11.Data):
                yield bytes(event.data)
            elif event is h11.NEED_DATA:
                if self.http.they_are_waiting_for_100_continue:
                    self.send(_CONTINUE)
                await self._receive()

    def leave(self) -> tuple[bytes, bool]:
        """Leave HTTP; return the bytes received after the request, and whether those were the client's last."""
        self._left = True
        self._unwatch()
        received = bytes(self._pending) if self._whole is not None else self.http.trailing_data[0] + bytes(self._pending)
        self._pending.clear()
        return received, self._ended

    def lend(self) -> bytes:
        """Leave the rest of the request's body to somebody who reads the socket; return what was received of it already."""
        self.hold_back()
        if self.http.they_are_waiting_for_100_continue:
            self.send(_CONTINUE)
        received = self.http.trailing_data[0] + bytes(self._pending)
        self._pending.clear()
        self._lent = True
        return received

    def take_back(self, received: bytes) -> None:
        """Go on: the body has been read to its end, and `received` behind it."""
        self._pending[:0] = received
        self._lent, self._read_elsewhere = False, True

    def hold_back(self) -> None:
        """Stop reading: the client is held back by its full socket."""
        if self._reading and not self._ended:
            self._reading = False
            self.transport.pause_reading()

    def respond(self, answer: Response, method: str) -> None:
        """Write a whole response. HEAD gets the head alone."""
        all_here = self._whole is not None or self.http.their_state is h11.DONE
        if all_here and not (answer.headers or self._finishing):
            # the request has been seen whole and the connection stays: what h11 would do for the answer is known
            self.transport.write(heads.whole(answer, bodiless=method == "HEAD"))
            self._renew()
            return
        close = self._finishing or self._lent or self.http.their_state is h11.ERROR
        parts: list[Any] = [heads.response_head(answer, close=close)]
        if answer.body and method != "HEAD":
            parts.append(h11.Data(data=answer.body))
        self.send(*parts, h11.EndOfMessage())

    async def skip_body(self) -> None:
        """Read past what the handler left of the body, if it is not much and the client is sending it already."""
        left = SKIP_LIMIT
        if self._http is not None and self._http.their_state is h11.SEND_BODY and not (self._lent or self._read_elsewhere):
            try:
                async for chunk in self.body():
                    left -= len(chunk)
                    if left < 0:
                        return
            except Invalid:
                return  # answered already; the broken rest only means that the connection cannot be kept

    # one request after the other

    def _advance(self) -> None:
        """Begin the requests that have been received, until one needs a task or others have waited long enough."""
        for _ in range(TURN):
            if self._task is not None or self._full or self._lost or self._left or self._swallow is not None:
                return
            if self._http is None and not (self._pending or self._ended):
                return
            request = self._usual() or self._unusual()
            if request is None:
                return
            self._begin(request)
        asyncio.get_running_loop().call_soon(self._advance)

    def _usual(self) -> Request | None:
        """Take a usual request that is here with all of its body."""
        if self._http is not None or (found := whole(self._pending)) is None:
            return None
        self._whole = found
        del self._pending[: len(found.received)]
        self._let_in()
        return found.request

    def _unusual(self) -> Request | None:
        """Have h11 read; what cannot be served is refused."""
        self._feed()
        try:
            event = self.http.next_event()
        except h11.RemoteProtocolError as error:
            too_long = error.error_status_hint == errors.STATUS[errors.HeaderTooLarge]
            self._refuse(errors.HeaderTooLarge(TOO_LONG) if too_long else Invalid(f"malformed HTTP request: {error}"))
            return None
        if isinstance(event, h11.ConnectionClosed):
            self.transport.close()
        if not isinstance(event, h11.Request):
            return None
        if size(event) > HEADER_LIMIT:
            self._refuse(errors.HeaderTooLarge(TOO_LONG))
            return None
        return read(event)

    def _begin(self, request: Request) -> None:
        self.application.touch()
        call = Call(self, request)
        answer: Pending
        try:
            answer = self.application.answer(call)
        except Exception as error:
            answer = errors.response(error, f"{call.method} {call.path}")
        if not call.has_body and self._whole is None:
            self.http.next_event()  # the end of a message without body: h11 has it at once
        if not call.has_body and isinstance(answer, Response):
            self.respond(answer, call.method)
            self._next_cycle()
            return
        self._handler = answer
        self._task = asyncio.get_running_loop().create_task(delivery.serve(self, call, answer))
        self._task.add_done_callback(self._served)

    def _served(self, task: asyncio.Task[None]) -> None:
        self._task = None
        if asyncio.iscoroutine(self._handler):
            self._handler.close()  # never begun, when the client hung up in the same turn of the loop
        if not task.cancelled() and (error := task.exception()):
            log.error("the connection is given up", exc_info=error)
            self.transport.abort()
        elif self._lost or self._left:
            return
        elif task.cancelled():
            self.transport.abort()
        else:
            self._unwatch()
            self._next_cycle()
            self._advance()

    def _next_cycle(self) -> None:
        """Make ready for the next request, or close: when either side wants to, or when unread bytes are in the way."""
        if self._http is None:
            return
        if self._read_elsewhere and self.http.our_state is h11.DONE and not self._finishing:
            self._read_elsewhere = False
            self._http = None  # not renewed: what h11 holds is of the body
            self._let_in()
        elif self.http.their_state in (h11.SEND_BODY, h11.ERROR):
            self._close_gently()
        elif self._finishing or self.http.our_state is not h11.DONE or self.http.their_state is not h11.DONE:
            self.transport.close()
        else:
            self._renew()

    def _renew(self) -> None:
        """Be ready for the next request, which may have come already."""
        if self._http is not None:
            self._pending[:0] = self._http.trailing_data[0]
        self._http = self._whole = None

    def _refuse(self, refusal: Invalid) -> None:
        """Answer what cannot be served with one clear refusal, and close."""
        self._finishing = True
        if self.http.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            self.respond(errors.response(refusal), "GET")
        self._close_gently()

    def _close_gently(self) -> None:
        """Close so that the client can read the answer: a close with unread bytes would reset the connection."""
        if self._ended or self._lost:
            self.transport.close()
            return
        self._swallow = LINGER_BYTES
        self._linger = asyncio.get_running_loop().call_later(LINGER_SECONDS, self.transport.abort)
        self.transport.write_eof()
        self._let_in()

    def _feed(self) -> None:
        """Give h11 what has been received."""
        if self._pending:
            self.http.receive_data(bytes(self._pending))
            self._pending.clear()
            self._let_in()
        elif self._ended:
            self.http.receive_data(b"")

    def _unwatch(self) -> None:
        if self._hang_up is not None:
            self._hang_up.close()

    def _let_in(self) -> None:
        if not self._reading and not self.transport.is_closing():
            self._reading = True
            self.transport.resume_reading()

    async def _receive(self) -> None:
        """Wait for bytes or for the client's end, and give them to h11."""
        if not self._pending and not self._ended:
            self._more = asyncio.get_running_loop().create_future()
            try:
                await self._more
            finally:
                self._more = None
        self._feed()


def _wake(future: asyncio.Future[None] | None) -> None:
    if future is not None and not future.done():
        future.set_result(None)
