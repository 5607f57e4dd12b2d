"""Detach keys: found however the bytes come, never typed to the program, and nothing else is swallowed."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from dockerkit.daemon.runtime.keeper.audience import Audience
from dockerkit.daemon.runtime.keeper.detaching import DetachKeys
from dockerkit.daemon.runtime.keeper.journal import Journal
from dockerkit.daemon.runtime.keeper.loop import Loop
from dockerkit.daemon.runtime.launch import Attachment, Launch, Rootfs, attachment_document, read_attachment

DEFAULT = b"\x10\x11"


@pytest.mark.parametrize(
    ("keys", "reads", "typed", "detached"),
    [
        (DEFAULT, [b"abc"], b"abc", False),
        (DEFAULT, [b"\x10\x11"], b"", True),
        (DEFAULT, [b"\x10", b"\x11"], b"", True),
        (DEFAULT, [b"paste \x10\x11 more"], b"paste ", True),
        (DEFAULT, [b"up \x10", b"down"], b"up \x10down", False),
        (DEFAULT, [b"\x10", b"\x10", b"\x11"], b"\x10", True),
        (DEFAULT, [b"\x10", b""], b"\x10", False),
        (b"aab", [b"a", b"a", b"a", b"b"], b"a", True),
        (b"a", [b"xa"], b"x", True),
        (b"", [b"\x10\x11"], b"\x10\x11", False),
    ],
)
def test_what_is_typed_and_what_detaches(keys: bytes, reads: list[bytes], typed: bytes, detached: bool) -> None:
    filter_ = DetachKeys(keys)
    got, found = b"", False
    for data in reads:
        meant, found = filter_.take(data)
        got += meant
    assert (got, found) == (typed, detached)


def test_they_travel_with_an_attachment() -> None:
    attachment = Attachment(7, stdin=True, initial=b"\xff", detach_keys=DEFAULT)
    assert read_attachment(attachment_document(attachment), 7) == attachment


@pytest.mark.parametrize("early", [True, False])
def test_who_detaches_leaves_and_the_others_and_the_input_stay(tmp_path: Path, early: bool) -> None:
    loop, left = Loop(), []
    launch = Launch("", "", {"process": {"terminal": True}}, Rootfs((), "", ""), stdin_once=True)
    audience = Audience(loop, launch, Journal(None), detached=lambda: left.append(1))
    read_end, write_end = os.pipe()
    audience.open_input(write_end)
    (one, his), (two, hers) = socket.socketpair(), socket.socketpair()
    with one, two:
        initial = b"last \x10\x11 lost" if early else b""
        audience.add(Attachment(his.detach(), stdin=True, stdout=True, framed=False, initial=initial, detach_keys=DEFAULT))
        audience.add(Attachment(hers.detach(), stdin=True, stdout=True, framed=False))
        if not early:
            one.sendall(b"last \x10")
            loop.turn()
            one.sendall(b"\x11 lost")
            loop.turn()
        assert one.recv(100) == b""
        assert left == [1]
        audience.deliver(1, memoryview(b"on"))
        assert two.recv(100) == b"on"
        two.sendall(b"her turn")
        loop.turn()
        assert os.read(read_end, 100) == b"last her turn"
    os.close(read_end)
    loop.close()
