"""The networks in memory: found by id, name or unique prefix; and which containers have a place on each.

``lock`` is held while a network comes, goes, or is joined or left: never while the kernel works. Reading takes no lock: records
are values that are replaced whole.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from dockerkit.daemon.engine.networks.place import Place
from dockerkit.daemon.engine.networks.record import NetworkRecord
from dockerkit.daemon.networks.model import Endpoint, Network, Published
from dockerkit.errors import Conflict, Invalid, NotAllowed, NotFound

if TYPE_CHECKING:
    from dockerkit.daemon.engine.networks.ahead import Ahead


@dataclass(slots=True, eq=False)
class NetworkEntry:
    """One network in memory.

    ``members`` are containers that have a place on it, by id. ``work`` is held while its bridge is made or removed. ``leaving``
    is true once its removal has begun. ``made``: the bridge was seen to be there by this daemon. ``partitions`` are pairs of
    groups of containers that are cut off from each other; they last as long as the daemon.
    """

    record: NetworkRecord
    members: dict[str, Place] = field(default_factory=dict)
    partitions: list[tuple[frozenset[str], frozenset[str]]] = field(default_factory=list)
    work: threading.Lock = field(default_factory=threading.Lock)
    leaving: bool = False
    made: bool = False
    shaped: set[str] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class Publication:
    """What a running container publishes: through which of its places, and what was reserved for it."""

    network: Network
    endpoint: Endpoint
    published: tuple[Published, ...]


class NetworkEntries:
    """All networks of this engine, and what is published of containers (by their ids).

    ``ruling`` is held while the firewall's rules are put together and applied, so that the last to apply has seen everything.
    ``ahead`` is the place that waits for the next container, ``preparing`` while it is being made; both are ``ahead.py``'s.
    """

    def __init__(self) -> None:
        self._by_id: dict[str, NetworkEntry] = {}
        self._names: dict[str, str] = {}
        self.lock = threading.RLock()
        self.ruling = threading.Lock()
        self.publications: dict[str, Publication] = {}
        self.ahead: Ahead | None = None
        self.preparing = False

    def all(self) -> list[NetworkEntry]:
        """Return every network, newest first."""
        return sorted(self._by_id.values(), key=lambda entry: entry.record.created, reverse=True)

    def add(self, entry: NetworkEntry) -> None:
        """Make a network known.

        :raises Conflict: there is one of this name; in Docker's words.
        """
        record = entry.record
        with self.lock:
            if record.name in self._names:
                raise Conflict(
                    f"network with name {record.name} already exists", hint="choose another name, or remove that network"
                )
            self._names[record.name] = record.id
            self._by_id[record.id] = entry

    def forget(self, entry: NetworkEntry) -> None:
        """Make a network unknown and free its name."""
        with self.lock:
            self._by_id.pop(entry.record.id, None)
            if self._names.get(entry.record.name) == entry.record.id:
                del self._names[entry.record.name]

    def find(self, ref: str) -> NetworkEntry | None:
        """Return the network of this full id or name, None when there is none."""
        return self._by_id.get(ref) or self._by_id.get(self._names.get(ref, ""))

    def resolve(self, ref: str) -> NetworkEntry:
        """Find a network by full id, name, or unique prefix of its id, in this order.

        :raises NotFound: in Docker's words.
        :raises Invalid: the prefix fits several networks.
        """
        if found := self.find(ref):
            return found
        fitting = [entry for id, entry in list(self._by_id.items()) if ref and id.startswith(ref)]
        if len(fitting) > 1:
            words = f"network {ref} is ambiguous ({len(fitting)} matches found based on ID prefix)"
            raise Invalid(words, hint="give more digits of the id, or the name")
        if not fitting:
            raise NotFound(f"network {ref} not found")
        return fitting[0]

    def join(self, entry: NetworkEntry, container: str, place: Place) -> None:
        """Write down that a container has a place on a network.

        :raises NotAllowed: it has one already.
        :raises NotFound: the network is being removed.
        """
        with self.lock:
            if entry.leaving:
                raise NotFound(f"network {entry.record.name} not found")
            if container in entry.members:
                raise NotAllowed(f"endpoint with name {container[:12]} already exists in network {entry.record.name}")
            entry.members[container] = place

    def leave(self, entry: NetworkEntry, container: str) -> Place | None:
        """Write down that a container has left; return the place it had, None when it had none."""
        with self.lock:
            return entry.members.pop(container, None)
