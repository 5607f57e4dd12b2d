"""Routes of images that come and go: pull, push, import. What lasts is answered by lines of JSON, as dockerd does."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import BinaryIO, cast

from dockerkit.daemon.api.answers import Answer, Stream
from dockerkit.daemon.api.call import Call
from dockerkit.daemon.api.incoming import Incoming
from dockerkit.daemon.api.platforms import check_platform
from dockerkit.daemon.api.progress import Progress
from dockerkit.daemon.api.registryauth import credentials
from dockerkit.daemon.api.router import Route
from dockerkit.daemon.engine.images.moving import Import
from dockerkit.errors import Invalid


async def create(call: Call) -> Answer:
    """``POST /images/create``: JSON lines; what fails before the first line has a status of its own, later it is a line."""
    query = call.query
    if query.text("fromSrc"):
        return await _import(call)
    name, tag = query.text("fromImage"), query.text("tag")
    verb = partial(call.engine.images.create, _reference(name, tag), platform=query.text("platform"))
    if shown := credentials(call):
        verb = partial(verb, credentials=shown)
    progress = Progress()
    return await pulled(progress, call.application.transfer(verb, progress=progress))


async def pulled(progress: Progress, work: asyncio.Future[str], *, tell_id: bool = False) -> Answer:
    """Return the stream of `work`, once it has said its first word.

    :param tell_id: end with ``{"aux": {"ID": ...}}``, as our own routes do.
    :raises Exception: what `work` raised before it.
    """
    await progress.begun(work)
    return Stream(progress.lines(work, lambda image: {"aux": {"ID": image}} if tell_id else None))


async def _import(call: Call) -> Answer:
    """``POST /images/create?fromSrc=-``: a tar, in the body or behind a URL, becomes an image."""
    query, progress = call.query, Progress()
    wish = Import(
        source=query.text("fromSrc"),
        repository=query.text("repo"),
        tag=query.text("tag"),
        message=query.text("message"),
        platform=query.text("platform"),
        changes=query.texts("changes"),
    )
    if wish.source != "-":
        return await pulled(progress, call.application.transfer(call.engine.images.import_, wish, None, progress))
    return await pulled(progress, uploaded(call, lambda body: call.engine.images.import_(wish, cast(BinaryIO, body), progress)))


def uploaded(call: Call, take: Callable[[Incoming], str]) -> asyncio.Future[str]:
    """Have `take` read the body on a thread; return a future for what it returns."""
    made: list[str] = []

    async def work() -> str:
        await call.upload(lambda body: made.append(take(body)))
        return made[0]

    return asyncio.ensure_future(work())


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


async def push(call: Call) -> Answer:
    """``POST /images/{name}/push``: to the registry of its name; one tag, or all."""
    await check_platform(call, [f"{call.ref}:{call.query.text('tag')}" if call.query.text("tag") else call.ref])
    progress = Progress()
    work = call.application.transfer(
        call.engine.images.push, call.ref, call.query.text("tag"), progress=progress, credentials=credentials(call)
    )
    return await pulled(progress, work)


ROUTES = (
    Route("POST", "/images/create", create),
    Route("POST", "/images/{name:path}/push", push),
)
