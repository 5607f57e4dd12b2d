"""``network prune``: every network of somebody's own that no container is on goes."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Mapping
from typing import Any

from dockerkit.daemon.engine.core import Core
from dockerkit.daemon.engine.events import event
from dockerkit.daemon.engine.networks.entries import NetworkEntry
from dockerkit.daemon.engine.networks.listing import dangles, labelled
from dockerkit.daemon.engine.networks.removing import remove
from dockerkit.errors import Conflict, DockerkitError, Invalid
from dockerkit.schema.units import parse_moment

log = logging.getLogger(__name__)
FILTERS = ("label", "label!", "until")


class Pruning:
    """The prunings of one engine: one at a time, as dockerd."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._lock = threading.Lock()

    def prune(self, filters: Mapping[str, list[str]]) -> dict[str, Any]:
        """Remove them; return Docker's answer: their names.

        :param filters: ``label``, ``label!``, ``until`` (created before).
        :raises Invalid: another filter, or a value it does not take.
        :raises Conflict: somebody else is pruning.
        """
        until = _check(filters)
        if not self._lock.acquire(blocking=False):
            raise Conflict("a prune operation is already running")
        try:
            used = {name for entry in self._core.entries.all() for name in entry.record.wishes}
            wanted = [entry for entry in self._core.networks.all() if dangles(entry, used) and _fits(entry, filters, until)]
            gone = [entry.record.name for entry in wanted if self._remove(entry)]
        finally:
            self._lock.release()
        self._core.tell(event("network", "prune", "", {"reclaimed": "0"}))
        return {"NetworksDeleted": gone or None}

    def _remove(self, entry: NetworkEntry) -> bool:
        try:
            remove(self._core, entry)
        except DockerkitError as error:
            log.warning("network %s is not pruned: %s", entry.record.name, error)
            return False
        return True


def _check(filters: Mapping[str, list[str]]) -> int | None:
    for word in filters:
        if word not in FILTERS:
            raise Invalid(f"invalid filter '{word}'", hint=f"known filters: {', '.join(FILTERS)}")
    moments = filters.get("until", [])
    if len(moments) > 1:
        raise Invalid("more than one until filter specified")
    return parse_moment(moments[0], time.time_ns()) if moments else None


def _fits(entry: NetworkEntry, filters: Mapping[str, list[str]], until: int | None) -> bool:
    if until is not None and entry.record.created > until:
        return False
    wanted = all(labelled(entry, value) for value in filters.get("label", ()))
    return wanted and not any(labelled(entry, value) for value in filters.get("label!", ()))
