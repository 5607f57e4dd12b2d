"""State survives what it promises to survive, and a change never parts from its event."""

import sqlite3

import pytest

from dockerkit.daemon.state import containers, journal, sessions
from dockerkit.daemon.state.database import MIGRATIONS, Database
from dockerkit.errors import Damaged, Exhausted


@pytest.fixture
def database(tmp_path):
    opened = Database(str(tmp_path / "state.db"))
    yield opened
    opened.close()


def test_a_change_and_its_event_are_kept_together(database):
    with database.transaction() as tx:
        containers.put(tx, "1", "one", b"{}")
        journal.append(tx, 5, b"created")
    assert list(containers.everything(database)) == [b"{}"]
    assert list(journal.since(database, 0)) == [(1, b"created")]


def test_an_error_after_the_change_takes_the_change_back(database):
    with pytest.raises(RuntimeError), database.transaction() as tx:
        containers.put(tx, "1", "one", b"{}")
        raise RuntimeError
    assert list(containers.everything(database)) == []


def test_a_taken_name_is_refused_and_writes_no_event(database):
    with database.transaction() as tx:
        containers.put(tx, "1", "one", b"{}")
    with pytest.raises(sqlite3.IntegrityError), database.transaction() as tx:
        journal.append(tx, 5, b"created")
        containers.put(tx, "2", "one", b"{}")
    assert list(journal.since(database, 0)) == []


def test_revisions_go_on_after_reopening(tmp_path):
    for expected in (1, 2):
        database = Database(str(tmp_path / "state.db"))
        with database.transaction() as tx:
            assert journal.append(tx, 0, b"x") == expected
        database.close()


def test_the_journal_is_cut_but_revisions_are_not(database):
    with database.transaction() as tx:
        for _ in range(journal.KEPT + 1000):
            journal.append(tx, 0, b"x")
    kept = [revision for revision, _ in journal.since(database, 0)]
    assert (kept[0], kept[-1]) == (1001, journal.KEPT + 1000)


def test_a_newer_schema_is_refused_and_left_alone(tmp_path):
    path = tmp_path / "state.db"
    with sqlite3.connect(path) as raw:
        raw.execute(f"PRAGMA user_version = {len(MIGRATIONS) + 1}")
    raw.close()
    with pytest.raises(Damaged, match="newer dockerkit"):
        Database(str(path))


def test_a_file_that_is_no_database_is_named(tmp_path):
    path = tmp_path / "state.db"
    path.write_bytes(b"not a database at all, but long enough to be looked at" * 40)
    with pytest.raises(Damaged, match=r"state\.db"):
        Database(str(path))


def test_a_full_disk_is_said_and_nothing_is_half_written(database):
    with database.transaction() as tx:
        containers.put(tx, "1", "one", b"small")
    pages = database.read("PRAGMA page_count")[0][0]
    database.read(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(Exhausted, match="free some disk space"), database.transaction() as tx:
        containers.put(tx, "2", "two", b"x" * 1_000_000)
    assert list(containers.everything(database)) == [b"small"]


def test_facts_are_remembered(database):
    assert database.fact("id", "first") == "first"
    assert database.fact("id", "second") == "first"


def test_sessions_come_and_go(database):
    with database.transaction() as tx:
        sessions.put(tx, "s", 7)
    assert sessions.everything(database) == {"s": 7}
    with database.transaction() as tx:
        sessions.delete(tx, "s")
    assert sessions.everything(database) == {}
