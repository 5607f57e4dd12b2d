"""Routes of images: list, inspect, history, pull, tag, remove, prune; and what else ``docker system prune`` asks for."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

from dockerkit.daemon.api.answers import Answer, Response, Stream, json
from dockerkit.daemon.api.call import Call
from dockerkit.daemon.api.progress import Progress
from dockerkit.daemon.api.router import Route
from dockerkit.daemon.api.verbs import ImageVerbs
from dockerkit.daemon.api.versions import SINGULAR_FILTER, shaped
from dockerkit.errors import Conflict, Invalid, NotFound, Unsupported
from dockerkit.schema.image import ImageDelete


async def list_(call: Call) -> Answer:
    """``GET /images/json``."""
    query = call.query
    filters = query.filters()
    if call.version < SINGULAR_FILTER and query.text("filter"):
        filters.setdefault("reference", []).append(query.text("filter"))
    rows = await call.run(call.engine.images.list, all=query.flag("all"), filters=filters)
    return json([shaped("image summary", row, call.version) for row in rows])


async def inspect(call: Call) -> Answer:
    """``GET /images/{name}/json``."""
    return json(shaped("image", await call.run(call.engine.images.inspect, call.ref), call.version))


async def history(call: Call) -> Answer:
    """``GET /images/{name}/history``."""
    return json(await call.run(call.engine.images.history, call.ref))


async def create(call: Call) -> Answer:
    """``POST /images/create``: JSON lines; what fails before the first line has a status of its own, later it is a line."""
    query = call.query
    if query.text("fromSrc"):
        raise Unsupported("importing an image from an archive is not offered yet")
    reference = _reference(query.text("fromImage"), query.text("tag"))
    progress = Progress()
    work = call.application.transfer(call.engine.images.create, reference, platform=query.text("platform"), progress=progress)
    return await pulled(progress, work)


async def pulled(progress: Progress, work: asyncio.Future[str], *, tell_id: bool = False) -> Answer:
    """Return the stream of `work`, once it has said its first word.

    :param tell_id: end with ``{"aux": {"ID": ...}}``, as our own routes do.
    :raises Exception: what `work` raised before it.
    """
    await progress.begun(work)
    return Stream(progress.lines(work, lambda image: {"aux": {"ID": image}} if tell_id else None))


def _reference(name: str, tag: str) -> str:
    """Put name and tag together as dockerd does: a tag that is a digest follows ``@``."""
    if not name:
        raise Invalid("fromImage is missing: which image shall be obtained?")
    if not tag:
        return name
    if ":" in tag:
        return f"{name}@{tag}"
    head, colon, last = name.rpartition(":")
    bare = head if colon and "/" not in last else name
    return name if "@" in name else f"{bare}:{tag}"


async def tag(call: Call) -> Answer:
    """``POST /images/{name}/tag``."""
    query = call.query
    if not query.text("repo"):
        raise Invalid("repo is missing: which name shall the image get?")
    await call.run(call.engine.images.tag, call.ref, query.text("repo"), query.text("tag", "latest"))
    return Response(201)


async def remove(call: Call) -> Answer:
    """``DELETE /images/{name}``."""
    query = call.query
    gone = await call.run(call.engine.images.remove, call.ref, force=query.flag("force"), prune=not query.flag("noprune"))
    return json(gone)


async def prune(call: Call) -> Answer:
    """``POST /images/prune``: images without a name that nobody uses; with the filter ``dangling=false``, with a name too."""
    filters = call.query.filters()
    wanted = filters.pop("dangling", ["true"])
    if wanted[0] in ("true", "1"):
        filters["dangling"] = ["true"]
    return json(await call.application.transfer(_prune, call.engine.images, filters))


def _prune(images: ImageVerbs, filters: dict[str, list[str]]) -> dict[str, Any]:
    gone: list[ImageDelete] = []
    reclaimed = 0
    for row in images.list(filters=filters):
        with contextlib.suppress(Conflict, NotFound):  # a container uses it; somebody else was quicker
            for name in row.repo_tags or [row.id]:
                gone += images.remove(name)
            reclaimed += row.size
    return {"ImagesDeleted": gone or None, "SpaceReclaimed": reclaimed}


def prune_build_cache(call: Call) -> Answer:
    """``POST /build/prune``: there is no build cache here."""
    return json({"CachesDeleted": None, "SpaceReclaimed": 0})


def prune_networks(call: Call) -> Answer:
    """``POST /networks/prune``: there are no networks of anybody's here."""
    return json({"NetworksDeleted": None})


ROUTES = (
    Route("POST", "/images/prune", prune),
    Route("POST", "/build/prune", prune_build_cache),
    Route("POST", "/networks/prune", prune_networks),
    Route("GET", "/images/json", list_),
    Route("POST", "/images/create", create),
    Route("GET", "/images/{name:path}/json", inspect),
    Route("GET", "/images/{name:path}/history", history),
    Route("POST", "/images/{name:path}/tag", tag),
    Route("DELETE", "/images/{name:path}", remove),
)
