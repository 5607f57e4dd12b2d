"""Networks on disk: one row each, the document as JSON."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator

from dockerkit.daemon.state.database import Database


def put(tx: sqlite3.Connection, id: str, name: str, document: bytes) -> None:
    """Write a network's document, new or changed.

    :raises sqlite3.IntegrityError: another network has this name.
    """
    tx.execute(
        "INSERT INTO networks VALUES (?, ?, ?)"
        " ON CONFLICT (id) DO UPDATE SET name = excluded.name, document = excluded.document",
        (id, name, document),
    )


def delete(tx: sqlite3.Connection, id: str) -> None:
    """Forget a network; harmless when it is unknown."""
    tx.execute("DELETE FROM networks WHERE id = ?", (id,))


def everything(database: Database) -> Iterator[bytes]:
    """Give every network's document."""
    for (document,) in database.read("SELECT document FROM networks"):
        assert isinstance(document, bytes)
        yield document
