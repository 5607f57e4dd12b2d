"""Restart policies: whether a container that ended is started again by itself, and when.

Docker's rules, proven against dockerd: the first restart comes after 100 ms, each further one after twice as long, a minute at
most; ten seconds of life make it 100 ms again. Whoever was stopped or killed on request stays down, until a daemon starts:
then ``always`` and a failed ``on-failure`` run again even so, ``unless-stopped`` does not. What never ran is left alone.
Never starts anything itself: see ``start``.
"""

from __future__ import annotations

import logging

from dockerkit.daemon.engine.core import Core
from dockerkit.daemon.engine.entries import Entry
from dockerkit.daemon.engine.lifecycle import Change, Phase
from dockerkit.daemon.engine.record import Record
from dockerkit.daemon.engine.start import start
from dockerkit.daemon.runtime.runtime import Exit
from dockerkit.errors import DockerkitError
from dockerkit.schema.container import NEVER
from dockerkit.schema.units import from_rfc3339

log = logging.getLogger(__name__)
FIRST, MOST = 0.1, 60.0
"""Seconds before the first restart, and before any."""
LONG_ENOUGH = 10.0
"""Seconds of life after which a container is trusted again."""


def wanted(record: Record, exit_code: int) -> bool:
    """Tell whether a container's policy has it started again after this exit code, had nobody stopped it."""
    policy = record.host_config.restart_policy
    if policy.name == "on-failure":
        return exit_code != 0 and (not policy.maximum_retry_count or record.restart_count < policy.maximum_retry_count)
    return policy.name in ("always", "unless-stopped")


def backoff(before: float, lived: float) -> float:
    """Return the seconds to wait now: `before` is what was waited last time, 0 if never; `lived` in seconds."""
    return FIRST if lived >= LONG_ENOUGH or not before else min(before * 2, MOST)


def decide(entry: Entry, exit: Exit) -> float | None:
    """Return how long a container that just ended waits for its restart, None when it stays as it is. Its lock is held."""
    record = entry.record
    if record.manually_stopped or entry.removal is not None or not wanted(record, exit.exit_code):
        return None
    lived = (exit.finished_at - from_rfc3339(record.state.started_at)) / 1e9
    entry.backoff = backoff(entry.backoff if record.restart_count else 0, lived)
    return entry.backoff


def schedule(core: Core, entry: Entry, delay: float) -> None:
    """Start a container that awaits its restart in `delay` seconds, unless it was given up until then."""
    if entry.retry is not None:
        entry.retry.cancel()  # of an earlier life: it must not shorten this wait
    entry.retry = core.timers.after(delay, lambda: _when_its_keeper_is_gone(core, entry))


def _when_its_keeper_is_gone(core: Core, entry: Entry) -> None:
    keeper = entry.keeper
    if keeper is None:
        core.pool.submit(_again, core, entry)
    else:
        keeper.release()  # nobody's unread output shall hold up the restart
        keeper.gone.add_done_callback(lambda _: core.pool.submit(_again, core, entry))


def _again(core: Core, entry: Entry) -> None:
    try:
        start(core, entry, awaited=True)
    except Exception as error:  # whatever it was, the container shall not await for ever what will not come
        log.warning("container %s could not be restarted: %s", entry.record.id, error)
        _give_up(core, entry, str(error))


def _give_up(core: Core, entry: Entry, error: str) -> None:
    with entry.lock:
        if entry.record.phase is Phase.RESTARTING:
            try:
                core.commit(entry, entry.record.with_state(Change.GIVE_UP, error=error))
            except DockerkitError:
                log.exception("container %s: that its restart failed could not be written down", entry.record.id)
                entry.record = entry.record.with_state(Change.GIVE_UP, error=error)
        exit_code = entry.record.state.exit_code
    entry.waiters.exited(exit_code)


def resume(core: Core, entry: Entry) -> None:
    """Apply a container's policy at the start of a daemon: go on with a restart that was due, start what should run."""
    record = entry.record
    if record.phase is Phase.RESTARTING:
        schedule(core, entry, FIRST)
    elif record.phase is Phase.EXITED and record.state.started_at != NEVER and _at_daemon_start(record):
        core.pool.submit(_from_the_beginning, core, entry)


def _at_daemon_start(record: Record) -> bool:
    if record.host_config.restart_policy.name == "unless-stopped" and record.manually_stopped:
        return False
    return wanted(record, record.state.exit_code)


def _from_the_beginning(core: Core, entry: Entry) -> None:
    try:
        start(core, entry)
    except DockerkitError as error:
        log.warning("container %s could not be started with the daemon: %s", entry.record.id, error)
