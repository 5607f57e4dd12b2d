"""The socket to nf_tables of one network namespace: transactions in, refusals and lists out.

It belongs to the namespace the thread was in that opened it, whoever uses it later. Not for several threads at once.
Source: netlink(7), ``net/netfilter/nfnetlink.c``.
"""

from __future__ import annotations

import contextlib
import errno
import os
import socket
import struct
from collections.abc import Iterator

from dockerkit.daemon.kernel.nftables import layout
from dockerkit.daemon.kernel.nftables.batch import Batch

_NETFILTER = 12
_HEAD = struct.Struct("=IHHII")
_GENERIC = struct.Struct("!BBH")
_ERROR, _DONE = 2, 3
_REQUEST, _ACKNOWLEDGE, _DUMP, _INTERRUPTED = 0x1, 0x4, 0x300, 0x10
_SOL_NETLINK, _CAP_ACK = 270, 10
_SEND_BUFFER_FORCE = 32
_MOST = 1 << 17
_AGAIN = 10
"""How often a list that changed while it was read is read again."""


class Channel:
    """One socket; a context manager.

    :raises OSError: EPROTONOSUPPORT: this kernel has no nfnetlink; EPERM.
    """

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, _NETFILTER)
        self._room = 0
        with contextlib.suppress(OSError):  # refusals then repeat what was sent: longer, not wrong
            self._socket.setsockopt(_SOL_NETLINK, _CAP_ACK, 1)

    def __enter__(self) -> Channel:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the socket; what it changed stays."""
        self._socket.close()

    def commit(self, batch: Batch) -> None:
        """Carry out a transaction; when one message is refused, nothing has happened.

        :raises OSError: the kernel's reason; ``filename`` names the first message it refused, with its place in the batch.
        """
        if not batch:
            return
        packed = batch.packed()
        self._make_room(len(packed))
        self._socket.send(packed)
        refused = [(number, code) for number, code in self._answers() if code]
        if refused:
            number, code = refused[0]
            message = batch.messages[number - 1].about if 1 <= number <= len(batch.messages) else "the transaction"
            about = f"{message} (message {number} of {len(batch.messages)})"
            raise OSError(code, f"nf_tables: {os.strerror(code)}", about)

    def ask(self, kind: int, family: str, body: bytes, *, subsystem: int) -> None:
        """Send one message to another part of netfilter than the tables, and hear whether it was done.

        :raises OSError: it was not.
        """
        head = _HEAD.pack(20 + len(body), subsystem << 8 | kind, _REQUEST | _ACKNOWLEDGE, 1, 0)
        self._socket.send(head + _GENERIC.pack(layout.FAMILIES[family], 0, 0) + body)
        for _, code in self._answers():
            if code:
                raise OSError(code, f"netfilter: {os.strerror(code)}")

    def dump(
        self, kind: int, family: str = "", body: bytes = b"", *, subsystem: int = layout.SUBSYSTEM
    ) -> list[tuple[int, bytes]]:
        """Return family and attributes of everything of one kind.

        :param kind: ``layout.GET_…``.
        :param family: only of this; empty for all.
        :raises OSError: ENOENT: what `body` names is not there; EINTR: it changed each time it was read.
        """
        number = layout.FAMILIES[family] if family else 0
        request = _HEAD.pack(20 + len(body), subsystem << 8 | kind, _REQUEST | _DUMP, 1, 0)
        for _ in range(_AGAIN):
            self._socket.send(request + _GENERIC.pack(number, 0, 0) + body)
            found, whole = self._listed()
            if whole:
                return found
        raise OSError(errno.EINTR, f"nf_tables: {os.strerror(errno.EINTR)}", "list")

    def _make_room(self, size: int) -> None:
        """Let the socket take a datagram of this size."""
        wanted = 2 * size + 65536
        if wanted > self._room:
            self._socket.setsockopt(socket.SOL_SOCKET, _SEND_BUFFER_FORCE, wanted)
            self._room = wanted

    def _answers(self) -> Iterator[tuple[int, int]]:
        """Yield (sequence, error) of every answer: the kernel has put all of them there before ``send`` returned."""
        while True:
            try:
                answer = self._socket.recv(_MOST, socket.MSG_DONTWAIT)
            except BlockingIOError:
                return
            for kind, _, sequence, body in _messages(answer):
                if kind == _ERROR:
                    yield sequence, -struct.unpack_from("=i", body)[0]

    def _listed(self) -> tuple[list[tuple[int, bytes]], bool]:
        found: list[tuple[int, bytes]] = []
        whole = True
        while True:
            for kind, flags, _, body in _messages(self._socket.recv(_MOST)):
                whole = whole and not flags & _INTERRUPTED
                if kind in (_ERROR, _DONE):
                    code = -struct.unpack_from("=i", body)[0] if len(body) >= 4 else 0
                    if code:
                        raise OSError(code, f"nf_tables: {os.strerror(code)}", "list")
                    return found, whole
                found.append((body[0], body[4:]))


def _messages(data: bytes) -> Iterator[tuple[int, int, int, bytes]]:
    """Yield kind, flags, sequence and body of every message in a datagram."""
    offset = 0
    while offset + 16 <= len(data):
        length, kind, flags, sequence, _ = _HEAD.unpack_from(data, offset)
        yield kind, flags, sequence, data[offset + 16 : offset + length]
        offset += max((length + 3) & ~3, 16)
