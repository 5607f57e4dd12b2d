"""Following a log: every line once and whole, through rotation, until the container's end; idle followers cost nothing."""

from __future__ import annotations

import gc
import os
import threading

import pytest
from msgspec.structs import replace
from pretendclock import PretendClock
from pretendcore import add, pretend_core, run

from dockerkit.daemon.engine import logreading
from dockerkit.daemon.engine.following import BATCH
from dockerkit.daemon.engine.logposition import Position
from dockerkit.daemon.engine.logreading import Wanted
from dockerkit.daemon.logs import records

PATIENCE = 20.0
"""Seconds after which a test that waits gives up; no test that passes takes as long."""


class Log:
    """Writes a log as a keeper does, and rotates it."""

    def __init__(self, directory) -> None:
        self.path = f"{directory}/log"
        self._open()

    def _open(self) -> None:
        self._file = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def write(self, data: bytes, stream: int = 1, time: int = 5) -> None:
        """Append one record."""
        records.append(self._file, stream, time, data)

    def rotate(self, keep: int) -> None:
        """Move log to log.1 and so on; `keep` files in all."""
        for number in range(keep - 1, 0, -1):
            older = self.path if number == 1 else f"{self.path}.{number - 1}"
            if os.path.exists(older):
                os.rename(older, f"{self.path}.{number}")
        if keep == 1:
            os.unlink(self.path)
        self.close()
        self._open()

    def close(self) -> None:
        """Write no more."""
        os.close(self._file)


@pytest.fixture
def core(tmp_path):
    made = pretend_core(str(tmp_path), PretendClock())
    yield made
    made.followers.close()
    made.events.close()
    made.database.close()


@pytest.fixture
def followed(core):
    """A running container with a log."""
    entry = add(core)
    directory = core.directory(entry.record.id)
    os.makedirs(directory)
    run(core, entry)
    log = Log(directory)
    yield entry, directory, log
    log.close()


class Reader:
    """Follows as the API does: reads until there is nothing, then waits to be woken."""

    def __init__(self, core, entry, directory, *, tail=None, wanted=None) -> None:
        self._woken = threading.Event()
        self.follower = core.followers.open(
            entry, directory, wanted or Wanted(), tail=tail, wake=self._woken.set, timers=core.timers
        )
        self.seen: list[tuple[int, bytes]] = []

    def read(self) -> list[tuple[int, bytes]]:
        """Return all lines so far, without waiting."""
        while batch := self.follower.lines():
            self.seen += batch
        return self.seen

    def until(self, count: int) -> list[bytes]:
        """Return the lines once there are so many."""
        while len(self.read()) < count:
            assert self._woken.wait(PATIENCE), f"not woken after {self.seen}"
            self._woken.clear()
        return [line for _, line in self.seen]

    def to_the_end(self) -> list[bytes]:
        """Return all lines once the follower says that it has ended."""
        while not self.follower.ended:
            self.read()
            if not self.follower.ended:
                assert self._woken.wait(PATIENCE)
                self._woken.clear()
        return [line for _, line in self.seen]


def test_lines_come_as_they_are_written_and_a_begun_one_when_it_is_whole(core, followed):
    entry, directory, log = followed
    log.write(b"one\ntw")
    reader = Reader(core, entry, directory)
    assert reader.until(1) == [b"one\n"]
    log.write(b"o\n")
    assert reader.until(2) == [b"one\n", b"two\n"]
    log.write(b"err\n", stream=2)
    reader.until(3)
    assert reader.seen[-1] == (2, b"err\n")
    reader.follower.close()


def test_it_ends_with_the_container_and_gives_the_line_that_never_ended(core, followed):
    entry, directory, log = followed
    reader = Reader(core, entry, directory)
    log.write(b"a\nlast words")
    entry.record = entry.record.died(0, 1)
    core.followers.finish(entry.record.id)
    assert reader.to_the_end() == [b"a\n", b"last words"]


