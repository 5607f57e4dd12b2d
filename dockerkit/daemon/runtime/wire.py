"""What daemon, shim and keepers say to one another: one JSON object a datagram, descriptors beside it.

Sockets are ``SOCK_SEQPACKET``: a message arrives whole or not at all, and end-of-file is the other's end. What may be large
(an OCI spec, a client's first bytes) travels in a memfd, so size is no limit. Standard library only; knows no verb.

Verbs, by direction (``[…]`` are descriptors)::

    daemon → whichever keeper waits    spawn {cgroup_parent} [reply socket, payload, attachments…]
    keeper → shim      taken {cgroup_parent}
    daemon → keeper    hello {version} · attach [payload, fd] · kill {signal} · resize {rows, columns} · release
                       execute [reply socket, payload, attachments…]; over the reply socket kill, resize as above
    keeper → daemon    started {pid, started_at, steps} · failed {step, errno, subject, message}
                       welcome {version, pid, started_at} · detached
                       exit {Exit's fields} [pidfd of the keeper], then cleaned
                       over an execute's reply socket: started {pid} or failed, as above · exited {exit_code}
    keeper → child     launch [payload] · go {stdio, binds} [root, stdio…, binds…]
    child  → keeper    failed {step, errno, subject, message} · terminal [master, slave]
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import socket
import struct
from collections.abc import Iterable, Sequence
from typing import Any

VERSION = 1
"""Of the keeper's socket; raised when a message changes its meaning. Old keepers live on beside a new daemon."""

MOST_DESCRIPTORS = 250
_MOST_BYTES = 1 << 16
_LENGTH = struct.Struct("<Q")
_DESCRIPTOR = struct.Struct("i")
_ANCILLARY = socket.CMSG_SPACE(MOST_DESCRIPTORS * _DESCRIPTOR.size)
_RIGHTS = (socket.SOL_SOCKET, socket.SCM_RIGHTS)

Message = dict[str, Any]


def pair() -> tuple[socket.socket, socket.socket]:
    """Return two connected ends; both close at exec."""
    return socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)


def send(connection: socket.socket, message: Message, fds: Sequence[int] = ()) -> None:
    """Send one message with copies of descriptors; the caller's stay open.

    :raises OSError: the other end has gone (EPIPE), or does not read (EAGAIN, when non-blocking).
    """
    data = json.dumps(message).encode()
    if fds:
        socket.send_fds(connection, [data], fds, socket.MSG_NOSIGNAL)
    else:
        connection.send(data, socket.MSG_NOSIGNAL)


def receive(connection: socket.socket) -> tuple[Message | None, list[int]]:
    """Return the next message and its descriptors (they close at exec); None at end-of-file.

    :raises OSError: EMSGSIZE when something was cut off (nothing is left open), or as recvmsg(2).
    :raises ValueError: not a JSON object.
    """
    # not socket.recv_fds: it forgets its flags before Python 3.12, and the descriptors would survive an exec
    data, ancillary, flags, _ = connection.recvmsg(_MOST_BYTES, _ANCILLARY, socket.MSG_CMSG_CLOEXEC)
    fds = [fd for level, kind, body in ancillary if (level, kind) == _RIGHTS for (fd,) in _DESCRIPTOR.iter_unpack(body)]
    try:
        return (_parse(data, flags), fds) if data else (None, fds)
    except (OSError, ValueError):
        close(fds)
        raise


def _parse(data: bytes, flags: int = 0) -> Message:
    if flags & (socket.MSG_TRUNC | socket.MSG_CTRUNC):
        raise OSError(errno.EMSGSIZE, os.strerror(errno.EMSGSIZE))
    document = json.loads(data)
    if not isinstance(document, dict):
        raise ValueError("not a JSON object")  # noqa: TRY004 (it is what was received, not what was passed)
    return document


def close(fds: Iterable[int]) -> None:
    """Close descriptors; those closed already are passed over."""
    for fd in fds:
        with contextlib.suppress(OSError):  # EBADF: the wish is fulfilled
            os.close(fd)


def pack(document: Message, tail: bytes = b"") -> int:
    """Return a memfd that holds a document of any size, and bytes after it."""
    body = json.dumps(document).encode()
    fd = os.memfd_create("dockerkit-message", os.MFD_CLOEXEC)
    try:
        with open(fd, "wb", closefd=False) as file:
            file.writelines((_LENGTH.pack(len(body)), body, tail))
    except OSError:
        os.close(fd)
        raise
    return fd


def unpack(fd: int) -> tuple[Message, bytes]:
    """Return what :func:`pack` wrote; the descriptor stays open and can be read again.

    :raises ValueError: it is something else.
    """
    content = os.pread(fd, os.fstat(fd).st_size, 0)
    (length,) = _LENGTH.unpack_from(content)
    body, tail = content[_LENGTH.size : _LENGTH.size + length], content[_LENGTH.size + length :]
    return _parse(body), tail
