"""The containers in memory: found by id, name or unique prefix; names are reserved here.

Reading takes no lock: an entry's record is a value that is replaced whole.
"""

from __future__ import annotations

import threading
from collections import deque
from concurrent.futures import Future
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING

from dockerkit.daemon.engine.execentry import ExecEntry
from dockerkit.daemon.engine.record import Record
from dockerkit.daemon.engine.timers import Timer
from dockerkit.daemon.engine.waiting import Waiters
from dockerkit.daemon.runtime.launch import Attachment
from dockerkit.daemon.runtime.runtime import Keeper
from dockerkit.errors import Conflict, Invalid, NotFound

if TYPE_CHECKING:
    from dockerkit.daemon.engine.statistics import Sample

SAMPLES_KEPT = 2
EXECS_KEPT = 1_000
"""How many execs of one container are remembered, before the oldest that ended are not."""


@dataclass(slots=True, eq=False)
class Entry:
    """One container in memory.

    ``lock`` is held while the container is changed, never while somebody waits. ``pending`` are attachments made before the
    start. ``removal`` is there once somebody asked for the removal. ``restarts`` counts restarts that have not started it yet.
    ``backoff`` is how long its restart policy waited last (seconds), ``retry`` what will start it.
    """

    record: Record
    keeper: Keeper | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)
    waiters: Waiters = field(default_factory=Waiters)
    pending: list[Attachment] = field(default_factory=list)
    removal: Future[None] | None = None
    execs: dict[str, ExecEntry] = field(default_factory=dict)
    samples: deque[Sample] = field(default_factory=lambda: deque(maxlen=SAMPLES_KEPT))
    restarts: int = 0
    backoff: float = 0.0
    retry: Timer | None = None


class Entries:
    """All containers of this engine."""

    def __init__(self) -> None:
        self._by_id: dict[str, Entry] = {}
        self._ids: dict[str, str] = {}
        self._by_exec: dict[str, Entry] = {}
        self._lock = threading.Lock()

    def all(self) -> list[Entry]:
        """Return every container, newest first."""
        return sorted(self._by_id.values(), key=lambda entry: entry.record.created, reverse=True)

    def reserve(self, name: str, id: str) -> None:
        """Take a name for a container that is being made.

        :raises Conflict: taken; in Docker's words.
        """
        with self._lock:
            holder = self._ids.setdefault(name, id)
        if holder != id:
            raise Conflict(
                f'Conflict. The container name "/{name}" is already in use by container "{holder}". '
                "You have to remove (or rename) that container to be able to reuse that name."
            )

    def taken(self, name: str) -> bool:
        """Tell whether a name is in use."""
        return name in self._ids

    def release(self, name: str) -> None:
        """Give a name back."""
        with self._lock:
            self._ids.pop(name, None)

    def add(self, entry: Entry) -> None:
        """Make a container known; its name is taken or already reserved for it."""
        with self._lock:
            self._ids[entry.record.name] = entry.record.id
            self._by_id[entry.record.id] = entry

    def forget(self, entry: Entry) -> None:
        """Make a container unknown and free its name."""
        with self._lock:
            for id in entry.execs:
                del self._by_exec[id]
            self._by_id.pop(entry.record.id, None)
            if self._ids.get(entry.record.name) == entry.record.id:
                del self._ids[entry.record.name]

    def add_exec(self, entry: Entry, exec: ExecEntry) -> list[ExecEntry]:
        """Make an exec known; when its container has very many that ended, the oldest is forgotten; return what was."""
        with self._lock:
            ended = (old for old in entry.execs.values() if old.exit_code is not None)
            forgotten = list(islice(ended, 1)) if len(entry.execs) >= EXECS_KEPT else []
            for old in forgotten:
                del entry.execs[old.id], self._by_exec[old.id]
            entry.execs[exec.id] = exec
            self._by_exec[exec.id] = entry
        return forgotten

    def forget_exec(self, entry: Entry, exec: ExecEntry) -> None:
        """Make an exec unknown; harmless when it is."""
        with self._lock:
            if entry.execs.pop(exec.id, None):
                del self._by_exec[exec.id]

    def exec(self, id: str) -> tuple[Entry, ExecEntry]:
        """Find an exec by its full id, with its container.

        :raises NotFound: in Docker's words.
        """
        entry = self._by_exec.get(id)
        exec = entry.execs.get(id) if entry else None
        if entry is None or exec is None:
            raise NotFound(f"No such exec instance: {id}")
        return entry, exec

    def resolve(self, ref: str) -> Entry:
        """Find a container by full id, name (with or without slash), or unique prefix of its id, in this order.

        :raises NotFound: in Docker's words.
        :raises Invalid: the prefix fits several containers.
        """
        by_id = self._by_id
        found = by_id.get(ref) or by_id.get(self._ids.get(ref.removeprefix("/"), ""))
        if found:
            return found
        fitting = [entry for id, entry in list(by_id.items()) if ref and id.startswith(ref)]
        if len(fitting) > 1:
            raise Invalid(f"multiple IDs found with provided prefix: {ref}", hint="give more digits of the id, or the name")
        if not fitting:
            raise NotFound(f"No such container: {ref}")
        return fitting[0]
