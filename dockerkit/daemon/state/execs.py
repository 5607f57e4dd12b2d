"""Execs on disk: one row each, so that a daemon that comes later knows what was asked for, and whose end it has to tell."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator

from dockerkit.daemon.state.database import Database


def put(tx: sqlite3.Connection, id: str, container: str, document: bytes) -> None:
    """Write an exec's document, new or changed."""
    tx.execute("INSERT OR REPLACE INTO execs VALUES (?, ?, ?)", (id, container, document))


def delete(tx: sqlite3.Connection, id: str) -> None:
    """Forget an exec; harmless when it is unknown."""
    tx.execute("DELETE FROM execs WHERE id = ?", (id,))


def delete_all(tx: sqlite3.Connection, container: str) -> None:
    """Forget a container's execs."""
    tx.execute("DELETE FROM execs WHERE container = ?", (container,))


def everything(database: Database) -> Iterator[tuple[str, bytes]]:
    """Give every exec's container and document, in the order of the ids."""
    for container, document in database.read("SELECT container, document FROM execs"):
        assert isinstance(document, bytes)
        yield str(container), document
