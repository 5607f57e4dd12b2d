"""Who asks much and reads nothing is not answered without end; who reads on gets everything."""

from __future__ import annotations

import socket
from types import SimpleNamespace
from typing import Any, cast

from dockerkit.daemon.networks.names.server.streams import _MOST_WAITING, Listener

LONG = bytes(60_000)
QUESTIONS = 400


class Answers:
    """Says the same long thing to everybody."""

    def __init__(self) -> None:
        self.heard = 0

    def consider(self, message: bytes, *, datagram: bool) -> bytes:
        assert not datagram
        self.heard += 1
        return LONG


class StillLoop:
    """A loop that the test turns by hand."""

    def __init__(self) -> None:
        self.handler: Any = None

    def watch(self, descriptor: int, mask: int, handler: Any) -> None:
        self.handler = handler

    def forget(self, descriptor: int) -> None:
        """Nothing is to be forgotten."""

    def after(self, seconds: float, ring: Any) -> Any:
        return SimpleNamespace(cancel=lambda: None)


def test_short_questions_with_long_answers_are_considered_as_their_answers_are_read() -> None:
    loop, answers = StillLoop(), Answers()
    with socket.socket() as listening, socket.socket() as client:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        Listener(cast(Any, loop), listening, cast(Any, answers), cast(Any, None))
        client.connect(listening.getsockname())
        loop.handler(1)  # accepted: from here on the handler is the connection's
        client.sendall(b"\x00\x02ab" * QUESTIONS)
        client.shutdown(socket.SHUT_WR)
        loop.handler(1)
        assert 0 < answers.heard < QUESTIONS, "what is not read is not worked out either"
        waiting = loop.handler.__self__._answers
        assert len(waiting) <= _MOST_WAITING + len(LONG) + 2
        client.setblocking(False)
        got = 0
        while got < QUESTIONS * (len(LONG) + 2):
            try:
                piece = client.recv(1 << 20)
            except BlockingIOError:
                loop.handler(1 if answers.heard < QUESTIONS else 4)
                continue
            assert piece, f"it ended after {got} bytes"
            got += len(piece)
        assert answers.heard == QUESTIONS
