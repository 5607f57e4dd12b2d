"""``pause`` and ``unpause``: the kernel's freezer holds a container's processes, and lets them go on. They are sent nothing.

The act comes first and the word after it; a daemon that ends between the two makes the act agree with the word when it is back
(``recovery``).
"""

from __future__ import annotations

from dockerkit.daemon.engine.core import Core
from dockerkit.daemon.engine.entries import Entry
from dockerkit.daemon.engine.events import Happening
from dockerkit.daemon.engine.lifecycle import Change, Phase
from dockerkit.errors import Conflict, Failed


def pause(core: Core, entry: Entry) -> None:
    """Have every process of a container stand still; returns when all do.

    :raises Conflict: it is not running, or paused already; in Docker's words.
    :raises Failed: a process could not be frozen within two seconds; all of them go on.
    """
    with entry.lock:
        record = entry.record
        if record.phase is Phase.PAUSED:
            raise Conflict(f"container {record.id} is already paused")
        check_running(entry)
        try:
            core.cgroup(record).freeze()
        except OSError as error:
            raise Failed(f"cannot pause container {record.id}: {error.strerror}") from error
        core.commit(entry, record.with_state(Change.PAUSE), Happening("pause"))


def unpause(core: Core, entry: Entry) -> None:
    """Let the processes of a paused container go on.

    :raises Conflict: it is not paused; in Docker's words.
    """
    with entry.lock:
        record = entry.record
        if record.phase is not Phase.PAUSED:
            raise Conflict(f"container {record.id} is not paused")
        try:
            core.cgroup(record).thaw()
        except OSError as error:
            raise Failed(f"cannot unpause container {record.id}: {error.strerror}") from error
        core.commit(entry, record.with_state(Change.UNPAUSE), Happening("unpause"))


def check_running(entry: Entry) -> None:
    """Refuse a container that has no process, or is between two lives.

    :raises Conflict: in Docker's words.
    """
    record = entry.record
    if record.phase is Phase.RESTARTING:
        raise Conflict(f"container {record.id} is restarting, wait until the container is running")
    if not record.alive or entry.keeper is None:
        raise Conflict(f"container {record.id} is not running")
