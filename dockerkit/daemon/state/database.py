"""The SQLite file: opening, migrating, and the one way to write.

WAL and ``synchronous=NORMAL``: what was committed survives a killed daemon (not a power cut). One connection, one lock: the
daemon that holds the data root is the only writer.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from dockerkit.errors import Damaged, Exhausted

MIGRATIONS = (
    """
    CREATE TABLE facts (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
    CREATE TABLE containers (
        id TEXT PRIMARY KEY,
        name TEXT NOT NULL UNIQUE,
        document_version INTEGER NOT NULL,
        document BLOB NOT NULL
    ) WITHOUT ROWID;
    CREATE TABLE sessions (id TEXT PRIMARY KEY, pid INTEGER NOT NULL) WITHOUT ROWID;
    CREATE TABLE journal (revision INTEGER PRIMARY KEY AUTOINCREMENT, time INTEGER NOT NULL, event BLOB NOT NULL);
    """,
    """
    CREATE TABLE execs (id TEXT PRIMARY KEY, container TEXT NOT NULL, document BLOB NOT NULL) WITHOUT ROWID;
    CREATE INDEX execs_of_container ON execs (container);
    """,
    """
    CREATE TABLE volumes (name TEXT PRIMARY KEY, document_version INTEGER NOT NULL, document BLOB NOT NULL) WITHOUT ROWID;
    """,
    """
    CREATE TABLE networks (id TEXT PRIMARY KEY, name TEXT NOT NULL UNIQUE, document BLOB NOT NULL) WITHOUT ROWID;
    """,
)
"""Each entry lifts the schema by one version; entries are only ever added."""


class Database:
    """The state file of one data root.

    :param path: the file; made and migrated when needed.
    :raises Damaged: the file is not a database, or was written by a newer dockerkit.
    """

    def __init__(self, path: str) -> None:
        self._lock = threading.Lock()
        self._connection = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        try:
            self._connection.execute("PRAGMA journal_mode = WAL")
            self._connection.execute("PRAGMA synchronous = NORMAL")
            self._migrate(path)
        except sqlite3.DatabaseError as error:
            self._connection.close()
            raise _explain(error, path) from error

    def _migrate(self, path: str) -> None:
        version = self._connection.execute("PRAGMA user_version").fetchone()[0]
        if version > len(MIGRATIONS):
            raise Damaged(
                f"the state in {path} was written by a newer dockerkit (schema {version})",
                hint="upgrade dockerkit, or choose another data root with DOCKERKIT_ROOT",
            )
        for number, script in enumerate(MIGRATIONS[version:], version + 1):
            self._connection.executescript(f"BEGIN; {script} PRAGMA user_version = {number}; COMMIT;")

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Give a cursor to write with; everything in the block is kept together, or nothing is.

        :raises Exhausted: the disk is full; nothing was written.
        """
        with self._lock:
            try:
                self._connection.execute("BEGIN IMMEDIATE")
                yield self._connection
                self._connection.execute("COMMIT")
            except sqlite3.DatabaseError as error:
                raise _explain(error, "the state") from error
            finally:
                if self._connection.in_transaction:  # SQLite has already rolled back when the disk is full
                    self._connection.execute("ROLLBACK")

    def read(self, query: str, *values: object) -> list[tuple[object, ...]]:
        """Return all rows of a query."""
        with self._lock:
            return self._connection.execute(query, values).fetchall()

    def fact(self, name: str, default: str) -> str:
        """Return a remembered fact, remembering `default` when there is none yet."""
        with self.transaction() as tx:
            tx.execute("INSERT OR IGNORE INTO facts VALUES (?, ?)", (name, default))
            return str(tx.execute("SELECT value FROM facts WHERE name = ?", (name,)).fetchone()[0])

    def exchange(self, name: str, value: str) -> str | None:
        """Remember a fact anew; return what it was, None when there was none."""
        with self.transaction() as tx:
            before = tx.execute("SELECT value FROM facts WHERE name = ?", (name,)).fetchone()
            tx.execute("INSERT OR REPLACE INTO facts VALUES (?, ?)", (name, value))
        return str(before[0]) if before else None

    def close(self) -> None:
        """Close the file; nothing may be written afterwards."""
        with self._lock:
            self._connection.close()


def _explain(error: sqlite3.DatabaseError, subject: str) -> Exception:
    if getattr(error, "sqlite_errorcode", None) in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_WRITE):
        return Exhausted(f"{subject} cannot be written: {error}", hint="free some disk space under the data root and try again")
    if type(error) is sqlite3.DatabaseError:
        return Damaged(f"{subject} is not a readable database: {error}", hint="move the file away and start again")
    return error
