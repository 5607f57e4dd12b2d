"""What follows a container's end: the record, the event, those who waited; then its restart, or its removal."""

from __future__ import annotations

import logging

from msgspec.structs import replace

from dockerkit.daemon.engine import restarts
from dockerkit.daemon.engine.core import Core
from dockerkit.daemon.engine.entries import Entry
from dockerkit.daemon.engine.events import Happening
from dockerkit.daemon.engine.networks import leaving
from dockerkit.daemon.engine.removal import remove
from dockerkit.daemon.kernel import failpoints
from dockerkit.daemon.runtime.runtime import Exit
from dockerkit.errors import DockerkitError, NotFound

log = logging.getLogger(__name__)


def on_exit(core: Core, id: str, exit: Exit) -> None:
    """Take note that a container's init ended. Called on the runtime's watcher thread, once for every start."""
    try:
        entry = core.entries.resolve(id)
    except NotFound:
        log.warning("container %s ended, but is not known any more", id)
        return
    with entry.lock:
        if not entry.record.alive:  # a start that is being undone
            return
        failpoints.hit("engine.ended")
        leaves = entry.record.host_config.auto_remove and not entry.restarts
        delay = restarts.decide(entry, exit)
        _write(core, entry, exit, restart=delay is not None)
    core.followers.finish(id)
    entry.waiters.exited(exit.exit_code)
    if delay is not None:
        restarts.schedule(core, entry, delay)
    elif leaves:
        remove(core, entry, force=True, by_itself=True)


def _write(core: Core, entry: Entry, exit: Exit, *, restart: bool) -> None:
    record = entry.record.died(
        exit.exit_code, exit.finished_at, oom_killed=exit.oom_killed, error=exit.error, log_lost=exit.log_lost, restart=restart
    )
    if restart:
        record = replace(record, restart_count=record.restart_count + 1)
    happenings = [Happening("oom")] if exit.oom_killed else []
    happenings += [Happening("die", {"exitCode": str(exit.exit_code)})]
    happenings += [Happening("stop")] if entry.record.stopping else []  # with its end: neither can be lost without the other
    left = leaving.events(core, record)
    leaving.release(core, record)
    record = leaving.left(record)
    try:
        core.commit(entry, record, *happenings, *left)
    except DockerkitError:
        # The process is gone whether or not the disk takes the news: readers see the truth, and the next start of
        # the daemon finds it in the keeper's exit record.
        log.exception("the end of container %s could not be written down", record.id)
        entry.record = record
