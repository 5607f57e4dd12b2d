"""``container prune``: every container that does not run and fits the filters is removed."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Mapping
from typing import Any

from dockerkit.daemon.engine import roots
from dockerkit.daemon.engine.core import Core
from dockerkit.daemon.engine.entries import Entry
from dockerkit.daemon.engine.events import event
from dockerkit.daemon.engine.record import Record
from dockerkit.daemon.engine.removal import remove
from dockerkit.errors import Conflict, DockerkitError, Invalid
from dockerkit.schema.units import parse_moment

log = logging.getLogger(__name__)
FILTERS = ("label", "label!", "until")
_REMOVAL_WAIT = 30.0
"""Seconds; nothing that is removed here runs, so that only its last clients can be waited for."""


class Pruning:
    """The prunings of one engine: one at a time, as dockerd."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._lock = threading.Lock()

    def prune(self, filters: Mapping[str, list[str]]) -> dict[str, Any]:
        """Remove them; return Docker's answer: their ids, and the bytes they had written.

        :param filters: ``label``, ``label!`` (``name`` or ``name=value``), ``until`` (created before).
        :raises Invalid: another filter, or a value it does not take.
        :raises Conflict: somebody else is pruning.
        """
        until = _check(filters)
        if not self._lock.acquire(blocking=False):
            raise Conflict("a prune operation is already running")
        try:
            fitting = [entry for entry in self._core.entries.all() if _fits(entry.record, filters, until)]
            sizes = {entry.record.id: size for entry in fitting if (size := self._remove(entry)) is not None}
        finally:
            self._lock.release()
        self._core.tell(event("container", "prune", "", {"reclaimed": str(sum(sizes.values()))}))
        return {"ContainersDeleted": list(sizes) or None, "SpaceReclaimed": sum(sizes.values())}

    def _remove(self, entry: Entry) -> int | None:
        """Remove one container and return its size; None when it was started or could not be removed."""
        try:
            size = roots.own_size(self._core, entry.record)
            remove(self._core, entry, force=False).result(_REMOVAL_WAIT)
        except (DockerkitError, OSError) as error:
            log.warning("container %s is not pruned: %s", entry.record.id, error)
            return None
        return size


def _check(filters: Mapping[str, list[str]]) -> int | None:
    """Refuse what is no filter here; return the moment of ``until``, in ns."""
    for word in filters:
        if word not in FILTERS:
            raise Invalid(f"invalid filter '{word}'", hint=f"known filters: {', '.join(FILTERS)}")
    moments = filters.get("until", [])
    if len(moments) > 1:
        raise Invalid("more than one until filter specified")
    return parse_moment(moments[0], time.time_ns()) if moments else None


def _fits(record: Record, filters: Mapping[str, list[str]], until: int | None) -> bool:
    if record.active or (until is not None and record.created > until):
        return False
    wanted = all(_labelled(record, value) for value in filters.get("label", ()))
    return wanted and not any(_labelled(record, value) for value in filters.get("label!", ()))


def _labelled(record: Record, value: str) -> bool:
    name, equals, wanted = value.partition("=")
    return name in record.config.labels and (not equals or record.config.labels[name] == wanted)
