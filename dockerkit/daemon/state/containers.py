"""Containers on disk: one row each, the document as JSON with Docker's own field names."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator

from dockerkit.daemon.state.database import Database

DOCUMENT_VERSION = 1


def put(tx: sqlite3.Connection, id: str, name: str, document: bytes) -> None:
    """Write a container's document, new or changed.

    :raises sqlite3.IntegrityError: another container has this name.
    """
    tx.execute(
        "INSERT INTO containers VALUES (?, ?, ?, ?)"
        " ON CONFLICT (id) DO UPDATE SET name = excluded.name, document = excluded.document",
        (id, name, DOCUMENT_VERSION, document),
    )


def delete(tx: sqlite3.Connection, id: str) -> None:
    """Forget a container; harmless when it is unknown."""
    tx.execute("DELETE FROM containers WHERE id = ?", (id,))


def everything(database: Database) -> Iterator[bytes]:
    """Give every container's document."""
    for (document,) in database.read("SELECT document FROM containers"):
        assert isinstance(document, bytes)
        yield document