def test_the_log_of_a_container_that_does_not_run_ends_at_once(core, followed):
    entry, directory, log = followed
    log.write(b"a\n")
    entry.record = entry.record.died(0, 1)
    assert Reader(core, entry, directory).to_the_end() == [b"a\n"]


@pytest.mark.parametrize("keep", [2, 4])
def test_nothing_is_lost_or_doubled_when_the_log_is_rotated_under_it(core, followed, keep):
    entry, directory, log = followed
    log.write(b"first\n")
    reader = Reader(core, entry, directory)
    expected = [b"first\n"]
    for number in range(40):
        log.write(b"%d\n" % number)
        expected.append(b"%d\n" % number)
        if number % 3 == 2:
            log.rotate(keep)
        if number % 2 == 0 or keep == 2:
            assert reader.until(len(expected)) == expected
    assert reader.until(len(expected)) == expected
    reader.follower.close()


def test_a_reader_too_slow_for_the_rotation_goes_on_with_the_oldest_there_is(core, followed):
    entry, directory, log = followed
    log.write(b"0\n")
    reader = Reader(core, entry, directory)
    reader.until(1)
    for number in range(1, 6):
        log.rotate(3)
        log.write(b"%d\n" % number)
    assert reader.until(4) == [b"0\n", b"3\n", b"4\n", b"5\n"]
    reader.follower.close()


def test_a_log_that_is_dropped_at_every_rotation_is_followed_too(core, followed):
    entry, directory, log = followed
    reader = Reader(core, entry, directory)
    for number in range(5):
        log.write(b"%d\n" % number)
        reader.until(number + 1)
        log.rotate(1)
    log.write(b"end\n")
    assert reader.until(6)[-1] == b"end\n"
    reader.follower.close()


def test_a_log_that_does_not_exist_yet_is_followed_once_it_does(core):
    entry = add(core, "z")
    directory = core.directory(entry.record.id)
    os.makedirs(directory)
    run(core, entry)
    reader = Reader(core, entry, directory)
    assert reader.read() == []
    log = Log(directory)
    log.write(b"born\n")
    assert reader.until(1) == [b"born\n"]
    log.close()
    reader.follower.close()


def test_tail_counts_the_lines_of_both_streams_and_what_is_begun_is_completed(core, followed):
    entry, directory, log = followed
    for number in range(5):
        log.write(b"out%d\n" % number)
        log.write(b"err%d\n" % number, stream=2)
    log.write(b"beg")
    reader = Reader(core, entry, directory, tail=3, wanted=Wanted(frozenset({1})))
    assert reader.read() == [(1, b"out4\n")]
    log.write(b"un\n")
    assert reader.until(2) == [b"out4\n", b"begun\n"]
    nothing = Reader(core, entry, directory, tail=0)
    assert nothing.read() == []
    log.write(b"new\n")
    assert nothing.until(1) == [b"new\n"]
    for one in (reader, nothing):
        one.follower.close()


def test_until_a_moment_that_passes_ends_it(core, followed):
    entry, directory, log = followed
    log.write(b"old\n", time=5)
    log.write(b"later\n", time=50)
    clock = core.timers
    reader = Reader(core, entry, directory, wanted=Wanted(until=10))
    assert reader.read() == [(1, b"old\n")]
    assert not reader.follower.ended
    clock.run_due()
    assert reader.to_the_end() == [b"old\n"]


