"""A keeper's listeners: bounded memory, nothing lost while there is a log, nobody waited for in vain. No root, no clock."""

from __future__ import annotations

import contextlib
import os
import socket
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest

from dockerkit.daemon.runtime.keeper import attached
from dockerkit.daemon.runtime.keeper.audience import Audience
from dockerkit.daemon.runtime.keeper.journal import Journal
from dockerkit.daemon.runtime.keeper.loop import Loop
from dockerkit.daemon.runtime.launch import Attachment, Launch, Rootfs

CHUNK = bytes(65_536)


class Hall:
    """A keeper's audience without a container."""

    def __init__(self, log: str | None, *, tty: bool = False, once: bool = True, patient: bool = False) -> None:
        self.loop = Loop()
        self.journal = Journal(log)
        spec = {"process": {"terminal": tty}}
        launch = Launch("", "", spec, Rootfs((), "", ""), stdin_once=once)
        self.audience = Audience(self.loop, launch, self.journal, patient=patient)
        self.ends: list[int] = []

    def seat(self, **options: object) -> socket.socket:
        ours, theirs = socket.socketpair()
        self.audience.add(Attachment(fd=theirs.detach(), **{"stdout": True, "stderr": True, "framed": False, **options}))
        ours.setblocking(False)
        return ours

    def write(self, data: bytes, stream: int = 1) -> None:
        self.audience.deliver(stream, memoryview(data))

    def settle(self) -> None:
        """Let everything happen that can happen now."""
        for _ in range(64):
            self.loop.after(0, lambda: None)
            self.loop.turn()

    def read(self, listener: socket.socket) -> bytes:
        """Read until nothing more comes."""
        data = b""
        while True:
            self.settle()
            try:
                chunk = listener.recv(1 << 20)
            except BlockingIOError:
                return data
            if not chunk:
                return data
            data += chunk


@pytest.fixture
def hall(tmp_path: Path) -> Hall:
    return Hall(str(tmp_path / "log"))


@pytest.fixture
def bare() -> Hall:
    return Hall(None)


def is_closed(listener: socket.socket) -> bool:
    with contextlib.suppress(BlockingIOError):
        return listener.recv(1) == b""
    return False


def test_raw_output_comes_as_it_was_written(bare: Hall) -> None:
    with bare.seat() as listener:
        bare.write(b"one ")
        bare.write(b"two", 2)
        assert bare.read(listener) == b"one two"


def test_framed_output_has_dockers_header(bare: Hall) -> None:
    with bare.seat(framed=True) as listener:
        bare.write(b"out")
        bare.write(b"error", 2)
        assert bare.read(listener) == b"\1\0\0\0\0\0\0\3out\2\0\0\0\0\0\0\5error"


def test_a_listener_of_one_stream_does_not_get_the_other(bare: Hall) -> None:
    with bare.seat(stdout=False) as listener:
        bare.write(b"out")
        bare.write(b"error", 2)
        assert bare.read(listener) == b"error"


def test_a_slow_listener_with_a_log_gets_everything_and_memory_stays_flat(hall: Hall) -> None:
    with hall.seat() as listener:
        expected = b""
        for number in range(100):
            chunk = b"%05d" % number * 10_000
            expected += chunk
            hall.write(chunk)
        member = hall.audience._members[0]
        assert member._queued <= attached.MOST_QUEUED + 2 * len(CHUNK)
        assert hall.read(listener) == expected
        hall.write(b"live again")
        assert hall.read(listener) == b"live again"


def test_replay_sends_what_was_logged_before_then_goes_live(hall: Hall) -> None:
    hall.write(b"before ")
    hall.write(b"hidden", 2)
    with hall.seat(replay_from=0, stderr=False) as listener:
        hall.write(b"after")
        assert hall.read(listener) == b"before after"


def test_replay_from_nonsense_is_live_only(hall: Hall) -> None:
    hall.write(b"before ")
    with hall.seat(replay_from=3) as listener, hall.seat(replay_from=10**9) as other:
        hall.write(b"after")
        assert hall.read(listener) == b"after"
        assert hall.read(other) == b"after"


def test_a_log_cut_by_somebody_else_ends_the_replay(hall: Hall, tmp_path: Path) -> None:
    with hall.seat() as listener:
        for _ in range(60):
            hall.write(CHUNK)
        os.truncate(tmp_path / "log", 0)
        hall.read(listener)
        hall.write(b"live")
        assert hall.read(listener).endswith(b"live")


def test_without_a_log_a_full_listener_holds_the_container_back(bare: Hall) -> None:
    with bare.seat() as listener:
        while not bare.audience._members[0].holds_back:
            bare.write(CHUNK)
        bare.read(listener)
        assert not bare.audience._members[0].holds_back


def test_a_listener_that_does_not_read_is_given_up_and_told_when_it_reads_again(bare: Hall) -> None:
    with bare.seat(framed=True) as listener:
        member = bare.audience._members[0]
        while not member.holds_back:
            bare.write(CHUNK)
        member.last_progress -= attached.PATIENCE + 1
        bare.audience._lose_patience()
        assert not member.holds_back
        bare.write(CHUNK)
        bare.write(CHUNK)
        data = bare.read(listener)
        note = b"dockerkit: 131072 bytes of output were not delivered: the reader did not read\n"
        assert data.endswith(struct.pack(">BxxxL", 2, len(note)) + note)
        bare.write(b"live again")
        assert bare.read(listener).endswith(b"live again")


