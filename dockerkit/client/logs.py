"""Reading what a container wrote: times as people say them, frames as Docker sends them, lines as they come."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from datetime import datetime

from dockerkit.client.engine import Engine, Query
from dockerkit.client.following import Following
from dockerkit.client.streams import STDERR, STDOUT, Demultiplexer, Output
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
    asked = {**query, "since": moment(since), "until": moment(until)}
    with engine.call("GET", f"{path}/logs", query=asked) as answer:
        framed = _framed(engine, path, answer)
        output = Output(framed=framed, merged=True)
        for piece in answer:
            output.feed(piece)
    return output.stdout.decode("utf-8", "replace")


def follow_logs(
    engine: Engine, path: str, query: Query, *, since: Moment | None = None, until: Moment | None = None
) -> Following[str]:
    """Return a container's log line by line, as it is written, until the container ends; each line keeps its newline."""
    answer, lines = open_log(engine, path, {**query, "since": moment(since), "until": moment(until)})
    answer.patience(None)
    return Following(answer, (text for _, text in lines.over(answer)))


def open_log(engine: Engine, path: str, query: Query) -> tuple[Response, Lines]:
    """Begin to follow a log; return the answer, and what cuts it into lines."""
    answer = engine.call("GET", f"{path}/logs", query={**query, "follow": True})
    return answer, Lines(framed=_framed(engine, path, answer))


class Lines:
    """Cuts a log into lines, each stream for itself; holds what has no newline yet.

    :param framed: False for a terminal, whose one stream is raw.
    """

    def __init__(self, *, framed: bool) -> None:
        self._split = Demultiplexer() if framed else None
        self._rest = {STDOUT: b"", STDERR: b""}

    def feed(self, data: bytes) -> list[tuple[int, str]]:
        """Return the lines that `data` completes, as (stream, text with its newline)."""
        found: list[tuple[int, str]] = []
        for stream, piece in [(STDOUT, data)] if self._split is None else self._split.feed(data):
            *lines, rest = (self._rest.get(stream, b"") + piece).split(b"\n")
            found += [(stream, _text(line + b"\n")) for line in lines]
            self._rest[stream] = rest
        return found

    def unfinished(self) -> list[tuple[int, str]]:
        """Return what has no newline (yet)."""
        return [(stream, _text(rest)) for stream, rest in self._rest.items() if rest]

    def over(self, pieces: Iterable[bytes]) -> Iterator[tuple[int, str]]:
        """Yield the lines of a whole log; the last may have no newline."""
        for piece in pieces:
            yield from self.feed(piece)
        yield from self.unfinished()


def _text(line: bytes) -> str:
    return line.decode("utf-8", "replace")


def _framed(engine: Engine, path: str, answer: Response) -> bool:
    """Tell whether the log comes in frames; engines before API 1.42 name the type wrongly, so the record decides."""
    if answer.headers.get("content-type") == FRAMED:
        return True
    return not engine.get(f"{path}/json")["Config"].get("Tty")


def moment(said: Moment | None) -> str | None:
    """Return a moment as Docker's parameter: seconds since 1970 with nine digits.

    :raises Invalid: text that is neither a time nor a duration.
    """
    if said is None:
        return None
    if isinstance(said, datetime):
        nanoseconds = round(said.timestamp() * 1_000_000) * 1000
    elif isinstance(said, (int, float)):
        nanoseconds = round(said * _NANO)
    else:
        nanoseconds = _from_text(said)
    return as_seconds(nanoseconds)


def as_seconds(nanoseconds: int) -> str:
    """Return nanoseconds since 1970 as Docker's parameter."""
    return f"{nanoseconds // _NANO}.{nanoseconds % _NANO:09d}"


def _from_text(text: str) -> int:
    try:
        return from_rfc3339(text)
    except Invalid:
        return time.time_ns() - round(parse_duration(text) * _NANO)
