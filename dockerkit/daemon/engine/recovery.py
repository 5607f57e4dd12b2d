"""Taking up the containers of the daemon before.

What still runs is adopted, what ended is written down, what was half made or half removed goes.
"""

from __future__ import annotations

import contextlib
import logging
import os
import time
from dataclasses import replace

from dockerkit.daemon.engine import execrecovery, restarts, stopping
from dockerkit.daemon.engine.core import Core
from dockerkit.daemon.engine.dying import on_exit
from dockerkit.daemon.engine.entries import Entry
from dockerkit.daemon.engine.events import Happening
from dockerkit.daemon.engine.lifecycle import Phase
from dockerkit.daemon.engine.networks import recovery as networks
from dockerkit.daemon.engine.record import Record
from dockerkit.daemon.engine.removal import SIGKILL, remove, remove_tree
from dockerkit.daemon.runtime.runtime import Exit, Keeper
from dockerkit.daemon.state import containers
from dockerkit.schema.units import rfc3339
from dockerkit.schema.wire import decode

log = logging.getLogger(__name__)
UNKNOWN_EXIT = 255
KEEPER_DIED = "keeper died"
"""What the runtime says of an exit that no keeper was there to see."""
_STARTABLE = (Phase.CREATED, Phase.EXITED, Phase.RESTARTING)
_LEAVING = (Phase.REMOVING, Phase.DEAD)


def recover(core: Core) -> None:
    """Make the containers in memory agree with the state on disk and with the kernel; then restart policies apply."""
    networks.load(core)
    for document in containers.everything(core.database):
        core.entries.add(Entry(decode(document, Record)))
    networks.restore(core)
    _sweep_directories(core)
    rebooted = _rebooted(core)
    ends: dict[str, dict[str, int]] = {}
    for entry in core.entries.all():
        _take_up(core, entry, ends, rebooted=rebooted)
    execrecovery.recover(core, ends)
    _sweep_cgroups(core)
    networks.mend(core)
    for entry in core.entries.all():
        core.observe(entry)
        restarts.resume(core, entry)


def _sweep_directories(core: Core) -> None:
    """Remove directories that no record speaks of: a create that did not get as far, a removal that got too far to stop."""
    top = os.path.join(core.root, "containers")
    known = {entry.record.id for entry in core.entries.all()}
    for name in set(os.listdir(top)) - known:
        log.warning("removing %s: no container has this directory", name)
        os.rename(os.path.join(top, name), core.trash(name))
    for name in os.listdir(core.trash("")):
        core.pool.submit(remove_tree, core.trash(name))


def _sweep_cgroups(core: Core) -> None:
    """Kill and remove what is in control groups that no keeper answers for: its keeper was killed in the act."""
    kept = {entry.record.id for entry in core.entries.all() if entry.keeper is not None}
    for path in core.cgroups.list():
        if os.path.basename(path) in kept:
            continue
        log.warning("removing the control group %s: no keeper has it", path)
        group = core.cgroups.open(path)
        try:
            group.kill()
            group.remove()
        except OSError:
            log.exception("the control group %s could not be removed", path)


def _rebooted(core: Core) -> bool:
    """Tell whether the host was restarted since a daemon was here last."""
    with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
        boot = file.read().strip()
    return core.database.exchange("boot", boot) not in (None, boot)


def _take_up(core: Core, entry: Entry, ends: dict[str, dict[str, int]], *, rebooted: bool) -> None:
    record = entry.record
    found = _adopt(core, record)
    if isinstance(found, Exit):
        ends[record.id] = found.execs
    if rebooted and isinstance(found, Exit) and found.error == KEEPER_DIED:
        found = replace(found, exit_code=UNKNOWN_EXIT, error="the host was restarted")
    if isinstance(found, Keeper):
        entry.keeper = found
        _go_on(core, entry, found)
    elif record.alive:
        gone = Exit(UNKNOWN_EXIT, oom_killed=False, finished_at=time.time_ns(), error="the host or its keeper went away")
        on_exit(core, record.id, found or gone)
    elif found is not None and record.phase in _STARTABLE and rfc3339(found.finished_at) != record.state.finished_at:
        # it was started, ran and ended, and nobody was there to write down one or the other
        core.commit(entry, record.started(0, found.finished_at), Happening("start"))
        on_exit(core, record.id, found)
    if record.phase in _LEAVING or (record.phase is Phase.EXITED and record.host_config.auto_remove):
        remove(core, entry, force=True)


def _adopt(core: Core, record: Record) -> Keeper | Exit | None:
    try:
        return core.runtime.adopt(record.id, core.directory(record.id))
    except OSError:  # one container's broken directory must not keep the daemon from all others
        log.exception("container %s cannot be taken up", record.id)
        return None


def _go_on(core: Core, entry: Entry, keeper: Keeper) -> None:
    """Have a container that lives go on: as it is written down, or written down now."""
    record = entry.record
    if record.phase in _LEAVING:
        keeper.kill(SIGKILL)
        return
    _settle_pause(core, entry)
    if not record.alive:
        core.commit(entry, record.started(keeper.pid, keeper.started_at), Happening("start"))
    elif record.stopping:
        stopping.resume(core, entry)


def _settle_pause(core: Core, entry: Entry) -> None:
    """Freeze what is written down as paused, thaw what is not: the daemon may have ended between the act and the word."""
    group = core.cgroup(entry.record)
    with contextlib.suppress(FileNotFoundError):  # it ended this moment: its exit is on its way
        if entry.record.phase is Phase.PAUSED:
            group.freeze()
        else:
            group.thaw()
