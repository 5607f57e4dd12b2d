"""The log format survives being cut off anywhere."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from dockerkit.daemon.logs import records
from dockerkit.daemon.runtime.keeper.journal import Journal


@pytest.fixture
def log(tmp_path: Path) -> Iterator[int]:
    fd = os.open(tmp_path / "log", os.O_RDWR | os.O_CREAT | os.O_APPEND)
    yield fd
    os.close(fd)


def test_what_was_appended_is_read_back(log: int) -> None:
    records.append(log, records.STDOUT, 1, b"one")
    records.append(log, records.STDERR, 2, b"two\n")
    read = list(records.read(log))
    assert [(r.time, r.stream, r.data) for r in read] == [(1, 1, b"one"), (2, 2, b"two\n")]


def test_reading_goes_on_from_the_end_of_a_record(log: int) -> None:
    first = records.append(log, 1, 1, b"one")
    records.append(log, 1, 2, b"two")
    assert [r.data for r in records.read(log, first)] == [b"two"]
    assert next(records.read(log)).end == first


def test_an_empty_log_has_no_records(log: int) -> None:
    assert list(records.read(log)) == []


def test_a_torn_record_is_left_out_wherever_it_is_torn(log: int) -> None:
    whole = records.append(log, 1, 1, b"whole")
    size = whole + records.append(log, 1, 2, b"torn record")
    for cut in range(size - 1, whole - 1, -1):
        os.ftruncate(log, cut)
        assert [r.data for r in records.read(log)] == [b"whole"]
        assert records.last_end(log) == whole


def test_records_longer_than_a_block_are_read_whole(log: int) -> None:
    chunks = [os.urandom(size) for size in (1, 300_000, 65_536, 262_144 - 16, 5)]
    for chunk in chunks:
        records.append(log, 1, 0, chunk)
    assert [r.data for r in records.read(log)] == chunks


def test_bytes_that_are_no_record_are_refused(log: int) -> None:
    os.write(log, b"\xff" * 64)
    with pytest.raises(ValueError, match="offset 0"):
        list(records.read(log))


def test_many_small_records_are_read_in_blocks(log: int) -> None:
    for number in range(20_000):
        records.append(log, 1, number, b"line %d\n" % number)
    assert sum(1 for _ in records.read(log)) == 20_000


def test_a_log_does_not_take_the_last_of_a_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = Journal(str(tmp_path / "log"))
    assert journal.append(1, b"kept") == 0
    full = os.statvfs_result((4096, 4096, 1 << 20, 100, 100, 0, 0, 0, 0, 255))
    monkeypatch.setattr(os, "fstatvfs", lambda _: full)
    assert journal.append(1, b"lost") is None
    assert journal.lost == 4
    assert [record.data for record in journal.read(0)] == [b"kept"]


def test_a_log_left_torn_by_a_killed_writer_is_mended_by_the_next(tmp_path: Path) -> None:
    Journal(str(tmp_path / "log")).append(1, b"whole")
    with (tmp_path / "log").open("ab") as file:
        file.write(b"\0" * 20)
    journal = Journal(str(tmp_path / "log"))
    journal.append(2, b"next")
    assert [record.data for record in journal.read(0)] == [b"whole", b"next"]
