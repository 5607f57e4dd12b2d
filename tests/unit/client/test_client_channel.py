"""The streams of something attached: whole, from any thread, and never locked up."""

from __future__ import annotations

import contextlib
import os
import socket
import threading
import time
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pretendengine import frame

from dockerkit.client.channel import Channel
from dockerkit.client.logs import Lines
from dockerkit.client.transport.http import RawStream


@contextlib.contextmanager
def pair(*, framed: bool = True, merged: bool = False) -> Iterator[tuple[Channel, socket.socket]]:
    near, far = socket.socketpair()
    channel = Channel(RawStream(near, b"", {}), framed=framed, merged=merged)
    try:
        yield channel, far
    finally:
        channel.close()
        far.close()


def test_streams_are_apart_and_end() -> None:
    with pair() as (channel, far):
        far.sendall(frame(1, b"out") + frame(2, b"err") + frame(1, b"put"))
        far.close()
        assert channel.until_end()
        assert channel.peek(1) == b"output"
        assert channel.read(1, 3) == b"out"
        assert (channel.read(1), channel.read(2), channel.read(1), channel.read(2)) == (b"put", b"err", b"", b"")


def test_streams_together_and_bare() -> None:
    with pair(merged=True) as (channel, far):
        far.sendall(frame(1, b"a") + frame(2, b"b"))
        far.close()
        assert channel.until_end()
        assert channel.read(1) == b"ab"
    with pair(framed=False) as (channel, far):
        far.sendall(b"raw")
        assert channel.read(1) == b"raw"


def test_deadline_of_a_read() -> None:
    with pair() as (channel, far):
        assert channel.read(1, deadline=time.monotonic() + 0.01) is None
        far.sendall(frame(2, b"else"))
        assert channel.read(1, deadline=time.monotonic() + 0.01) is None
        assert channel.read(2) == b"else"


def test_who_waits_for_the_end_holds_only_so_much() -> None:
    with pair(framed=False) as (channel, far):
        far.sendall(bytes(1000))
        assert not channel.until_end(limit=100)
        far.close()
        assert channel.until_end(limit=None)
        assert len(channel.read(1) or b"") == 1000


def test_huge_input_against_huge_output() -> None:
    data = os.urandom(4 << 20)

    def echo(far: socket.socket) -> None:
        while piece := far.recv(100_000):
            far.sendall(piece)  # blocks when nobody takes it: the writer must
        far.close()

    with pair(framed=False) as (channel, far):
        threading.Thread(target=echo, args=(far,), daemon=True).start()
        assert channel.write(data) == len(data)
        channel.close_input()
        assert channel.until_end(limit=None)
        assert channel.read(1) == data


def test_writer_and_readers_in_threads_of_their_own() -> None:
    data = os.urandom(1 << 20)

    def echo(far: socket.socket) -> None:
        while piece := far.recv(50_000):
            far.sendall(frame(1, piece) + frame(2, piece))
        far.close()

    def collect(channel: Channel, stream: int, into: list[bytes]) -> None:
        while piece := channel.read(stream, 10_000):
            into.append(piece)

    with pair() as (channel, far):
        out: list[bytes] = []
        err: list[bytes] = []
        threads = [
            threading.Thread(target=echo, args=(far,)),
            threading.Thread(target=collect, args=(channel, 1, out)),
            threading.Thread(target=collect, args=(channel, 2, err)),
        ]
        for thread in threads:
            thread.start()
        channel.write(data)
        channel.close_input()
        for thread in threads:
            thread.join(30)
        assert b"".join(out) == b"".join(err) == data


def test_program_that_reads_no_more() -> None:
    with pair() as (channel, far):
        far.close()
        with pytest.raises(BrokenPipeError):
            channel.write(bytes(1 << 20))
        channel.close_input()


def test_deadline_of_a_write() -> None:
    with pair() as (channel, _):
        written = channel.write(bytes(64 << 20), time.monotonic() + 0.05)
        assert 0 < written < 64 << 20


@given(st.lists(st.tuples(st.sampled_from([1, 2]), st.binary(max_size=30)), max_size=20), st.integers(1, 40))
def test_lines_are_whole_whatever_the_pieces(written: list[tuple[int, bytes]], size: int) -> None:
    raw = b"".join(frame(stream, piece) for stream, piece in written)
    lines = Lines(framed=True)
    found = list(lines.over(raw[at : at + size] for at in range(0, len(raw), size)))
    for stream in (1, 2):
        whole = b"".join(piece for number, piece in written if number == stream)
        wanted = [line + b"\n" for line in whole.split(b"\n")[:-1]] + [rest for rest in whole.split(b"\n")[-1:] if rest]
        assert [text for number, text in found if number == stream] == [line.decode("utf-8", "replace") for line in wanted]
