"""Routes of registries: login, search, and what a reference is where it comes from."""

from __future__ import annotations

from dockerkit.daemon.api.answers import Answer, json
from dockerkit.daemon.api.call import Call
from dockerkit.daemon.api.registryauth import Sent, credentials
from dockerkit.daemon.api.router import Route
from dockerkit.errors import Invalid

SEARCH_FILTERS = ("is-automated", "is-official", "stars")


async def login(call: Call) -> Answer:
    """``POST /auth``: proves credentials to a registry, which are not kept."""
    sent = await call.json(Sent)
    return json(await call.application.transfer(call.engine.images.login, sent.serveraddress, sent.credentials))


async def search(call: Call) -> Answer:
    """``GET /images/search``: repositories by a word, on Docker Hub or on the registry that the word begins with."""
    query = call.query
    limit, filters = query.integer("limit") or 25, query.filters()
    if not 1 <= limit <= 100:
        raise Invalid(f"Limit {limit} is outside the range of [1, 100]")
    for word in filters:
        if word not in SEARCH_FILTERS:
            raise Invalid(f"invalid filter '{word}'", hint=f"known filters: {', '.join(SEARCH_FILTERS)}")
    verb, term = call.engine.images.search, query.text("term")
    return json(await call.application.transfer(verb, term, limit=limit, filters=filters, credentials=credentials(call)))


async def describe(call: Call) -> Answer:
    """``GET /distribution/{name}/json``: descriptor and platforms of a reference, from its registry."""
    return json(await call.application.transfer(call.engine.images.describe, call.ref, credentials(call)))


ROUTES = (
    Route("POST", "/auth", login),
    Route("GET", "/images/search", search),
    Route("GET", "/distribution/{name:path}/json", describe, since="1.30"),
)
