"""Brings answers to the client: whole, chunked, or by leaving HTTP. Knows the wire, not what the bytes mean."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import TYPE_CHECKING

import h11

from dockerkit.daemon.api import errors, heads
from dockerkit.daemon.api.answers import Answer, Handover, Pending, Pieces, RawStream, Response, Stream, Transfer, Upgrade
from dockerkit.daemon.api.frames import frame
from dockerkit.daemon.api.outgoing import Outgoing

if TYPE_CHECKING:
    from dockerkit.daemon.api.call import Call
    from dockerkit.daemon.api.connection import Connection

log = logging.getLogger(__name__)


async def serve(connection: Connection, call: Call, pending: Pending) -> None:
    """Wait for the answer of a handler and deliver it; its error becomes the answer.

    :raises Exception: only when a stream fails after its head, when nothing but closing the connection can tell.
    """
    answer: Answer
    try:
        answer = pending if isinstance(pending, Answer) else await pending
    except Exception as error:
        answer = errors.response(error, f"{call.method} {call.path}")
    await _deliver(connection, call, answer)


async def _deliver(connection: Connection, call: Call, answer: Answer) -> None:
    match answer:
        case Response():
            waits_to_be_asked = connection.client_waits
            connection.respond(answer, call.method)
            if not waits_to_be_asked:
                await connection.skip_body()
        case Stream():
            await _stream(connection, answer)
            await connection.skip_body()
        case Transfer():
            await _transfer(connection, answer)
            await connection.skip_body()
        case RawStream():
            await _raw_stream(connection, call, answer)
        case Handover():
            await _hand_over(connection, call, answer)
        case Upgrade():
            _upgrade(connection, call, answer)


async def _stream(connection: Connection, answer: Stream) -> None:
    connection.send(heads.stream_head(answer.content_type))
    async with aclosing(answer.chunks) as chunks:
        async for chunk in chunks:
            if chunk:
                connection.send(h11.Data(data=chunk))
                await connection.room()
    connection.send(h11.EndOfMessage())


async def _transfer(connection: Connection, answer: Transfer) -> None:
    """Let threads write the body: one as long as the client reads, none while it does not."""
    run, sending = connection.application.transfer_body, None
    own = socket.socket(fileno=os.dup(connection.socket.fileno()))
    outgoing = Outgoing(own, answer.pieces, chunked=connection.http.their_http_version != b"1.0")
    try:
        connection.send(heads.stream_head(answer.content_type, answer.headers))
        await connection.flushed()
        while not await asyncio.shield(sending := run(outgoing.send)):
            await outgoing.room()
    except (BrokenPipeError, ConnectionResetError):
        connection.transport.abort()
        return
    except asyncio.CancelledError:
        own.shutdown(socket.SHUT_RDWR)  # the thread may be writing: it has nobody to write to any more
        raise
    finally:
        _let_go(sending, answer.pieces, own)
    connection.transport.set_write_buffer_limits()
    connection.send(h11.EndOfMessage())


def _let_go(sending: asyncio.Future[bool] | None, pieces: Pieces, own: socket.socket) -> None:
    """Close both, once no thread uses them."""

    def close(done: asyncio.Future[bool] | None) -> None:
        if done is not None and not done.cancelled():
            done.exception()
        pieces.close()
        own.close()

    if sending is None or sending.done():
        close(sending)
    else:
        sending.add_done_callback(close)


async def _raw_stream(connection: Connection, call: Call, answer: RawStream) -> None:
    connection.leave()
    connection.transport.write(heads.hijack_head(answer.content_type, upgrade=call.wants_upgrade))
    await _write_all(connection, answer.chunks)
    connection.transport.close()


async def _write_all(connection: Connection, source: AsyncGenerator[bytes, None]) -> None:
    async with aclosing(source) as chunks:
        async for chunk in chunks:
            connection.transport.write(chunk)
            await connection.room()


async def _hand_over(connection: Connection, call: Call, answer: Handover) -> None:
    """Give the socket away. Reading stops first: a byte read from here on would belong to the container."""
    connection.hold_back()
    received, _ = connection.leave()
    with connection.application.handovers.holding(answer.key):
        head = heads.hijack_head(answer.content_type, upgrade=call.wants_upgrade, more=answer.headers)
        connection.transport.write(head)
        await connection.flushed()
        taken = connection.application.run(answer.take, os.dup(connection.socket.fileno()), received)
        try:
            await asyncio.shield(taken)
        except Exception as error:
            text = f"{errors.document(error)['message']}\r\n".encode()
            connection.transport.write(frame(answer.told_on, text) if answer.framed else text)
            connection.transport.write_eof()
            log.warning("%s %s: refused after its head: %s", call.method, call.path, error)
            connection.transport.close()
        else:
            # closes this descriptor alone: shutdown(2) would end the stream that the container now serves
            connection.transport.abort()


def _upgrade(connection: Connection, call: Call, answer: Upgrade) -> None:
    transport = connection.transport
    received, ended = connection.leave()
    transport.write(heads.hijack_head(answer.content_type, upgrade=call.wants_upgrade))
    transport.set_protocol(answer.protocol)
    answer.protocol.connection_made(transport)
    connection.application.left(connection)
    if received:
        answer.protocol.data_received(received)
    if ended:
        answer.protocol.eof_received()
        transport.close()
