"""Routes about the engine itself: is it there, what does it speak, what is it."""

from __future__ import annotations

from dockerkit.daemon.api.answers import Answer, Response, json
from dockerkit.daemon.api.call import Call
from dockerkit.daemon.api.router import Route

PING_HEADERS = (
    ("Builder-Version", "1"),
    ("Swarm", "inactive"),
    ("Cache-Control", "no-cache, no-store, must-revalidate"),
    ("Pragma", "no-cache"),
)
"""Builder 1 is the classic one: with 2 the docker program would build by a protocol that is not offered here."""


def ping(call: Call) -> Answer:
    """``GET`` and ``HEAD /_ping``: the daemon is there. HEAD says so with a length of 0, as dockerd."""
    body = b"" if call.method == "HEAD" else b"OK"
    return Response(200, body, "text/plain; charset=utf-8", PING_HEADERS)


def version(call: Call) -> Answer:
    """``GET /version``."""
    return json(call.engine.system.version())


async def info(call: Call) -> Answer:
    """``GET /info``."""
    return json(await call.run(call.engine.system.info))


ROUTES = (
    Route("GET", "/_ping", ping),
    Route("HEAD", "/_ping", ping),
    Route("GET", "/version", version),
    Route("GET", "/info", info),
)
