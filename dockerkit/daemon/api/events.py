"""The route of events: what happened since a moment, then what happens, until another; without loss, and without doubles."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator

from dockerkit.daemon.api.answers import Answer, Stream
from dockerkit.daemon.api.call import Call
from dockerkit.daemon.api.listener import Encoder, Listener
from dockerkit.daemon.api.router import Route
from dockerkit.daemon.api.verbs import Subscription
from dockerkit.daemon.engine.eventfilters import fits
from dockerkit.errors import Invalid

TURN = 64
"""Events of the past that are sent in one go before the other clients get their turn."""


async def events(call: Call) -> Answer:
    """``GET /events``: the head says that nothing is missed from here on; each event is sent at once."""
    query = call.query
    since, until = query.moment("since"), query.moment("until")
    if until and until < since:
        raise Invalid(f"`since` time ({query.text('since')}) cannot be after `until` time ({query.text('until')})")
    application, filters = call.application, query.filters()
    listener = Listener(application.doorbell, application.events, filters, until)
    # nothing is awaited between here and the stream's first step: whoever hangs up leaves no subscription
    return Stream(_stream(call, listener, call.engine.events.subscribe(listener.tell), since, until))


async def _stream(
    call: Call, listener: Listener, subscription: Subscription, since: int, until: int
) -> AsyncGenerator[bytes, None]:
    timer = None
    try:
        if since or until:
            for number, line in enumerate(await call.run(_history, call, subscription, since, until)):
                yield line
                if number % TURN == 0:
                    await asyncio.sleep(0)
        left = (until - time.time_ns()) / 1e9 if until else None
        if left is not None and left <= 0:
            return
        if left is not None:
            timer = asyncio.get_running_loop().call_later(left, listener.finish)
        async for line in listener.lines():
            yield line
    finally:
        subscription.close()
        if timer is not None:
            timer.cancel()


def _history(call: Call, subscription: Subscription, since: int, until: int) -> list[bytes]:
    filters, encoder = call.query.filters(), Encoder()
    happened = call.engine.events.history(since, until, upto=subscription.revision)
    return [encoder.line(event) for event in happened if fits(event, filters)]


ROUTES = (Route("GET", "/events", events),)
