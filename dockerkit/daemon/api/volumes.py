"""Routes of volumes: create, list, inspect, remove, prune; and ours: clone, archives in and out, owners."""

from __future__ import annotations

from typing import BinaryIO, cast

from dockerkit.daemon.api.answers import NO_CONTENT, Answer, Response, Transfer, json
from dockerkit.daemon.api.call import Call
from dockerkit.daemon.api.incoming import Incoming
from dockerkit.daemon.api.router import Route
from dockerkit.errors import Invalid
from dockerkit.schema.endpoint import EXTENSIONS, SESSION_HEADER
from dockerkit.schema.volume import VolumeClone, VolumeCreateRequest

ONLY_ANONYMOUS = (1, 42)
"""From here on pruning removes named volumes only when asked with ``all`` (1.42)."""
TAR = "application/x-tar"
_SESSION = SESSION_HEADER.lower().encode()
_CHUNK = 1 << 20


async def create(call: Call) -> Answer:
    """``POST /volumes/create``: the volume, made or found; our header names the session that owns it from birth."""
    request = await call.json(VolumeCreateRequest)
    made = await call.run(call.engine.volumes.create, request, session=call.header(_SESSION))
    return json(made, 201)


async def list_(call: Call) -> Answer:
    """``GET /volumes``."""
    return json(await call.run(call.engine.volumes.list, call.query.filters()))


async def inspect(call: Call) -> Answer:
    """``GET /volumes/{name}``."""
    return json(await call.run(call.engine.volumes.inspect, call.ref))


async def remove(call: Call) -> Answer:
    """``DELETE /volumes/{name}``."""
    await call.run(call.engine.volumes.remove, call.ref, force=call.query.flag("force"))
    return NO_CONTENT


async def prune(call: Call) -> Answer:
    """``POST /volumes/prune``: what no container has; before 1.42 named volumes too."""
    filters = call.query.filters()
    if call.version < ONLY_ANONYMOUS:
        if "all" in filters:
            raise Invalid("invalid filter 'all'", hint="this version of the API prunes named volumes always")
        filters["all"] = ["true"]
    return json(await call.application.transfer(call.engine.volumes.prune, filters))


# ours


async def clone(call: Call) -> Answer:
    """``POST /dockerkit/v1/volumes/{name}/clone``: a volume with the same content."""
    request = await call.json(VolumeClone) if call.has_body else VolumeClone()
    made = await call.application.transfer(
        call.engine.volumes.clone, call.ref, request.name, labels=request.labels, session=call.header(_SESSION)
    )
    return json(made, 201)


async def backup(call: Call) -> Answer:
    """``GET /dockerkit/v1/volumes/{name}/archive``: a tar of all that is in it."""
    return Transfer(await call.acquire(lambda: call.engine.volumes.backup(call.ref), lambda pieces: pieces.close()), TAR)


async def restore(call: Call) -> Answer:
    """``PUT /dockerkit/v1/volumes/{name}/archive``: a tar, compressed or not, is unpacked into it."""
    await call.run(call.engine.volumes.inspect, call.ref)  # one that is not there is refused before its body is asked for

    def take(body: Incoming) -> None:
        reading = cast(BinaryIO, body)
        call.engine.volumes.restore(call.ref, iter(lambda: reading.read(_CHUNK), b""))

    await call.upload(take)
    return Response(200, b"", "text/plain; charset=utf-8")


async def own(call: Call) -> Answer:
    """``POST /dockerkit/v1/sessions/{session}/volumes/{name}``: the volume goes with the session."""
    await call.run(call.engine.sessions.own_volume, *call.parameters)
    return NO_CONTENT


async def disown(call: Call) -> Answer:
    """``DELETE /dockerkit/v1/sessions/{session}/volumes/{name}``: the volume outlives the session."""
    await call.run(call.engine.sessions.disown_volume, *call.parameters)
    return NO_CONTENT


ROUTES = (
    Route("GET", "/volumes", list_),
    Route("POST", "/volumes/create", create),
    Route("POST", "/volumes/prune", prune),
    Route("GET", "/volumes/{name:path}", inspect),
    Route("DELETE", "/volumes/{name:path}", remove),
    Route("POST", f"{EXTENSIONS}/volumes/{{name}}/clone", clone),
    Route("GET", f"{EXTENSIONS}/volumes/{{name}}/archive", backup),
    Route("PUT", f"{EXTENSIONS}/volumes/{{name}}/archive", restore),
    Route("POST", f"{EXTENSIONS}/sessions/{{session}}/volumes/{{name}}", own),
    Route("DELETE", f"{EXTENSIONS}/sessions/{{session}}/volumes/{{name}}", disown),
)
