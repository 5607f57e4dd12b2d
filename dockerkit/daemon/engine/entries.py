"""The containers in memory: found by id, name or unique prefix; names are reserved here.

Reading takes no lock: an entry's record is a value that is replaced whole.
"""

from __future__ import annotations

import threading
from concurrent.futures import Future
from dataclasses import dataclass, field

from dockerkit.daemon.engine.record import Record
from dockerkit.daemon.engine.timers import Timer
from dockerkit.daemon.engine.waiting import Waiters
from dockerkit.daemon.runtime.launch import Attachment
from dockerkit.daemon.runtime.runtime import Keeper
from dockerkit.errors import Conflict, Invalid, NotFound


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
    restarts: int = 0
    backoff: float = 0.0
    retry: Timer | None = None


class Entries:
    """All containers of this engine."""

    def __init__(self) -> None:
        self._by_id: dict[str, Entry] = {}
        self._ids: dict[str, str] = {}
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
            self._by_id.pop(entry.record.id, None)
            if self._ids.get(entry.record.name) == entry.record.id:
                del self._ids[entry.record.name]

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
