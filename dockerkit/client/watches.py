"""Looking whether a condition is met: one watch for each kind of condition, opened when somebody begins to wait.

A watch never waits longer than its look takes, and says why it is not met yet.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dockerkit.client import ready
from dockerkit.client.logs import as_seconds, open_log
from dockerkit.client.sockets import http_status, listening
from dockerkit.client.transport.http import Response
from dockerkit.errors import DockerkitError, Invalid, TimedOut, Unavailable
from dockerkit.schema.container import NEVER
from dockerkit.schema.units import from_rfc3339

if TYPE_CHECKING:
    from dockerkit.client.container import Container
    from dockerkit.schema.container import ContainerState

_HTTP = 2.0
"""Seconds one GET may take."""
_REST = 2.0
"""Seconds in which the log of a container that has ended must have arrived."""
_SLACK = 500_000_000
"""Nanoseconds between the first line of a program and the engine's note of its start, at most."""
_LONGEST = 1_000_000
"""Characters of a line without end that are looked at."""


@dataclass(frozen=True)
class End:
    """How a container ended; `code` is None when it never ran."""

    code: int | None
    reason: str


@dataclass(frozen=True)
class Now:
    """What a watch may know: how long there is, and whether the container has ended."""

    deadline: float
    end: End | None = None

    @property
    def left(self) -> float:
        """Seconds left, a few milliseconds at least."""
        return max(0.005, self.deadline - time.monotonic())


class Watch:
    """Looks at one container for one condition."""

    why = ""
    """Why the last look said no."""

    def __init__(self, container: Container) -> None:
        self.container = container

    def met(self, now: Now) -> bool:
        """Look; tell whether the condition is met."""
        raise NotImplementedError

    def sources(self) -> list[Response]:
        """Return what to wait on for news, beside time."""
        return []

    def close(self) -> None:
        """Let go of what was opened."""


class Looking(Watch):
    """A watch that can only be met by a running container, and whose look may fail."""

    def met(self, now: Now) -> bool:
        """Look; a failure is a reason, unless the engine itself has gone."""
        if now.end is not None:
            return False
        try:
            return self.look(now)
        except Unavailable:
            raise
        except TimedOut as error:
            self.why = self.why or error.message  # the last look is cut short by the deadline: the one before says more
        except DockerkitError as error:
            self.why = error.message
        except OSError as error:
            self.why = error.strerror or str(error)
        return False

    def look(self, now: Now) -> bool:
        """Look at a running container."""
        raise NotImplementedError


class PortWatch(Looking):
    """See :func:`dockerkit.client.ready.port`."""

    def __init__(self, container: Container, condition: ready.Port) -> None:
        super().__init__(container)
        self._port = condition.number

    def look(self, now: Now) -> bool:
        """Look into the container's socket table."""
        ports = listening(self.container)
        self.why = f"it listens on {', '.join(map(str, sorted(ports))) or 'no port'}"
        return self._port in ports


class HttpWatch(Looking):
    """See :func:`dockerkit.client.ready.http`."""

    def __init__(self, container: Container, condition: ready.Http) -> None:
        super().__init__(container)
        self._wanted = condition

    def look(self, now: Now) -> bool:
        """Ask."""
        status = http_status(self.container, self._wanted.port, self._wanted.path, min(_HTTP, now.left))
        self.why = f"it answers with status {status}"
        return status == self._wanted.status


class HealthyWatch(Looking):
    """See :func:`dockerkit.client.ready.healthy`."""

    def __init__(self, container: Container, condition: ready.Healthy) -> None:
        super().__init__(container)

    def look(self, now: Now) -> bool:
        """Read the record.

        :raises Invalid: there is no health check, so there is nothing to wait for.
        """
        health = self.container.inspect()["State"].get("Health")
        if not health or health.get("Status") in ("none", ""):
            raise Invalid(
                f"container {self.container.short_id} has no health check", hint="say healthcheck(…), or another condition"
            )
        last = (health.get("Log") or [{}])[-1]
        said = str(last.get("Output") or "").strip()
        self.why = f"it is {health.get('Status')}" + (f": {said}" if said else "")
        return bool(health.get("Status") == "healthy")

    def met(self, now: Now) -> bool:
        """Look; what can never be is said at once."""
        return now.end is None and self.look(now)


class ExecWatch(Looking):
    """See :func:`dockerkit.client.ready.exec`."""

    def __init__(self, container: Container, condition: ready.Exec) -> None:
        super().__init__(container)
        self._command = condition.command

    def look(self, now: Now) -> bool:
        """Run the command."""
        done = self.container.exec(*self._command, timeout=now.left)
        said = (done.stderr.strip() or done.stdout.strip()).rpartition("\n")[2]
        self.why = f"it ended with exit code {done.exit_code}" + (f": {said}" if said else "")
        return done.exit_code == 0


