"""Volumes on disk: one row each, the document as JSON. What is *in* a volume is no business of the state."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator

from dockerkit.daemon.state.database import Database

DOCUMENT_VERSION = 1


def put(tx: sqlite3.Connection, name: str, document: bytes) -> None:
    """Write a volume's document, new or changed."""
    tx.execute(
        "INSERT INTO volumes VALUES (?, ?, ?) ON CONFLICT (name) DO UPDATE SET document = excluded.document",
        (name, DOCUMENT_VERSION, document),
    )


def delete(tx: sqlite3.Connection, name: str) -> None:
    """Forget a volume; harmless when it is unknown."""
    tx.execute("DELETE FROM volumes WHERE name = ?", (name,))


def everything(database: Database) -> Iterator[bytes]:
    """Give every volume's document."""
    for (document,) in database.read("SELECT document FROM volumes"):
        assert isinstance(document, bytes)
        yield document
