"""Routes of a container's output and input: logs, and attach, which gives the client's own socket to the container."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterator
from contextlib import closing
from functools import partial
from typing import Any

from dockerkit.daemon.api.answers import MULTIPLEXED_STREAM, RAW_STREAM, Answer, Handover, RawStream, Stream
from dockerkit.daemon.api.call import Call
from dockerkit.daemon.api.query import Query
from dockerkit.daemon.api.router import Route
from dockerkit.daemon.api.verbs import Follower
from dockerkit.daemon.api.versions import MULTIPLEXED_TYPE
from dockerkit.daemon.engine.detaching import DEFAULT_KEYS, detach_keys
from dockerkit.daemon.runtime.launch import Attachment
from dockerkit.errors import Invalid

BATCH = 256 * 1024
"""Bytes of log that are read in one go; no thread is kept while the client takes them."""
Chunks = Iterator[bytes]


async def logs(call: Call) -> Answer:
    """``GET /containers/{id}/logs``: one frame a line, or bare lines when the container has a terminal.

    Following ends with the container; as in dockerd, the log of one that does not run ends at once.
    """
    query, containers = call.query, call.engine.containers
    framed = not await call.run(containers.tty, call.ref)
    content_type = stream_type(call, framed)
    if query.flag("follow"):
        woken = asyncio.Event()
        wake = partial(call.application.doorbell.ring, woken.set)
        verb = partial(containers.follow, call.ref, **_wanted(query), wake=wake)
        follower = await call.acquire(verb, lambda follower: follower.close())
        return Stream(_follow(call, follower, woken, framed), content_type)
    first, rest = await call.run(_open, partial(containers.log_chunks, call.ref, **_wanted(query), framed=framed, size=BATCH))
    return Stream(_chunks(call, first, rest), content_type)


def _wanted(query: Query) -> dict[str, Any]:
    return {
        "stdout": query.flag("stdout"),
        "stderr": query.flag("stderr"),
        "since": query.moment("since"),
        "until": query.moment("until"),
        "tail": _tail(query),
        "timestamps": query.flag("timestamps"),
    }


def _tail(query: Query) -> int | None:
    text = query.text("tail", "all")
    if text == "all":
        return None
    count = query.integer("tail")
    return count if count is None or count >= 0 else None


async def _follow(call: Call, follower: Follower, woken: asyncio.Event, framed: bool) -> AsyncGenerator[bytes, None]:
    """Iterate over what there is and what comes; an idle follower has no thread, only its place in the log."""
    with closing(follower):
        while True:
            woken.clear()  # before looking: what is written from here on wakes again
            if chunk := await call.run(follower.chunk, framed=framed):
                yield chunk
            elif follower.ended:
                return
            else:
                await woken.wait()


def _open(make: partial[Chunks]) -> tuple[bytes, Chunks]:
    """Begin to read: what is wrong with it is known before the head is sent."""
    chunks = make()
    return next(chunks, b""), chunks


async def _chunks(call: Call, first: bytes, rest: Chunks) -> AsyncGenerator[bytes, None]:
    chunk = first
    while chunk:
        yield chunk
        chunk = await call.run(next, rest, b"")


def stream_type(call: Call, framed: bool) -> str:
    """Return the content type of a stream of output, as the client's version knows it."""
    return MULTIPLEXED_STREAM if framed and call.version >= MULTIPLEXED_TYPE else RAW_STREAM


def hijack_type(call: Call, framed: bool) -> str:
    """Return the content type of a connection that leaves HTTP: only those who ask for an upgrade are told about frames."""
    return stream_type(call, framed) if call.wants_upgrade else RAW_STREAM


async def attach(call: Call) -> Answer:
    """``POST /containers/{id}/attach``: the client's socket goes to the container; no byte of output passes the daemon.

    ``logs=1`` replays what the container wrote before; without ``stream=1`` that is all. With a terminal, ``detachKeys`` (else
    Ctrl-P Ctrl-Q) close the attachment alone.
    """
    query = call.query
    found = call.engine.containers.inspect(call.ref)
    framed = not found.config.tty
    wanted = [query.flag(name) for name in ("stdin", "stdout", "stderr")]
    keys = detach_keys(query.text("detachKeys"))
    if not query.flag("stream"):
        return RawStream(await _replay(call, wanted, framed), hijack_type(call, framed))
    stdin, stdout, stderr = wanted
    if not any(wanted):
        raise Invalid("attach takes at least one of stdin, stdout and stderr")
    stdin = stdin and found.config.open_stdin
    await call.run(call.engine.containers.check_attach, found.id)

    def take(descriptor: int, received: bytes) -> None:
        attachment = Attachment(
            fd=descriptor,
            stdin=stdin,
            stdout=stdout,
            stderr=stderr,
            framed=framed,
            initial=received,
            replay_from=0 if query.flag("logs") else None,
            detach_keys=keys or DEFAULT_KEYS if stdin and found.config.tty else b"",
        )
        call.engine.containers.attach(found.id, attachment)

    return Handover(take, found.id, hijack_type(call, framed), framed)


async def _replay(call: Call, wanted: list[bool], framed: bool) -> AsyncGenerator[bytes, None]:
    _, stdout, stderr = wanted
    if not call.query.flag("logs") or not (stdout or stderr):
        return _chunks(call, b"", iter(()))
    verb = call.engine.containers.log_chunks
    return _chunks(
        call, *await call.run(_open, partial(verb, call.ref, stdout=stdout, stderr=stderr, framed=framed, size=BATCH))
    )


ROUTES = (
    Route("GET", "/containers/{id}/logs", logs),
    Route("POST", "/containers/{id}/attach", attach),
)
