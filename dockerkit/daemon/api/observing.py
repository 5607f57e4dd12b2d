"""Routes that watch a container: top, stats, changes; and what all of them take on the disk.

All streams of stats share one timer and, for one container, one sample a second: a thousand viewers cost what one costs.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

from dockerkit.daemon.api.answers import Answer, Stream, json
from dockerkit.daemon.api.call import Call
from dockerkit.daemon.api.router import Route
from dockerkit.daemon.api.versions import DISK_USAGE_TYPES, ONE_SHOT, shaped
from dockerkit.errors import Invalid
from dockerkit.schema import wire
from dockerkit.schema.container import NEVER

SECOND = 1.0


async def top(call: Call) -> Answer:
    """``GET /containers/{id}/top``."""
    return json(await call.run(call.engine.containers.top, call.ref, call.query.text("ps_args", "-ef")))


async def stats(call: Call) -> Answer:
    """``GET /containers/{id}/stats``: one sample a second, or one with the sample of a second before, or one alone."""
    streamed = call.query.flag("stream", True)
    alone = call.version >= ONE_SHOT and call.query.flag("one-shot")
    if streamed and alone:
        raise Invalid("cannot have stream=true and one-shot=true")
    verb = call.engine.containers.stats
    sample = await call.run(verb, call.ref)
    if streamed:
        return Stream(_samples(call, sample))
    if not alone and _first(sample):
        await asyncio.sleep(SECOND)
        sample = await call.run(verb, sample["id"])
    return json(sample)


async def _samples(call: Call, sample: dict[str, Any]) -> AsyncGenerator[bytes, None]:
    yield wire.encode(sample) + b"\n"
    with call.application.sampling.watching(sample["id"]) as watcher:
        while (line := await watcher.next()) is not None:
            yield line


def _first(sample: dict[str, Any]) -> bool:
    """Tell whether a rate cannot be made of it yet: it runs, and no sample was taken before."""
    return bool(sample["read"] != NEVER and sample["preread"] == NEVER)


async def changes(call: Call) -> Answer:
    """``GET /containers/{id}/changes``; null when there is none, as from dockerd."""
    return json(await call.run(call.engine.containers.diff, call.ref) or None)


async def disk_usage(call: Call) -> Answer:
    """``GET /system/df``."""
    types = call.query.texts("type") if call.version >= DISK_USAGE_TYPES else []
    found = await call.application.transfer(call.engine.system.disk_usage, types)
    return json(shaped("disk usage", found, call.version))


ROUTES = (
    Route("GET", "/containers/{id}/top", top),
    Route("GET", "/containers/{id}/stats", stats),
    Route("GET", "/containers/{id}/changes", changes),
    Route("GET", "/system/df", disk_usage),
)
