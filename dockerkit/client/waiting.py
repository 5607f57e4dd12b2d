"""Waiting for a condition: looks again and again, wakes at every line of a log, and ends at once when the container does.

One thread, the caller's; the engine's own ``wait`` is kept open beside the looking, so a death is news and not a guess. Ctrl-C
interrupts.
"""

from __future__ import annotations

import select
import time
from typing import TYPE_CHECKING

import msgspec

from dockerkit.client import ready
from dockerkit.client.transport.http import Response
from dockerkit.client.watches import End, Now, Watch, watch
from dockerkit.errors import Conflict, DockerkitError, NotFound, NotReady
from dockerkit.schema.units import parse_duration

if TYPE_CHECKING:
    from dockerkit.client.container import Container

DEFAULT = 60.0
"""Seconds a container has to become ready."""
_FIRST_PAUSE, _LONGEST_PAUSE = 0.01, 0.25
_SHOWN = 20
"""Lines of the log that an error shows."""
_LIVE = frozenset({"running", "paused", "restarting"})


def wait_for(container: Container, condition: ready.Wish, timeout: str | float | None = DEFAULT) -> None:
    """Return when a condition is met.

    :param timeout: seconds, or ``"1m"``; None waits for ever.
    :raises NotReady: the time is over, or the container has ended; with the reason and its last lines.
    """
    seconds = parse_duration(timeout) if timeout is not None else float("inf")
    deadline = time.monotonic() + seconds
    with _Life(container) as life:
        why = ""
        try:
            end, why = _look_until(life, container, condition, deadline)
        except (NotFound, Conflict):
            end = life.ended()  # it is removed while we look
            if end is None:
                raise
    if end is not None:
        raise _not_ready(container, condition, why, None if end is _LATE else end, seconds)


_LATE = End(None, "the time is over")


def _look_until(life: _Life, container: Container, condition: ready.Wish, deadline: float) -> tuple[End | None, str]:
    """Look until the condition is met (None), the container has ended, or the time is over; say why it was not met."""
    looking = watch(container, condition)
    try:
        return _looked_until(life, looking, deadline), looking.why
    finally:
        looking.close()


def _looked_until(life: _Life, looking: Watch, deadline: float) -> End | None:
    pause = _FIRST_PAUSE
    while True:
        end = life.ended()  # asked first, so that the look after it sees all that came before the end
        if looking.met(Now(deadline, end)):
            return None
        if end is not None:
            return end
        left = deadline - time.monotonic()
        if left <= 0:
            return _LATE
        _wait([life.source, *looking.sources()], min(pause, left))
        pause = min(pause * 1.5, _LONGEST_PAUSE)


def _wait(sources: list[Response], seconds: float) -> None:
    poll = select.poll()
    for source in sources:
        if source.fileno() >= 0:
            poll.register(source.fileno(), select.POLLIN)
    poll.poll(seconds * 1000)


def is_met(container: Container, condition: ready.Wish) -> bool:
    """Tell whether a condition is met now; a container that is gone meets none."""
    with _Life(container) as life:
        looking = watch(container, condition)
        try:
            return looking.met(Now(time.monotonic() + DEFAULT, life.ended()))
        finally:
            looking.close()


class _Life:
    """Hears of the container's end."""

    def __init__(self, container: Container) -> None:
        self._container = container
        self._said = b""
        self.source = self._open()

    def _open(self) -> Response:
        return self._container.engine.call("POST", f"{self._container.path}/wait", query={"condition": "not-running"})

    def ended(self) -> End | None:
        """Return how it ended; None while it lives, or will live again under its restart policy."""
        while (piece := self.source.now()) is not None:
            if not piece:
                return None
            self._said += piece
        code = int(msgspec.json.decode(self._said).get("StatusCode") or 0)
        try:
            state = self._container.state
        except NotFound:
            return End(code, "and was removed")
        if state.status in _LIVE:
            self._said, self.source = b"", self._open()
            return None
        if state.status == "created" and not state.error:
            return End(None, "has not been started")
        return End(state.exit_code, "out of memory" if state.oom_killed else state.error)

    def __enter__(self) -> _Life:
        return self

    def __exit__(self, *error: object) -> None:
        self.source.close()


def _not_ready(container: Container, condition: ready.Wish, why: str, end: End | None, seconds: float) -> NotReady:
    wanted = ready.said(condition) + (f": {why}" if why else "")
    message = f"container {_name(container)} {_how(end, seconds)} ({wanted})"
    lines = _last_lines(container)
    if lines:
        message += "; its last lines:\n" + "\n".join(f"    {line}" for line in lines)
    return NotReady(message)


def _how(end: End | None, seconds: float) -> str:
    if end is None:
        return f"was not ready within {seconds:g} s"
    if end.code is None:
        return end.reason
    return f"ended with exit code {end.code}{f' ({end.reason})' if end.reason else ''} before it was ready"


def _last_lines(container: Container) -> list[str]:
    try:
        return str(container.logs(tail=_SHOWN)).splitlines()[-_SHOWN:]
    except DockerkitError:
        return []  # removed, or its log cannot be read: the reason stands without it


def _name(container: Container) -> str:
    try:
        return container.name
    except DockerkitError:
        return container.short_id
