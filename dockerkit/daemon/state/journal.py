"""The journal: every event, in the order of its revision, cut to a bounded length."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator

from dockerkit.daemon.state.database import Database

KEPT = 10_000
"""Events kept; older ones are forgotten a thousand at a time."""
_CUT_EVERY = 1_000


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