class ExitedWatch(Watch):
    """See :func:`dockerkit.client.ready.exited`."""

    def __init__(self, container: Container, condition: ready.Exited) -> None:
        super().__init__(container)
        self._code = condition.code

    def met(self, now: Now) -> bool:
        """Compare, once it has ended."""
        self.why = "it runs on" if now.end is None else f"its exit code is {now.end.code}"
        return now.end is not None and now.end.code == self._code


class LogWatch(Watch):
    """See :func:`dockerkit.client.ready.log`: follows the log, so a line is seen when it is written."""

    def __init__(self, container: Container, condition: ready.Log) -> None:
        super().__init__(container)
        self._regex = re.compile(condition.regex)
        self._wanted, self._found = condition.count, 0
        query = {"stdout": True, "stderr": True, "since": since_last_start(container.state)}
        self._answer, self._lines = open_log(container.engine, container.path, query)

    def met(self, now: Now) -> bool:
        """Read what came; all that is left, when the container has ended."""
        self._take(self._answer.now() or b"")
        if now.end is not None:
            self._read_rest()
        started = any(self._regex.search(text[-_LONGEST:]) for _, text in self._lines.unfinished())
        found = self._found + started
        self.why = f"found {found} of {self._wanted} times" if self._wanted > 1 else "no such line yet"
        return found >= self._wanted

    def sources(self) -> list[Response]:
        """Return the log."""
        return [self._answer]

    def close(self) -> None:
        """Stop following."""
        self._answer.close()

    def _take(self, data: bytes) -> None:
        self._found += sum(1 for _, text in self._lines.feed(data) if self._regex.search(text.rstrip("\r\n")))

    def _read_rest(self) -> None:
        self._answer.patience(_REST)
        try:
            for piece in self._answer:
                self._take(piece)
        except TimedOut:
            return  # what an engine does not send in this time is as good as unwritten


class FunctionWatch(Watch):
    """Any function of the container."""

    def __init__(self, container: Container, condition: Callable[[Container], bool]) -> None:
        super().__init__(container)
        self._function = condition

    def met(self, now: Now) -> bool:
        """Call it; what it raises is the reason why not."""
        try:
            met = bool(self._function(self.container))
        except Exception as error:
            self.why = f"{type(error).__name__}: {error}"
            return False
        self.why = "it returned false"
        return met


class _Pair(Watch):
    def __init__(self, container: Container, condition: ready.All | ready.Any) -> None:
        super().__init__(container)
        self.first = watch(container, condition.first)
        try:
            self.second = watch(container, condition.second)
        except BaseException:
            self.first.close()
            raise
        self._said = (ready.said(condition.first), ready.said(condition.second))

    def sources(self) -> list[Response]:
        return [*self.first.sources(), *self.second.sources()]

    def close(self) -> None:
        self.first.close()
        self.second.close()

    def _reasons(self, *watches: Watch) -> str:
        named = zip((self.first, self.second), self._said, strict=True)
        return "; ".join(f"{said}: {one.why}" for one, said in named if one in watches)


class AllWatch(_Pair):
    """Both."""

    def met(self, now: Now) -> bool:
        """Look at the second when the first is met."""
        missing = next((one for one in (self.first, self.second) if not one.met(now)), None)
        self.why = self._reasons(missing) if missing is not None else ""
        return missing is None


class AnyWatch(_Pair):
    """One of two."""

    def met(self, now: Now) -> bool:
        """Look at the second when the first is not met."""
        if self.first.met(now) or self.second.met(now):
            return True
        self.why = self._reasons(self.first, self.second)
        return False


_WATCHES: dict[type, Callable[..., Watch]] = {
    ready.Log: LogWatch,
    ready.Port: PortWatch,
    ready.Http: HttpWatch,
    ready.Healthy: HealthyWatch,
    ready.Exec: ExecWatch,
    ready.Exited: ExitedWatch,
    ready.All: AllWatch,
    ready.Any: AnyWatch,
}


def watch(container: Container, condition: ready.Wish) -> Watch:
    """Begin to look at a container for a condition.

    :raises TypeError: neither a condition nor a function.
    """
    kind = _WATCHES.get(type(condition))
    if kind is not None:
        return kind(container, condition)
    if not callable(condition):
        raise TypeError(f"{condition!r} is not a condition: take one of dk.ready, or a function of the container")
    return FunctionWatch(container, condition)


def since_last_start(state: ContainerState) -> str | None:
    """Return the moment from which a container's log is its last run's; None when there was no run before.

    Docker notes the start a little after the program's first line may have been written, and the end a little before its last
    one may be: the middle between the two belongs to neither.
    """
    if NEVER in (state.finished_at, state.started_at):
        return None
    started, finished = from_rfc3339(state.started_at), from_rfc3339(state.finished_at)
    if not state.running:
        return as_seconds(started - _SLACK)  # the end before the last is known no more
    return as_seconds(started - max(0, started - finished) // 2)
