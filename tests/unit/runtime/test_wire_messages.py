"""Messages arrive whole, with their descriptors, or are refused without leaking one."""

from __future__ import annotations

import os
import socket

import pytest

from dockerkit.daemon.runtime import wire
from dockerkit.daemon.runtime.launch import Attachment, Launch, Rootfs, launch_document, read_launch


def descriptors() -> list[str]:
    return sorted(os.listdir("/proc/self/fd"))


def test_a_message_and_its_descriptors_arrive_together() -> None:
    one, two = wire.pair()
    read, write = os.pipe()
    with one, two:
        wire.send(one, {"verb": "x", "n": 1}, [write])
        os.close(write)
        message, fds = wire.receive(two)
        assert message == {"verb": "x", "n": 1}
        os.write(fds[0], b"through")
        wire.close(fds)
    assert os.read(read, 100) == b"through"
    os.close(read)


def test_descriptors_that_arrive_close_at_exec() -> None:
    one, two = wire.pair()
    with one, two:
        wire.send(one, {}, [0])
        _, fds = wire.receive(two)
        assert not os.get_inheritable(fds[0])
        wire.close(fds)


def test_the_other_end_s_end_is_none() -> None:
    one, two = wire.pair()
    one.close()
    with two:
        assert wire.receive(two) == (None, [])


@pytest.mark.parametrize("data", [b"not json", b"[1]", b"{" + b" " * 70_000 + b"}"])
def test_what_is_no_message_is_refused_and_its_descriptors_closed(data: bytes) -> None:
    one, two = wire.pair()
    with one, two:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
        before = descriptors()
        socket.send_fds(one, [data], [0, 1])
        with pytest.raises((ValueError, OSError)):
            wire.receive(two)
        assert descriptors() == before


def test_a_launch_of_any_size_travels_and_comes_out_the_same() -> None:
    spec = {"process": {"args": ["x"], "env": [f"V{n}={'y' * 1000}" for n in range(2000)]}}
    typed = Attachment(fd=99, stdin=True, initial=bytes(range(256)), replay_from=7)
    launch = Launch(
        "ab",
        "/d",
        spec,
        Rootfs(("/l1", "/l2"), "/u", "/w", volatile=True),
        groups=("a", "1"),
        seccomp=b"\0\1\2",
        attachments=[typed],
    )
    fd = wire.pack(*launch_document(launch))
    try:
        document, program = wire.unpack(fd)
        assert read_launch(document, program, [99]) == launch
        assert wire.unpack(fd) == (document, program)
    finally:
        os.close(fd)
