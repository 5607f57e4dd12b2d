"""The engine's events, live or from history."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

from tests.parity.engines import EngineUnderTest

Event = dict[str, Any]


def clock() -> str:
    """Return now as the seconds ``since`` and ``until`` take."""
    return f"{time.time_ns() // 10**9}.{time.time_ns() % 10**9:09}"


class Feed:
    """A live subscription; a context manager.

    :param filters: as the API takes them.
    """

    def __init__(self, engine: EngineUnderTest, **filters: list[str]) -> None:
        self.seen: list[Event] = []
        self._stream = engine.api.follow("/events", filters=filters)
        assert self._stream.status == 200

    def __enter__(self) -> Feed:
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Hang up."""
        self._stream.close()

    def next(self) -> Event:
        """Return the next event.

        :raises EOFError: the engine ended the stream.
        """
        line = self._stream.line()
        if not line:
            raise EOFError(f"events ended after {actions(self.seen)}")
        self.seen.append(json.loads(line))
        return self.seen[-1]

    def until(self, action: str, times: int = 1) -> list[Event]:
        """Return the events up to the `times`-th with this action."""
        return self.until_event(lambda event: event["Action"] == action, times)

    def until_event(self, fits: Callable[[Event], bool], times: int = 1) -> list[Event]:
        """Return the events up to the `times`-th that fits."""
        found: list[Event] = []
        while times:
            found.append(self.next())
            times -= fits(found[-1])
        return found


def history(engine: EngineUnderTest, since: str, until: str = "", **filters: list[str]) -> list[Event]:
    """Return what happened between two times; until now when no end is given."""
    answer = engine.api.get("/events", since=since, until=until or clock(), filters=filters)
    assert answer.status == 200, answer
    return [json.loads(line) for line in answer.body.splitlines()]


def actions(events: list[Event], kind: str = "container") -> list[str]:
    """Return the actions of one kind of object, without those of the networks issue 4 has nothing to do with."""
    return [event["Action"] for event in events if event["Type"] == kind]
