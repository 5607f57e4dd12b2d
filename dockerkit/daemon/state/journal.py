"""The journal: every event, in the order of its revision, cut to a bounded length."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator

from dockerkit.daemon.state.database import Database

KEPT = 10_000
"""Events kept; older ones are forgotten a thousand at a time."""
_CUT_EVERY = 1_000
_FOREVER = (1 << 63) - 1


def append(tx: sqlite3.Connection, time: int, event: bytes) -> int:
    """Write an event (JSON) that happened at `time` (ns since 1970); return its revision."""
    revision = tx.execute("INSERT INTO journal (time, event) VALUES (?, ?)", (time, event)).lastrowid
    assert revision is not None
    if revision % _CUT_EVERY == 0:
        tx.execute("DELETE FROM journal WHERE revision <= ?", (revision - KEPT,))
    return revision


def since(database: Database, revision: int) -> Iterator[tuple[int, bytes]]:
    """Give every event after `revision`, oldest first, with its own revision."""
    for number, event in database.read("SELECT revision, event FROM journal WHERE revision > ? ORDER BY revision", revision):
        assert isinstance(event, bytes)
        yield int(str(number)), event


def last(database: Database) -> int:
    """Return the revision of the last event, 0 when there was none yet."""
    ((revision,),) = database.read("SELECT coalesce(max(revision), 0) FROM journal")
    return int(str(revision))


def between(database: Database, since: int, until: int, upto: int | None = None) -> Iterator[tuple[int, bytes]]:
    """Give every event that happened from `since` to `until` (ns since 1970; 0 is no bound), oldest first, with its revision.

    :param upto: the last revision wanted; None is no bound.
    """
    for number, event in database.read(
        "SELECT revision, event FROM journal WHERE time >= ? AND time <= ? AND revision <= ? ORDER BY revision",
        since,
        until or _FOREVER,
        _FOREVER if upto is None else upto,
    ):
        assert isinstance(event, bytes)
        yield int(str(number)), event
