"""Routes of images that are here: list, inspect, history, tag, remove, prune, explore; and of a build cache that is not."""

from __future__ import annotations

from functools import partial

from dockerkit.daemon.api.answers import Answer, Response, json
from dockerkit.daemon.api.call import Call
from dockerkit.daemon.api.router import Route
from dockerkit.daemon.api.versions import MANIFESTS, NO_ORIGIN, SHARED_SIZE, SINGULAR_FILTER, shaped
from dockerkit.schema.endpoint import EXTENSIONS


async def list_(call: Call) -> Answer:
    """``GET /images/json``."""
    query = call.query
    filters = query.filters()
    if call.version < SINGULAR_FILTER and query.text("filter"):
        filters.setdefault("reference", []).append(query.text("filter"))
    verb = partial(call.engine.images.list, all=query.flag("all"), filters=filters)
    if query.flag("shared-size") and call.version >= SHARED_SIZE:
        verb = partial(verb, shared=True)
    if query.flag("manifests") and call.version >= MANIFESTS:
        verb = partial(verb, platforms=True)
    rows = await call.run(verb)
    return json([shaped("image summary", row, call.version) for row in rows])


async def inspect(call: Call) -> Answer:
    """``GET /images/{name}/json``."""
    verb = partial(call.engine.images.inspect, call.ref)
    if call.query.flag("manifests") and call.version >= MANIFESTS:
        verb = partial(verb, platforms=True)
    if call.version < NO_ORIGIN:
        verb = partial(verb, origin=True)
    return json(shaped("image", await call.run(verb), call.version))


async def history(call: Call) -> Answer:
    """``GET /images/{name}/history``."""
    return json(await call.run(call.engine.images.history, call.ref))


async def tag(call: Call) -> Answer:
    """``POST /images/{name}/tag``."""
    query = call.query
    await call.run(call.engine.images.tag, call.ref, query.text("repo"), query.text("tag"))
    return Response(201)


async def remove(call: Call) -> Answer:
    """``DELETE /images/{name}``."""
    query = call.query
    gone = await call.run(call.engine.images.remove, call.ref, force=query.flag("force"), prune=not query.flag("noprune"))
    return json(gone)


async def prune(call: Call) -> Answer:
    """``POST /images/prune``: images without a tag that nobody uses; with the filter ``dangling=false``, with one too."""
    return json(await call.application.transfer(call.engine.images.prune, call.query.filters()))


async def explore(call: Call) -> Answer:
    """``GET /dockerkit/v1/images/{name}/explore``: what each layer adds, changes and removes, and what is wasted."""
    return json(await call.application.transfer(call.engine.images.explore, call.ref))


def prune_build_cache(call: Call) -> Answer:
    """``POST /build/prune``: there is no build cache here."""
    return json({"CachesDeleted": None, "SpaceReclaimed": 0})


ROUTES = (
    Route("POST", "/images/prune", prune),
    Route("POST", "/build/prune", prune_build_cache),
    Route("GET", "/images/json", list_),
    Route("GET", "/images/{name:path}/json", inspect),
    Route("GET", "/images/{name:path}/history", history),
    Route("POST", "/images/{name:path}/tag", tag),
    Route("DELETE", "/images/{name:path}", remove),
    Route("GET", f"{EXTENSIONS}/images/{{name:path}}/explore", explore),
)
