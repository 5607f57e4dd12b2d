"""Routes of image archives: save and load, straight between the client's socket and the store."""

from __future__ import annotations

from typing import BinaryIO, cast

from dockerkit.daemon.api.answers import Answer, Stream, Transfer
from dockerkit.daemon.api.archives import TAR
from dockerkit.daemon.api.call import Call
from dockerkit.daemon.api.imagetransfers import uploaded
from dockerkit.daemon.api.platforms import check_platform, wanted
from dockerkit.daemon.api.progress import Progress
from dockerkit.daemon.api.router import Route


async def save(call: Call) -> Answer:
    """``GET /images/{name}/get`` and ``GET /images/get?names=…``: Docker's archive and an OCI layout in one tar."""
    names = list(call.parameters) or [name for text in call.query.texts("names") for name in text.split(",") if name]
    await check_platform(call, names)
    return Transfer(await call.acquire(lambda: call.engine.images.save(names), lambda pieces: pieces.close()), TAR)


async def load(call: Call) -> Answer:
    """``POST /images/load``: all images of an archive; whatever goes wrong is a line of the answer, as in dockerd."""
    platform = "" if (said := wanted(call)) is None else str(said)
    quiet, progress = call.query.flag("quiet", True), Progress()

    def take(body: object) -> str:
        return call.engine.images.load(cast(BinaryIO, body), quiet=quiet, platform=platform, progress=progress)

    work = uploaded(call, take)
    progress.watch(work)
    return Stream(progress.lines(work, lambda _: None))


ROUTES = (
    Route("GET", "/images/get", save),
    Route("GET", "/images/{name:path}/get", save),
    Route("POST", "/images/load", load),
)
