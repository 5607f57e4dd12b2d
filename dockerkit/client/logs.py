"""Reading what a container wrote: times as people say them, frames as Docker sends them."""

from __future__ import annotations

import time
from datetime import datetime

from dockerkit.client.engine import Engine, Query
from dockerkit.client.streams import Output
from dockerkit.client.transport.http import Response
from dockerkit.errors import Invalid
from dockerkit.schema.units import from_rfc3339, parse_duration

Moment = datetime | str | int | float
FRAMED = "application/vnd.docker.multiplexed-stream"
_NANO = 1_000_000_000


def read_logs(engine: Engine, path: str, query: Query, *, since: Moment | None, until: Moment | None) -> str:
    """Return a container's log as text, both streams in the order in which they were written.

    :param path: of the container.
    """
    asked = {**query, "since": _seconds(since), "until": _seconds(until)}
    with engine.call("GET", f"{path}/logs", query=asked) as answer:
        framed = _framed(engine, path, answer)
        output = Output(framed=framed, merged=True)
        for piece in answer:
            output.feed(piece)
    return output.stdout.decode("utf-8", "replace")


def _framed(engine: Engine, path: str, answer: Response) -> bool:
    """Tell whether the log comes in frames; engines before API 1.42 name the type wrongly, so the record decides."""
    if answer.headers.get("content-type") == FRAMED:
        return True
    return not engine.get(f"{path}/json")["Config"].get("Tty")


def _seconds(moment: Moment | None) -> str | None:
    """Return a moment as Docker's parameter: seconds since 1970 with nine digits.

    :raises Invalid: text that is neither a time nor a duration.
    """
    if moment is None:
        return None
    if isinstance(moment, datetime):
        nanoseconds = round(moment.timestamp() * 1_000_000) * 1000
    elif isinstance(moment, (int, float)):
        nanoseconds = round(moment * _NANO)
    else:
        nanoseconds = _from_text(moment)
    return f"{nanoseconds // _NANO}.{nanoseconds % _NANO:09d}"


def _from_text(text: str) -> int:
    try:
        return from_rfc3339(text)
    except Invalid:
        return time.time_ns() - round(parse_duration(text) * _NANO)
