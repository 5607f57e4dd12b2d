"""Routes that change a container which exists: pause, unpause, rename, update, restart; and prune, which removes the idle."""

from __future__ import annotations

from dockerkit.daemon.api.answers import NO_CONTENT, Answer, json
from dockerkit.daemon.api.call import Call
from dockerkit.daemon.api.router import Route
from dockerkit.daemon.api.versions import PIDS_LIMIT, STOP_SIGNAL
from dockerkit.schema.update import UpdateRequest


async def pause(call: Call) -> Answer:
    """``POST /containers/{id}/pause``."""
    await call.run(call.engine.containers.pause, call.ref)
    return NO_CONTENT


async def unpause(call: Call) -> Answer:
    """``POST /containers/{id}/unpause``."""
    await call.run(call.engine.containers.unpause, call.ref)
    return NO_CONTENT


async def rename(call: Call) -> Answer:
    """``POST /containers/{id}/rename``."""
    await call.run(call.engine.containers.rename, call.ref, call.query.text("name"))
    return NO_CONTENT


async def update(call: Call) -> Answer:
    """``POST /containers/{id}/update``."""
    request = await call.json(UpdateRequest)
    if call.version < PIDS_LIMIT:
        request.pids_limit = None
    return json(await call.run(call.engine.containers.update, call.ref, request))


async def restart(call: Call) -> Answer:
    """``POST /containers/{id}/restart``: 204 when it runs again. Goes on without its client."""
    query = call.query
    signal = query.text("signal") if call.version >= STOP_SIGNAL else ""
    await call.run_lasting(call.engine.containers.restart, call.ref, timeout=query.integer("t"), signal=signal)
    return NO_CONTENT


async def prune(call: Call) -> Answer:
    """``POST /containers/prune``."""
    return json(await call.run(call.engine.containers.prune, call.query.filters()))


ROUTES = (
    Route("POST", "/containers/prune", prune),
    Route("POST", "/containers/{id}/pause", pause),
    Route("POST", "/containers/{id}/unpause", unpause),
    Route("POST", "/containers/{id}/rename", rename),
    Route("POST", "/containers/{id}/update", update),
    Route("POST", "/containers/{id}/restart", restart),
)
