"""Routes of files: archives in and out of a container, its whole tree, and the image that is made of it.

Bodies pass in both directions as they come: nobody holds one whole, and whoever is slower sets the pace.
"""

from __future__ import annotations

from base64 import b64encode
from functools import partial
from typing import BinaryIO, cast

from dockerkit.daemon.api.answers import Answer, Response, Transfer, json
from dockerkit.daemon.api.call import Call
from dockerkit.daemon.api.incoming import Incoming
from dockerkit.daemon.api.query import Query
from dockerkit.daemon.api.router import Route
from dockerkit.errors import Invalid
from dockerkit.schema import wire
from dockerkit.schema.archive import PathStat
from dockerkit.schema.container import ContainerConfig

PATH_STAT = "X-Docker-Container-Path-Stat"
TAR = "application/x-tar"
OCTETS = "application/octet-stream"


async def archive(call: Call) -> Answer:
    """``GET /containers/{id}/archive``: a tar of one path, described in a header."""
    verb = partial(call.engine.containers.archive, call.ref, _path(call.query))
    found, pieces = await call.acquire(verb, lambda made: made[1].close())
    return Transfer(pieces, TAR, (_described(found),))


async def describe(call: Call) -> Answer:
    """``HEAD /containers/{id}/archive``: the header alone."""
    found = await call.run(call.engine.containers.archive_stat, call.ref, _path(call.query))
    return Response(200, b"", TAR, (_described(found),))


async def extract(call: Call) -> Answer:
    """``PUT /containers/{id}/archive``: a tar, compressed or not, into a directory."""
    query, path = call.query, _path(call.query)
    manner = {"no_overwrite_dir_non_dir": query.flag("noOverwriteDirNonDir"), "copy_uid_gid": query.flag("copyUIDGID")}
    call.engine.containers.inspect(call.ref)  # one that is not there is refused before its body is asked for

    def take(body: Incoming) -> None:
        call.engine.containers.extract(call.ref, path, cast(BinaryIO, body), **manner)

    await call.upload(take)
    return Response(200, b"", "text/plain; charset=utf-8")


def _path(query: Query) -> str:
    path = query.text("path")
    if not path:
        raise Invalid("bad parameter: path cannot be empty", hint="name a file or directory of the container with path=")
    return path


def _described(found: PathStat) -> tuple[str, str]:
    return PATH_STAT, b64encode(wire.encode(found)).decode()


async def export(call: Call) -> Answer:
    """``GET /containers/{id}/export``: a tar of all its files."""
    return Transfer(await call.acquire(partial(call.engine.containers.export, call.ref), lambda pieces: pieces.close()), OCTETS)


async def commit(call: Call) -> Answer:
    """``POST /commit``: a container becomes an image; the body, when there is one, is its configuration."""
    query = call.query
    container = query.text("container")
    if not container:
        raise Invalid('invalid name or ID supplied: ""', hint="name the container with container=")
    config = await call.json(ContainerConfig) if call.has_body else None
    id = await call.application.transfer(
        call.engine.containers.commit,
        container,
        repository=query.text("repo"),
        tag=query.text("tag"),
        comment=query.text("comment"),
        author=query.text("author"),
        pause=query.flag("pause", True),
        changes=query.texts("changes"),
        config=config,
    )
    return json({"Id": id}, 201)


ROUTES = (
    Route("HEAD", "/containers/{id}/archive", describe),
    Route("GET", "/containers/{id}/archive", archive),
    Route("PUT", "/containers/{id}/archive", extract),
    Route("GET", "/containers/{id}/export", export),
    Route("POST", "/commit", commit),
)
