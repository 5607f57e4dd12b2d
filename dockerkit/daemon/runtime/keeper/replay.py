"""A listener's place in the log, while it is served from there: the log is its queue."""

from __future__ import annotations

from collections.abc import Iterator

from dockerkit.daemon.logs.records import HEADER, Record
from dockerkit.daemon.runtime.keeper.journal import Journal


class Replay:
    """Reads on from a place.

    :param offset: of the first record.
    :param heard: bytes of output that were written before it.
    :ivar missed: bytes of output in files that were dropped before they were reached.
    """

    def __init__(self, journal: Journal, offset: int, heard: int) -> None:
        self._journal, self._offset, self._heard = journal, offset, heard
        self._records: Iterator[Record] | None = None
        self.missed = 0

    def next(self) -> Record | None:
        """Return the next record; None when it has caught up, or where there is no record (somebody cut the file)."""
        record = self._read()
        if record is None:
            return None
        begin = record.end - HEADER.size - len(record.data)
        if begin > self._offset:
            before = self._journal.payload_before(begin)
            self.missed += max(0, before - self._heard)
            self._heard = before
        self._offset = record.end
        self._heard += len(record.data)
        return record

    def _read(self) -> Record | None:
        fresh = self._records is None
        if self._records is None:
            self._records = self._journal.read(self._offset)
        try:
            record = next(self._records, None)
        except (OSError, ValueError):
            fresh, record = True, None
        if record is None:
            self._records = None
            if not fresh and self._offset < self._journal.size:
                return self._read()
        return record
