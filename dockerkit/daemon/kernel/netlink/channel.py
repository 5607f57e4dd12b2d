"""One socket to the kernel's rtnetlink: batches out, every answer in. Never retries, never decides, never listens to events.

A batch is one datagram: the kernel does its messages in order, without anything of ours between, and answers each. A message
that fails does not stop those behind it; the first failure is raised once all have been answered, so that the channel can go on
being used. A socket belongs to the network namespace of the thread that opened it, wherever it is used later.
"""

from __future__ import annotations

import os
import socket
import struct
import threading
from collections.abc import Sequence

from dockerkit.daemon.kernel.netlink.wire import ACKNOWLEDGE, DUMP, Answer, Request, answers, as_text, attributes

_ROUTE = 0
_SOL_NETLINK, _CAP_ACK, _EXT_ACK, _STRICT = 270, 10, 11, 12
_ERROR, _DONE = 2, 3
_CAPPED, _EXPLAINED = 0x100, 0x200
_BUFFER = 1 << 18


class Channel:
    """A netlink socket in the network namespace of the thread that makes it. Any thread may use it, one at a time.

    :raises OSError: no socket.
    """

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, _ROUTE)
        for option in (_CAP_ACK, _EXT_ACK, _STRICT):  # answers without the question; reasons in words; exact filters
            self._socket.setsockopt(_SOL_NETLINK, option, 1)
        self._lock = threading.Lock()
        self._sequence = 0

    def close(self) -> None:
        """Close the socket; it no longer keeps its network namespace alive."""
        with self._lock:
            self._socket.close()

    def ask(self, requests: Sequence[Request]) -> None:
        """Have all of `requests` done, in order, in one round trip.

        :raises OSError: the first that failed; its message is the kernel's own explanation, its ``filename`` what it was about.
        """
        failures = [error for error in self.try_all(requests) if error]
        if failures:
            raise failures[0]

    def try_all(self, requests: Sequence[Request]) -> list[OSError | None]:
        """Have all of `requests` done and return what became of each: None, or why it failed.

        :raises OSError: the socket itself failed.
        """
        if not requests:
            return []
        with self._lock:
            first = self._sequence + 1
            self._sequence += len(requests)
            self._socket.send(b"".join(request.packed(first + place) for place, request in enumerate(requests)))
            outcome: dict[int, OSError | None] = {}
            while len(outcome) < len(requests):
                for answer in answers(self._socket.recv(_BUFFER)):
                    place = answer.sequence - first
                    if answer.kind == _ERROR and 0 <= place < len(requests):
                        outcome[place] = _verdict(answer, requests[place])
            return [outcome[place] for place in range(len(requests))]

    def dump(self, request: Request) -> list[Answer]:
        """Return every message of an enumeration.

        :raises OSError: refused.
        """
        with self._lock:
            self._sequence += 1
            asked = Request(request.kind, request.flags | DUMP, request.body, request.about)
            self._socket.send(asked.packed(self._sequence))
            found: list[Answer] = []
            while True:
                for answer in answers(self._socket.recv(_BUFFER)):
                    if answer.sequence != self._sequence:
                        continue
                    if answer.kind in (_DONE, _ERROR):
                        if error := _verdict(answer, request):
                            raise error
                        return found
                    found.append(answer)

    def fetch(self, request: Request) -> Answer | None:
        """Return the one message that answers `request`; None when there is no such thing.

        :raises OSError: refused for another reason.
        """
        with self._lock:
            self._sequence += 1
            asked = Request(request.kind, request.flags & ~ACKNOWLEDGE, request.body, request.about)
            self._socket.send(asked.packed(self._sequence))
            while True:
                for answer in answers(self._socket.recv(_BUFFER)):
                    if answer.sequence != self._sequence:
                        continue
                    if answer.kind != _ERROR:
                        return answer
                    error = _verdict(answer, request)
                    if error is None or error.errno in _ABSENT:
                        return None
                    raise error


_ABSENT = (19, 2)
"""ENODEV, ENOENT."""


def _verdict(answer: Answer, request: Request) -> OSError | None:
    """Return the error an acknowledgement tells, with the kernel's explanation where it gives one."""
    (code,) = struct.unpack_from("=i", answer.body)
    if code == 0:
        return None
    start = 4 if answer.kind == _DONE else 20  # an error repeats the question's header
    words = attributes(answer.body[start:]).get(1) if answer.flags & _EXPLAINED else None
    cause = os.strerror(-code) + (f" ({as_text(words)})" if words else "")
    return OSError(-code, f"rtnetlink: {cause}", request.about)
