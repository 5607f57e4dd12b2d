"""How daemon and companion talk: one JSON object a datagram, descriptors beside it. Knows no verb; standard library only."""

from __future__ import annotations

import json
import os
import socket
import struct
from collections.abc import Sequence
from typing import Any

MOST_DESCRIPTORS = 250
"""In one message: the kernel takes 253."""
_MOST_BYTES = 1 << 17
_DESCRIPTOR = struct.Struct("i")
_ANCILLARY = socket.CMSG_SPACE(MOST_DESCRIPTORS * _DESCRIPTOR.size)

Message = dict[str, Any]


def send(connection: socket.socket, message: Message, sockets: Sequence[int] = ()) -> None:
    """Send one message with copies of descriptors.

    :raises OSError: the other end has gone.
    """
    socket.send_fds(connection, [json.dumps(message).encode()], list(sockets), socket.MSG_NOSIGNAL)


def receive(connection: socket.socket) -> tuple[Message | None, list[int]]:
    """Return the next message and its descriptors (they close at exec); None at end-of-file.

    :raises OSError: as recvmsg(2).
    :raises ValueError: not a JSON object, or cut off; its descriptors are closed.
    """
    data, ancillary, flags, _ = connection.recvmsg(_MOST_BYTES, _ANCILLARY, socket.MSG_CMSG_CLOEXEC)
    rights = (socket.SOL_SOCKET, socket.SCM_RIGHTS)
    fds = [fd for level, kind, body in ancillary if (level, kind) == rights for (fd,) in _DESCRIPTOR.iter_unpack(body)]
    if not data:
        return None, fds
    try:
        return _parsed(data, flags), fds
    except ValueError:
        for fd in fds:
            os.close(fd)
        raise


def _parsed(data: bytes, flags: int) -> Message:
    message = json.loads(data)
    if flags & (socket.MSG_TRUNC | socket.MSG_CTRUNC) or not isinstance(message, dict):
        raise ValueError("not a whole JSON object")
    return message
