"""Which repositories of a registry have a blob, as far as this daemon has seen: what a push may mount rather than send again.

Only a hint, kept in memory and bounded; a registry that knows better says so, and the blob is sent. Never asks anybody.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable

from dockerkit.schema.image import Descriptor
from dockerkit.schema.names import Reference

_BLOBS = 20_000
_SOURCES = 4


class Memory:
    """Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._seen: dict[tuple[str, str], dict[str, None]] = {}

    def note(self, reference: Reference, blobs: Iterable[Descriptor]) -> None:
        """Remember that a reference's repository has these blobs; the oldest knowledge makes room."""
        with self._lock:
            for blob in blobs:
                key = (reference.registry, blob.digest)
                sources = self._seen.pop(key, {})
                sources.pop(reference.repository, None)
                self._seen[key] = dict([*sources.items(), (reference.repository, None)][-_SOURCES:])
            while len(self._seen) > _BLOBS:
                del self._seen[next(iter(self._seen))]

    def sources(self, reference: Reference, digest: str) -> list[str]:
        """Return other repositories of the same registry that had a blob, latest first."""
        with self._lock:
            known = list(self._seen.get((reference.registry, digest), ()))
        return [repository for repository in reversed(known) if repository != reference.repository]
