"""Healthchecks: a running container is probed again and again, and what that says is written down.

One timer for each container, no thread: a check is begun on a small pool, ended by its exit or by its timeout, and the next
one is timed then. Whether a container is probed follows its record: it runs, and is not paused. The rules are ``healthrules``;
running a command is the probe's, handed in.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from msgspec import UnsetType
from msgspec.structs import replace

from dockerkit.daemon.engine import healthrules as rules
from dockerkit.daemon.engine.core import Core
from dockerkit.daemon.engine.entries import Entry
from dockerkit.daemon.engine.events import Happening
from dockerkit.daemon.engine.lifecycle import Phase
from dockerkit.daemon.engine.timers import Timer
from dockerkit.errors import DockerkitError
from dockerkit.schema.container import HealthConfig
from dockerkit.schema.units import from_rfc3339

log = logging.getLogger(__name__)
Done = Callable[[int, bytes], None]
Stop = Callable[[], bytes]
Probe = Callable[[Entry, list[str], Done], Stop]
"""Begins a command in a container; `done` gets its exit code and output once. What it returns kills the command, after which
`done` may or may not be called, and gives the output so far. It raises when the command cannot be begun."""


@dataclass(slots=True, eq=False)
class _Monitor:
    """The checks of one life of a container; ``check`` numbers them, so that what comes too late is known."""

    entry: Entry
    command: list[str]
    wish: HealthConfig
    timer: Timer | None = None
    stop: Stop | None = None
    check: int = 0
    began: int = 0


class Healthchecks:
    """All healthchecks of this engine.

    :param now: nanoseconds since 1970.
    """

    def __init__(self, core: Core, probe: Probe, pool: ThreadPoolExecutor, now: Callable[[], int] = time.time_ns) -> None:
        self._core, self._probe, self._pool, self._now = core, probe, pool, now
        self._monitors: dict[str, _Monitor] = {}
        self._lock = threading.Lock()

    def settle(self, entry: Entry) -> None:
        """Probe a container from now on, or no more, as its record says. Quick; called at every change of a container."""
        record = entry.record
        command = rules.command(record.config) if record.phase is Phase.RUNNING else None
        with self._lock:
            present = self._monitors.get(record.id)
            if (present is not None) == (command is not None):
                return
            if present is not None:
                del self._monitors[record.id]
            elif command is not None and not isinstance(record.config.healthcheck, UnsetType):
                monitor = self._monitors[record.id] = _Monitor(entry, command, record.config.healthcheck)
                self._time_next(monitor)
        if present is not None:
            self._end(present)

    def close(self) -> None:
        """Probe nobody any more; checks under way are left to end."""
        with self._lock:
            monitors, self._monitors = self._monitors, {}
        for monitor in monitors.values():
            if monitor.timer is not None:
                monitor.timer.cancel()

    def _end(self, monitor: _Monitor) -> None:
        monitor.check += 1
        if monitor.timer is not None:
            monitor.timer.cancel()
        if monitor.stop is not None:
            self._pool.submit(monitor.stop)

    def _time_next(self, monitor: _Monitor) -> None:
        health = monitor.entry.record.state.health
        status = rules.STARTING if isinstance(health, UnsetType) else health.status
        wait = rules.pause(status, monitor.wish, self._now() - _started(monitor))
        monitor.timer = self._core.timers.after(wait / 1e9, lambda: self._pool.submit(self._begin, monitor))

    def _begin(self, monitor: _Monitor) -> None:
        with self._lock:
            if self._monitors.get(monitor.entry.record.id) is not monitor:
                return
            monitor.check += 1
            monitor.began = self._now()
            number = monitor.check
            timeout = monitor.wish.timeout or rules.TIMEOUT
            monitor.timer = self._core.timers.after(timeout / 1e9, lambda: self._pool.submit(self._expire, monitor, number))

        def done(exit_code: int, output: bytes) -> None:  # told on the watcher's thread, which must not wait for a container
            self._pool.submit(self._done, monitor, number, exit_code, output)

        try:
            monitor.stop = self._probe(monitor.entry, monitor.command, done)
        except Exception as error:  # whatever keeps a check from being run is its result
            self._done(monitor, number, rules.NO_RESULT, str(error).encode())

    def _expire(self, monitor: _Monitor, number: int) -> None:
        if monitor.check == number:
            said = monitor.stop() if monitor.stop is not None else b""
            self._done(monitor, number, rules.NO_RESULT, rules.too_long(monitor.wish.timeout or rules.TIMEOUT, said))

    def _done(self, monitor: _Monitor, number: int, exit_code: int, output: bytes) -> None:
        """Take a result, the first of a check, and time the next."""
        entry = monitor.entry
        with self._lock:
            if self._monitors.get(entry.record.id) is not monitor or monitor.check != number:
                return
            monitor.check += 1
            monitor.stop = None
            if monitor.timer is not None:
                monitor.timer.cancel()
        try:
            self._judge(monitor, exit_code, output)
        except DockerkitError as error:
            log.warning("container %s: a healthcheck's result could not be written down: %s", entry.record.id, error)
        with self._lock:
            if self._monitors.get(entry.record.id) is monitor:
                self._time_next(monitor)

    def _judge(self, monitor: _Monitor, exit_code: int, output: bytes) -> None:
        entry = monitor.entry
        found = rules.result(exit_code, output, monitor.began, self._now())
        with entry.lock:
            record, before = entry.record, entry.record.state.health
            if record.phase is not Phase.RUNNING or isinstance(before, UnsetType):
                return
            after = rules.judged(before, monitor.wish, found, monitor.began - _started(monitor))
            happenings = [Happening(f"health_status: {after.status}")] if after.status != before.status else []
            self._core.commit(entry, replace(record, state=replace(record.state, health=after)), *happenings)


def _started(monitor: _Monitor) -> int:
    return from_rfc3339(monitor.entry.record.state.started_at)