def test_a_batch_is_bounded_whatever_waits(core, followed):
    entry, directory, log = followed
    for _ in range(50):
        log.write(b"x" * 99 + b"\n" * 1 + b"y" * (BATCH // 2))
    follower = Reader(core, entry, directory).follower
    sizes = []
    while chunk := follower.chunk(framed=False):
        sizes.append(len(chunk))
    assert max(sizes) < 3 * BATCH
    assert len(sizes) > 10
    follower.close()


def test_hundreds_of_idle_followers_take_one_descriptor_each_and_no_thread(core, followed):
    entry, directory, log = followed
    log.write(b"one\n")
    first = Reader(core, entry, directory)
    gc.collect()  # what other tests forgot to close is not to be counted
    threads, descriptors = threading.active_count(), len(os.listdir("/proc/self/fd"))
    readers = [Reader(core, entry, directory) for _ in range(300)]
    for reader in readers:
        reader.until(1)
    assert threading.active_count() == threads
    assert len(os.listdir("/proc/self/fd")) - descriptors == 300
    log.write(b"two\n")
    for reader in [first, *readers]:
        assert reader.until(2) == [b"one\n", b"two\n"]
        reader.follower.close()
    assert len(os.listdir("/proc/self/fd")) == descriptors


def test_a_reader_whose_waking_fails_is_closed_and_the_others_are_woken(core, followed):
    entry, directory, log = followed

    def fail():
        raise RuntimeError("gone")

    closed = threading.Event()
    broken = core.followers.open(entry, directory, Wanted(), tail=None, wake=fail, timers=core.timers)
    broken.on_close.append(closed.set)
    reader = Reader(core, entry, directory)
    log.write(b"one\n")
    assert reader.until(1) == [b"one\n"]
    log.write(b"two\n")
    reader.until(2)
    assert closed.wait(PATIENCE)
    assert broken.ended
    reader.follower.close()


def test_followers_that_outlive_the_engine_may_be_closed_after_it(core, followed):
    entry, directory, _ = followed
    reader = Reader(core, entry, directory)
    core.followers.close()
    reader.follower.close()
    reader.follower.close()
    assert reader.follower.lines() == []


def test_a_rotated_log_is_read_oldest_first(tmp_path):
    log = Log(tmp_path)
    for number in range(6):
        log.write(b"%d\n" % number)
        log.rotate(4)
    log.write(b"6\n")
    log.close()
    position = Position(log.path)
    assert [record.data for record in position.records()] == [b"3\n", b"4\n", b"5\n", b"6\n"]
    position.close()


def test_framed_chunks_are_dockers_frames_one_a_line(tmp_path):
    log = Log(tmp_path)
    log.write(b"a\nbb\n", time=1)
    log.write(b"err\n", stream=2, time=2)
    log.write(b"rest", time=3)
    log.close()
    pieces = list(logreading.read_log(log.path, Wanted(timestamps=False)))
    frames = b"".join(logreading.chunks(pieces, framed=True, size=3))
    assert frames == (
        b"\1\0\0\0\0\0\0\2a\n" b"\1\0\0\0\0\0\0\3bb\n" b"\2\0\0\0\0\0\0\4err\n" b"\1\0\0\0\0\0\0\4rest"
    )  # fmt: skip
    assert b"".join(logreading.chunks(pieces, framed=False, size=1000)) == b"a\nbb\nerr\nrest"


def test_moments_and_streams_are_chosen_after_the_tail(tmp_path):
    log = Log(tmp_path)
    for number in range(1, 6):
        log.write(b"%d\n" % number, stream=1 + number % 2, time=number)
    log.close()

    def read(tail=None, **wanted):
        return [line for _, line in logreading.lines_of(logreading.read_log(log.path, Wanted(**wanted), tail=tail))]

    assert read(since=2, until=4) == [b"2\n", b"3\n", b"4\n"]
    assert read(tail=2, streams=frozenset({1})) == [b"4\n"]
    assert read(tail=2, until=4) == [b"4\n"]
    assert read(tail=1, timestamps=True) == [b"1970-01-01T00:00:00.000000005Z 5\n"]


def test_a_paused_container_is_followed_on(core, followed):
    entry, directory, log = followed
    entry.record = replace(entry.record, state=replace(entry.record.state, status="paused", paused=True))
    reader = Reader(core, entry, directory)
    log.write(b"frozen words\n")
    assert reader.until(1) == [b"frozen words\n"]
    assert not reader.follower.ended
    reader.follower.close()
