"""Frames come apart the same way however the wire cuts them."""

from __future__ import annotations

import socket
import threading
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pretendengine import frame

from dockerkit import errors
from dockerkit.client.exchange import exchange
from dockerkit.client.streams import STDERR, STDOUT, Demultiplexer, Output
from dockerkit.client.transport.http import RawStream

FRAMES = st.lists(st.tuples(st.sampled_from([STDOUT, STDERR]), st.binary(max_size=40)), max_size=12)


@given(FRAMES, st.data())
def test_any_chunking_gives_the_same_streams(frames: list[tuple[int, bytes]], data: st.DataObject) -> None:
    wire = b"".join(frame(*one) for one in frames)
    output, split = Output(framed=True), Demultiplexer()
    at = 0
    while at < len(wire):
        size = data.draw(st.integers(1, len(wire) - at))
        output.feed(wire[at : at + size])
        split.feed(wire[at : at + size])
        at += size
    assert output.stdout == b"".join(payload for stream, payload in frames if stream == STDOUT)
    assert output.stderr == b"".join(payload for stream, payload in frames if stream == STDERR)
    assert split.whole


@given(st.binary(min_size=8, max_size=64))
def test_bytes_that_are_no_frames_are_damaged_or_split(data: bytes) -> None:
    try:
        Demultiplexer().feed(data)
    except errors.Damaged:
        assert data


def test_half_a_frame_is_not_whole() -> None:
    split = Demultiplexer()
    assert split.feed(frame(STDOUT, b"abcd")[:10]) == [(STDOUT, b"ab")]
    assert not split.whole


def test_terminal_is_one_raw_stream() -> None:
    output = Output(framed=False)
    output.feed(b"\x01\x00\x00\x00raw")
    assert output.stdout == b"\x01\x00\x00\x00raw"


def test_merged_keeps_the_order_of_both() -> None:
    output = Output(framed=True, merged=True)
    output.feed(frame(STDOUT, b"a") + frame(STDERR, b"b") + frame(STDOUT, b"c"))
    assert output.stdout == b"abc"


def echo(sock: socket.socket) -> None:
    """Send back what comes, to the end."""
    with sock:
        while data := sock.recv(65536):
            sock.sendall(data)


def test_huge_input_against_huge_output_does_not_lock_up() -> None:
    ours, theirs = socket.socketpair()
    peer = threading.Thread(target=echo, args=(theirs,))
    peer.start()
    data, got = bytes(range(256)) * 40_000, bytearray()
    with ours:
        assert exchange(RawStream(ours, b"early", {}), data, got.extend)
    peer.join()
    assert bytes(got) == b"early" + data


def test_program_that_does_not_read_its_input_is_no_error() -> None:
    ours, theirs = socket.socketpair()
    theirs.sendall(b"bye")
    theirs.close()
    got = bytearray()
    with ours:
        assert exchange(RawStream(ours, b"", {}), b"x" * 1_000_000, got.extend)
    assert bytes(got) == b"bye"


def test_deadline_ends_a_flood() -> None:
    ours, theirs = socket.socketpair()
    theirs.sendall(b"some")
    got = bytearray()
    with ours, theirs:
        assert not exchange(RawStream(ours, b"", {}), None, got.extend, deadline=time.monotonic() + 0.05)
    assert bytes(got) == b"some"


@pytest.mark.parametrize("stream", [5, 200])
def test_unknown_stream_is_damaged(stream: int) -> None:
    with pytest.raises(errors.Damaged):
        Demultiplexer().feed(bytes([stream]) + bytes(7))
