"""Taking up the execs of the daemon before: what runs is heard again, what ended meanwhile is told.

It runs after the containers were taken up. Starts nothing, and ends nothing.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from functools import partial

from dockerkit.daemon.engine.core import Core
from dockerkit.daemon.engine.entries import Entry
from dockerkit.daemon.engine.execentry import ExecEntry, ExecRecord
from dockerkit.daemon.engine.execs import NOT_STARTED, ended
from dockerkit.daemon.runtime.process import KILLED, Process
from dockerkit.daemon.state import execs as stored
from dockerkit.errors import NotFound
from dockerkit.schema.wire import decode

log = logging.getLogger(__name__)
Ends = Mapping[str, Mapping[str, int]]
"""By container: what its keeper wrote down of the execs whose end nobody heard."""


def recover(core: Core, ends: Ends) -> None:
    """Make the execs in memory agree with the state on disk and with the keepers; ends that nobody told are told."""
    for container, document in list(stored.everything(core.database)):
        exec = ExecEntry.of(decode(document, ExecRecord), container)
        try:
            entry = core.entries.resolve(container)
        except NotFound:
            log.warning("exec %s is forgotten: its container %s is gone", exec.id, container)
            continue
        core.entries.add_exec(entry, exec)
        if exec.running:
            _take_up(core, entry, exec, ends.get(container, {}))


def _take_up(core: Core, entry: Entry, exec: ExecEntry, ends: Mapping[str, int]) -> None:
    found: Process | int | None = ends.get(exec.id, KILLED)
    if entry.keeper is not None:
        found = entry.keeper.rejoin(exec.id, on_exit=partial(ended, core, entry, exec))
    if isinstance(found, Process):
        exec.begin(found)
        return
    exec.begun.set_result(None)
    ended(core, entry, exec, NOT_STARTED if found is None else found)
