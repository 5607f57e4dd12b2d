"""Rotation: files of at most a size, so many of them, records whole, and listeners who read on over all of it."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from dockerkit.daemon.logs import files
from dockerkit.daemon.runtime.keeper import attached
from dockerkit.daemon.runtime.keeper.audience import Audience
from dockerkit.daemon.runtime.keeper.journal import Journal
from dockerkit.daemon.runtime.keeper.loop import Loop
from dockerkit.daemon.runtime.launch import Attachment, Launch, Rootfs

HEADER = 16


def texts(path: Path) -> list[bytes]:
    return [record.data for record in files.read_all(str(path))]


def fill(journal: Journal, numbers: range, size: int = 84) -> None:
    for number in numbers:
        journal.append(1, b"%0*d" % (size, number))


def test_files_have_their_size_and_number_and_the_oldest_goes(tmp_path: Path) -> None:
    journal = Journal(str(tmp_path / "log"), max_size=1000, max_files=3)
    fill(journal, range(45))
    assert sorted(os.listdir(tmp_path)) == ["log", "log.1", "log.2"]
    assert [os.path.getsize(tmp_path / name) for name in ("log.2", "log.1", "log")] == [1000, 1000, 500]
    assert [int(text) for text in texts(tmp_path / "log")] == list(range(20, 45))
    assert journal.size == 4500


def test_one_file_begins_anew(tmp_path: Path) -> None:
    journal = Journal(str(tmp_path / "log"), max_size=1000)
    fill(journal, range(12))
    assert os.listdir(tmp_path) == ["log"]
    assert [int(text) for text in texts(tmp_path / "log")] == [10, 11]


def test_a_record_larger_than_a_file_has_one_of_its_own(tmp_path: Path) -> None:
    journal = Journal(str(tmp_path / "log"), max_size=100, max_files=9)
    for size in (10, 500, 10):
        journal.append(1, bytes(size))
    assert [os.path.getsize(tmp_path / name) - HEADER for name in ("log.2", "log.1", "log")] == [10, 500, 10]


def test_a_keeper_that_takes_over_goes_on_and_drops_what_is_too_much(tmp_path: Path) -> None:
    fill(Journal(str(tmp_path / "log"), max_size=1000, max_files=5), range(45))
    journal = Journal(str(tmp_path / "log"), max_size=1000, max_files=2)
    assert [int(record.data) for record in journal.read(0)] == list(range(45))
    fill(journal, range(45, 55))
    assert sorted(os.listdir(tmp_path)) == ["log", "log.1"]
    assert [int(text) for text in texts(tmp_path / "log")] == list(range(40, 55))
    assert [int(record.data) for record in journal.read(0)] == list(range(40, 55))


def test_a_reader_begun_before_a_rotation_reads_on_over_it(tmp_path: Path) -> None:
    journal = Journal(str(tmp_path / "log"), max_size=1000, max_files=3)
    fill(journal, range(8))
    reader = journal.read(0)
    assert int(next(reader).data) == 0
    fill(journal, range(8, 25))
    assert [int(record.data) for record in reader] == list(range(1, 25))
    offset = journal.size
    fill(journal, range(25, 60))
    assert [int(record.data) for record in journal.read(offset)] == list(range(30, 60))


def test_a_file_that_cannot_be_begun_leaves_the_old_one(tmp_path: Path) -> None:
    journal = Journal(str(tmp_path / "log"), max_size=1000, max_files=3)
    fill(journal, range(10))
    (tmp_path / "log.next").mkdir()
    fill(journal, range(10, 13))
    assert journal.lost == 3 * 84
    (tmp_path / "log.next").rmdir()
    fill(journal, range(13, 15))
    assert [int(text) for text in texts(tmp_path / "log")] == [*range(10), 13, 14]


def test_all_is_read_of_a_log_that_does_not_exist_or_has_no_newest_file(tmp_path: Path) -> None:
    assert texts(tmp_path / "log") == []


class Hall:
    """A listener before a rotating log."""

    def __init__(self, path: Path, **options: int) -> None:
        self.loop, self.journal = Loop(), Journal(str(path), **options)
        launch = Launch("", "", {"process": {}}, Rootfs((), "", ""))
        self.audience = Audience(self.loop, launch, self.journal)

    def seat(self, **options: object) -> socket.socket:
        ours, theirs = socket.socketpair()
        self.audience.add(Attachment(theirs.detach(), stdout=True, stderr=True, **{"framed": False, **options}))
        ours.setblocking(False)
        return ours

    def write(self, number: int) -> None:
        self.audience.deliver(1, memoryview(b"%065536d" % number))

    def read(self, listener: socket.socket) -> bytes:
        data = b""
        while True:
            for _ in range(16):
                self.loop.after(0, lambda: None)
                self.loop.turn()
            try:
                data += listener.recv(1 << 22)
            except BlockingIOError:
                return data


def test_a_slow_listener_gets_every_byte_over_rotations(tmp_path: Path) -> None:
    hall = Hall(tmp_path / "log", max_size=1 << 20, max_files=10)
    with hall.seat() as listener:
        for number in range(100):
            hall.write(number)
        data = hall.read(listener)
        assert [int(data[at + 65_000 : at + 65_536]) for at in range(0, len(data), 65_536)] == list(range(100))


def test_what_was_dropped_before_a_listener_took_it_is_said_to_the_byte(tmp_path: Path) -> None:
    hall = Hall(tmp_path / "log", max_size=1 << 20, max_files=2)
    with hall.seat(framed=True) as listener:
        for number in range(100):
            hall.write(number)
        data = hall.read(listener)
        note = data[data.index(b"dockerkit: ") :].split(b" ")
        frames = (len(data) - data.count(b"dockerkit: ") * (8 + data[data.index(b"dockerkit: ") :].index(b"\n") + 1)) // 65_544
        assert frames * 65_536 + int(note[1]) == 100 * 65_536
        hall.write(100)
        assert int(hall.read(listener)[65_000:]) == 100


@pytest.mark.parametrize("offset", [0, 1, 65_552 * 90])
def test_replay_over_files_begins_with_the_oldest_that_is_kept(tmp_path: Path, offset: int) -> None:
    hall = Hall(tmp_path / "log", max_size=1 << 20, max_files=2)
    for number in range(100):
        hall.write(number)
    kept = len(texts(tmp_path / "log"))
    with hall.seat(replay_from=offset) as listener:
        data = hall.read(listener)
        assert len(data) == (min(kept, 10) if offset > 1 else kept) * 65_536
        assert hall.audience._members[0].missed == 0


def test_the_queue_of_a_slow_listener_stays_small(tmp_path: Path) -> None:
    hall = Hall(tmp_path / "log", max_size=1 << 20, max_files=3)
    with hall.seat():
        for number in range(200):
            hall.write(number)
        assert hall.audience._members[0]._queued <= attached.MOST_QUEUED + 2 * 65_544
