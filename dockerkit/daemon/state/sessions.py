"""Sessions on disk: who owned containers when the daemon ended, so that the next one can tell."""

from __future__ import annotations

import sqlite3

from dockerkit.daemon.state.database import Database


def put(tx: sqlite3.Connection, id: str, pid: int) -> None:
    """Write down that process `pid` holds session `id`."""
    tx.execute("INSERT OR REPLACE INTO sessions VALUES (?, ?)", (id, pid))


def delete(tx: sqlite3.Connection, id: str) -> None:
    """Forget a session; harmless when it is unknown."""
    tx.execute("DELETE FROM sessions WHERE id = ?", (id,))


def everything(database: Database) -> dict[str, int]:
    """Return the pid of each session written down."""
    return {str(id): int(str(pid)) for id, pid in database.read("SELECT id, pid FROM sessions")}
