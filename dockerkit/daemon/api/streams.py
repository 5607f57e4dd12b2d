"""Routes of a container's output and input: logs, and attach, which gives the client's own socket to the container."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterator

from dockerkit.daemon.api.answers import MULTIPLEXED_STREAM, RAW_STREAM, Answer, Handover, RawStream, Stream
from dockerkit.daemon.api.call import Call
from dockerkit.daemon.api.following import follow
from dockerkit.daemon.api.frames import frame
from dockerkit.daemon.api.query import Query
from dockerkit.daemon.api.router import Route
from dockerkit.daemon.api.versions import MULTIPLEXED_TYPE
from dockerkit.daemon.runtime.launch import Attachment
from dockerkit.errors import Invalid, Unsupported

BATCH = 64 * 1024
"""Bytes of log that are read in one go; no thread is kept while the client takes them."""
Lines = Iterator[tuple[int, bytes]]


async def logs(call: Call) -> Answer:
    """``GET /containers/{id}/logs``: one frame a line, or bare lines when the container has a terminal.

    Following ends with the container; as in dockerd, the log of one that does not run ends at once.
    """
    query = call.query
    found = call.engine.containers.inspect(call.ref)
    framed = not found.config.tty
    following = query.flag("follow") and found.state.running
    attachment = _live(call, found.id, framed) if following else None
    lines = await _lines(call)
    content_type = _content_type(call, framed)
    if attachment is not None:
        return Stream(follow(call, found.id, attachment, lambda: _reread(call, framed)), content_type)
    first = await call.run(_batch, lines, framed)
    return Stream(_chunks(call, first, lines, framed), content_type)


async def _lines(call: Call) -> Lines:
    query = call.query
    return await call.run(
        call.engine.containers.logs,
        call.ref,
        stdout=query.flag("stdout"),
        stderr=query.flag("stderr"),
        since=query.moment("since"),
        until=query.moment("until"),
        tail=_tail(query),
        timestamps=query.flag("timestamps"),
    )


async def _reread(call: Call, framed: bool) -> AsyncGenerator[bytes, None]:
    lines = await _lines(call)
    async for chunk in _chunks(call, await call.run(_batch, lines, framed), lines, framed):
        yield chunk


def _live(call: Call, id: str, framed: bool) -> Attachment:
    """Return what a follower asks the keeper for: everything, or only what comes from now on."""
    query, tail = call.query, _tail(call.query)
    refined = [name for name in ("since", "until") if query.moment(name)] + ["timestamps"] * query.flag("timestamps")
    if tail:
        refined.append("tail")
    if refined:
        raise Unsupported(
            f"following logs with {' and '.join(refined)} is not offered yet", hint="follow all of it, or with tail=0"
        )
    start = 0 if tail is None else call.engine.containers.log_size(id)
    stdout, stderr = query.flag("stdout"), query.flag("stderr")
    return Attachment(fd=-1, stdout=stdout, stderr=stderr, framed=framed, replay_from=start)


def _tail(query: Query) -> int | None:
    text = query.text("tail", "all")
    if text == "all":
        return None
    count = query.integer("tail")
    return count if count is None or count >= 0 else None


def _content_type(call: Call, framed: bool) -> str:
    return MULTIPLEXED_STREAM if framed and call.version >= MULTIPLEXED_TYPE else RAW_STREAM


def _batch(lines: Lines, framed: bool) -> bytes:
    """Take lines until there is enough to send; empty at the end."""
    batch = bytearray()
    for stream, line in lines:
        batch += frame(stream, line) if framed else line
        if len(batch) >= BATCH:
            break
    return bytes(batch)


async def _chunks(call: Call, first: bytes, lines: Lines, framed: bool) -> AsyncGenerator[bytes, None]:
    chunk = first
    while chunk:
        yield chunk
        chunk = await call.run(_batch, lines, framed)


async def attach(call: Call) -> Answer:
    """``POST /containers/{id}/attach``: the client's socket goes to the container; no byte of output passes the daemon.

    ``logs=1`` replays what the container wrote before; without ``stream=1`` that is all. The keys that detach
    (``detachKeys``) are the client's business and are accepted.
    """
    query = call.query
    found = call.engine.containers.inspect(call.ref)
    framed = not found.config.tty
    content_type = _content_type(call, framed) if call.wants_upgrade else RAW_STREAM
    wanted = [query.flag(name) for name in ("stdin", "stdout", "stderr")]
    if not query.flag("stream"):
        return RawStream(await _replay(call, wanted, framed), content_type)
    stdin, stdout, stderr = wanted
    if not any(wanted):
        raise Invalid("attach takes at least one of stdin, stdout and stderr")

    def take(descriptor: int, received: bytes) -> None:
        attachment = Attachment(
            fd=descriptor,
            stdin=stdin and found.config.open_stdin,
            stdout=stdout,
            stderr=stderr,
            framed=framed,
            initial=received,
            replay_from=0 if query.flag("logs") else None,
        )
        call.engine.containers.attach(found.id, attachment)

    return Handover(take, found.id, content_type, framed)


async def _replay(call: Call, wanted: list[bool], framed: bool) -> AsyncGenerator[bytes, None]:
    _, stdout, stderr = wanted
    if not call.query.flag("logs") or not (stdout or stderr):
        return _chunks(call, b"", iter(()), framed)
    lines = await call.run(call.engine.containers.logs, call.ref, stdout=stdout, stderr=stderr)
    first = await call.run(_batch, lines, framed)
    return _chunks(call, first, lines, framed)


ROUTES = (
    Route("GET", "/containers/{id}/logs", logs),
    Route("POST", "/containers/{id}/attach", attach),
)
