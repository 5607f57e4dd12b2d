"""Routes of a container's life: create, start, wait, kill, stop, remove; and how it is seen: inspect, list, resize."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from concurrent.futures import Future

from dockerkit.daemon.api.answers import NO_CONTENT, NOT_MODIFIED, Answer, Pending, Response, Stream, json
from dockerkit.daemon.api.call import Call
from dockerkit.daemon.api.router import Route
from dockerkit.daemon.api.terminals import size_of
from dockerkit.daemon.api.versions import SEVERAL_NETWORKS, STOP_SIGNAL, WAIT_CONDITION, shaped
from dockerkit.errors import DockerkitError, Invalid
from dockerkit.schema import wire
from dockerkit.schema.container import CreateRequest, WaitExitError, WaitResponse
from dockerkit.schema.endpoint import LASTING_HEADER, SESSION_HEADER

START_BODY = 7
"""A body up to here is no host configuration: dockerd takes ``{}`` and ``null``."""
NO_EXIT_CODE = -1


def _check_single_network(request: CreateRequest) -> None:
    names = list(request.networking_config.get("EndpointsConfig") or ())
    if len(names) > 1:
        raise Invalid(
            f"Container cannot be connected to network endpoints: {', '.join(names)}", hint="connect the others later"
        )


async def create(call: Call) -> Answer:
    """``POST /containers/create``; our header names the session that owns the container from birth."""
    query = call.query
    request = await call.json(CreateRequest)
    if call.version < SEVERAL_NETWORKS:
        _check_single_network(request)
    made = await call.run(
        call.engine.containers.create,
        request,
        name=query.text("name"),
        platform=query.text("platform"),
        session=call.header(SESSION_HEADER.lower().encode()),
    )
    return json(made, 201)


def inspect(call: Call) -> Pending:
    """``GET /containers/{id}/json``; on the event loop, unless sizes have to be counted on disk."""
    if call.query.flag("size"):
        return _inspect_with_size(call)
    return json(shaped("container", call.engine.containers.inspect(call.ref), call.version))


async def _inspect_with_size(call: Call) -> Answer:
    return json(shaped("container", await call.run(call.engine.containers.inspect, call.ref, size=True), call.version))


def list_(call: Call) -> Pending:
    """``GET /containers/json``; on the event loop, unless sizes have to be counted on disk."""
    query = call.query
    every, limit, size = query.flag("all"), max(query.integer("limit") or 0, 0), query.flag("size")
    filters = query.filters()
    if size:
        return _list_with_size(call, every, limit, filters)
    rows = call.engine.containers.list(all=every, limit=limit, filters=filters)
    return json([shaped("container summary", row, call.version) for row in rows])


async def _list_with_size(call: Call, every: bool, limit: int, filters: dict[str, list[str]]) -> Answer:
    rows = await call.run(call.engine.containers.list, all=every, limit=limit, size=True, filters=filters)
    return json([shaped("container summary", row, call.version) for row in rows])


async def start(call: Call) -> Answer:
    """``POST /containers/{id}/start``: 204, or 304 when it was running already."""
    if call.content_length > START_BODY or b"transfer-encoding" in call.headers:
        raise Invalid(
            "starting container with non-empty request body was deprecated since API v1.22 and removed in v1.24",
            hint="give the host configuration to create",
        )
    handovers = call.application.handovers
    if handovers.any:
        await handovers.settled(call.engine.containers.inspect(call.ref).id)
    lasting = bool(call.header(LASTING_HEADER.lower().encode()))
    return NO_CONTENT if await call.run(call.engine.containers.start, call.ref, lasting=lasting) else NOT_MODIFIED


async def wait(call: Call) -> Answer:
    """``POST /containers/{id}/wait``: the head at once, which says that the wait is registered, the exit code later."""
    condition = call.query.text("condition", "not-running") if call.version >= WAIT_CONDITION else "not-running"
    future = await call.run(call.engine.containers.wait, call.ref, condition)
    if call.version < WAIT_CONDITION:
        return json(await asyncio.wrap_future(future))
    return Stream(_exit(future))


async def _exit(future: Future[WaitResponse]) -> AsyncGenerator[bytes, None]:
    try:
        answer = await asyncio.wrap_future(future)
    except DockerkitError as error:
        answer = WaitResponse(status_code=NO_EXIT_CODE, error=WaitExitError(message=error.message))
    yield wire.encode(answer) + b"\n"


async def kill(call: Call) -> Answer:
    """``POST /containers/{id}/kill``: 204 when the signal is sent; when SIGKILL has ended it."""
    await call.run_lasting(call.engine.containers.kill, call.ref, call.query.text("signal", "SIGKILL"))
    return NO_CONTENT


async def stop(call: Call) -> Answer:
    """``POST /containers/{id}/stop``: 204 when it has ended, 304 when it was not running. Goes on without its client."""
    query = call.query
    signal = query.text("signal") if call.version >= STOP_SIGNAL else ""
    stopped = await call.run_lasting(call.engine.containers.stop, call.ref, timeout=query.integer("t"), signal=signal)
    return NO_CONTENT if stopped else NOT_MODIFIED


async def remove(call: Call) -> Answer:
    """``DELETE /containers/{id}``: 204 when nothing of it is left. Goes on without its client.

    With ``link``, of ``{id}/{alias}``: takes that link away.
    """
    query = call.query
    if query.flag("link"):
        await call.run(call.engine.containers.unlink, call.ref)
        return NO_CONTENT
    await call.run_lasting(call.engine.containers.remove, call.ref, force=query.flag("force"), volumes=query.flag("v"))
    return NO_CONTENT


async def resize(call: Call) -> Answer:
    """``POST /containers/{id}/resize``."""
    rows, columns = size_of(call.query)
    await call.run(call.engine.containers.resize, call.ref, rows=rows, columns=columns)
    return Response(200, b"", "text/plain; charset=utf-8")


ROUTES = (
    Route("GET", "/containers/json", list_),
    Route("POST", "/containers/create", create),
    Route("GET", "/containers/{id}/json", inspect),
    Route("POST", "/containers/{id}/start", start),
    Route("POST", "/containers/{id}/wait", wait),
    Route("POST", "/containers/{id}/kill", kill),
    Route("POST", "/containers/{id}/stop", stop),
    Route("POST", "/containers/{id}/resize", resize),
    Route("DELETE", "/containers/{id:path}", remove),
)
