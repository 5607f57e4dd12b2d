"""Taking up the containers of the daemon before.

What still runs is adopted, what ended is written down, what was half made or half removed goes.
"""

from __future__ import annotations

import contextlib
import logging
import os
import time

from dockerkit.daemon.engine.core import Core
from dockerkit.daemon.engine.dying import on_exit
from dockerkit.daemon.engine.entries import Entry
from dockerkit.daemon.engine.lifecycle import Phase
from dockerkit.daemon.engine.record import Record
from dockerkit.daemon.engine.removal import remove, remove_tree
from dockerkit.daemon.runtime.runtime import Exit, Keeper
from dockerkit.daemon.state import containers
from dockerkit.schema.wire import decode

log = logging.getLogger(__name__)
UNKNOWN_EXIT = 255


def recover(core: Core) -> None:
    """Make the containers in memory agree with the state on disk and with the kernel."""
    for document in containers.everything(core.database):
        core.entries.add(Entry(decode(document, Record)))
    _sweep(core)
    for entry in core.entries.all():
        _take_up(core, entry)


def _sweep(core: Core) -> None:
    """Remove directories that no record speaks of: a create that did not get as far, a removal that got too far to stop."""
    top = os.path.join(core.root, "containers")
    known = {entry.record.id for entry in core.entries.all()}
    for name in set(os.listdir(top)) - known:
        log.warning("removing %s: no container has this directory", name)
        remove_tree(os.path.join(top, name))
    for name in os.listdir(core.trash("")):
        remove_tree(core.trash(name))


def _take_up(core: Core, entry: Entry) -> None:
    record = entry.record
    found = core.runtime.adopt(record.id, core.directory(record.id))
    if isinstance(found, Keeper):
        entry.keeper = found
        _settle_pause(core, entry)
        if not record.alive and record.phase is not Phase.REMOVING:  # started, but not written down
            core.commit(entry, record.started(found.pid, found.started_at))
    elif record.alive:
        gone = Exit(UNKNOWN_EXIT, oom_killed=False, finished_at=time.time_ns(), error="the host or its keeper went away")
        on_exit(core, record.id, found or gone)
    if record.phase in (Phase.REMOVING, Phase.DEAD) or (record.phase is Phase.EXITED and record.host_config.auto_remove):
        remove(core, entry, force=True)


def _settle_pause(core: Core, entry: Entry) -> None:
    """Freeze what is written down as paused, thaw what is not: the daemon may have ended between the act and the word."""
    group = core.cgroup(entry.record)
    with contextlib.suppress(FileNotFoundError):  # it ended this moment: its exit is on its way
        if entry.record.phase is Phase.PAUSED:
            group.freeze()
        else:
            group.thaw()