def test_a_patient_audience_waits_for_its_reader_for_ever_and_drops_nothing() -> None:
    hall = Hall(None, patient=True)
    with hall.seat() as listener:
        member = hall.audience._members[0]
        written = 0
        while not member.holds_back:
            hall.write(CHUNK)
            written += len(CHUNK)
        member.last_progress -= attached.PATIENCE + 1
        hall.settle()
        assert member.holds_back, "nobody has lost patience"
        assert hall.loop._timers == []
        assert hall.read(listener) == bytes(written)
        assert not member.holds_back


def test_a_listener_that_hangs_up_is_forgotten(bare: Hall) -> None:
    listener = bare.seat()
    listener.close()
    bare.write(b"x")
    bare.settle()
    assert bare.audience.empty


def test_at_the_end_everybody_is_closed_once_served(hall: Hall) -> None:
    with hall.seat() as quick, hall.seat() as slow:
        for _ in range(40):
            hall.write(CHUNK)
        hall.audience.end(killed=False)
        assert len(hall.read(quick)) == len(hall.read(slow)) == 40 * len(CHUNK)
        assert is_closed(quick)
        assert is_closed(slow)
        assert hall.audience.empty


def test_a_socket_the_daemon_holds_a_copy_of_ends_all_the_same(bare: Hall) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        bare.audience.add(Attachment(fd=os.dup(theirs.fileno()), stdout=True))
        bare.audience.end(killed=False)
        assert ours.recv(1) == b""


class Typing:
    """The container's end of an input pipe."""

    def __init__(self, hall: Hall) -> None:
        self.read_end, write_end = os.pipe()
        hall.audience.open_input(write_end)
        os.set_blocking(self.read_end, False)

    def read(self) -> bytes | None:
        """Return what was typed; None at end-of-file."""
        data = b""
        with contextlib.suppress(BlockingIOError):
            while chunk := os.read(self.read_end, 1 << 16):
                data += chunk
            return data or None
        return data


@pytest.fixture
def opened() -> Iterator[list[Typing]]:
    made: list[Typing] = []
    yield made
    for typing in made:
        os.close(typing.read_end)


def test_what_is_typed_arrives_the_initial_bytes_first(bare: Hall, opened: list[Typing]) -> None:
    with bare.seat(stdin=True, initial=b"first ") as listener:
        listener.send(b"then")
        opened.append(Typing(bare))
        bare.settle()
        assert opened[0].read() == b"first then"


def test_half_close_is_the_containers_end_of_file(bare: Hall, opened: list[Typing]) -> None:
    opened.append(Typing(bare))
    with bare.seat(stdin=True) as listener:
        listener.send(b"all")
        listener.shutdown(socket.SHUT_WR)
        bare.settle()
        assert opened[0].read() == b"all"
        assert opened[0].read() is None
        bare.write(b"answer")
        assert bare.read(listener) == b"answer"


def test_half_close_before_the_container_runs_is_remembered(bare: Hall, opened: list[Typing]) -> None:
    with bare.seat(stdin=True) as listener:
        listener.send(b"all")
        listener.shutdown(socket.SHUT_WR)
        bare.settle()
        opened.append(Typing(bare))
        bare.settle()
        assert opened[0].read() == b"all"
        assert opened[0].read() is None


def test_a_client_that_writes_and_vanishes_has_written_all_the_same(bare: Hall, opened: list[Typing]) -> None:
    opened.append(Typing(bare))
    listener = bare.seat(stdin=True)
    listener.send(b"last words")
    listener.close()
    bare.write(b"to nobody")
    bare.settle()
    assert opened[0].read() == b"last words"
    assert opened[0].read() is None
    assert bare.audience.empty


def test_input_that_is_not_for_one_client_stays_open_whoever_goes(opened: list[Typing]) -> None:
    hall = Hall(None, once=False)
    opened.append(Typing(hall))
    with hall.seat(stdin=True) as one, hall.seat(stdin=True) as two:
        one.shutdown(socket.SHUT_WR)
        hall.settle()
        two.send(b"still")
        hall.settle()
        assert opened[0].read() == b"still"
        two.shutdown(socket.SHUT_WR)
        hall.settle()
        assert opened[0].read() == b"", "open still, and nothing typed"


def test_on_a_terminal_end_of_file_ends_nothing(opened: list[Typing]) -> None:
    hall = Hall(None, tty=True)
    opened.append(Typing(hall))
    with hall.seat(stdin=True) as listener:
        listener.shutdown(socket.SHUT_WR)
        hall.settle()
        assert opened[0].read() == b""


def test_a_container_that_does_not_read_holds_the_typist_back(bare: Hall, opened: list[Typing]) -> None:
    opened.append(Typing(bare))
    with bare.seat(stdin=True) as listener:
        sent = 0
        with contextlib.suppress(BlockingIOError):
            while sent < 1 << 26:
                sent += listener.send(CHUNK)
                bare.loop.after(0, lambda: None)
                bare.loop.turn()
        assert sent < 1 << 22
        got = 0
        while got < sent:
            bare.settle()
            got += len(opened[0].read() or b"")
        assert got == sent


def test_a_container_that_closed_its_input_is_no_trouble(bare: Hall) -> None:
    typing = Typing(bare)
    with bare.seat(stdin=True) as listener:
        os.close(typing.read_end)
        bare.settle()
        listener.send(b"to nobody")
        bare.settle()
        bare.write(b"alive")
        assert bare.read(listener) == b"alive"
