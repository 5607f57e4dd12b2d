"""Bringing up ``lo`` in a fresh network namespace, with one message encoded beforehand.

A container's child may import nothing, and pyroute2 forks: so this one request is spelled out. Never touches another interface.
Source: netlink(7), rtnetlink(7).
"""

from __future__ import annotations

import os
import socket
import struct

_RTM_NEWLINK, _REQUEST_AND_ACKNOWLEDGE = 16, 0x1 | 0x4
_LOOPBACK_INDEX, _IFF_UP = 1, 1
_INTERFACE = struct.pack("<BxHiII", socket.AF_UNSPEC, 0, _LOOPBACK_INDEX, _IFF_UP, _IFF_UP)
_REQUEST = struct.pack("<IHHII", 16 + len(_INTERFACE), _RTM_NEWLINK, _REQUEST_AND_ACKNOWLEDGE, 1, 0) + _INTERFACE


def bring_up() -> None:
    """Set ``lo`` up in this process's network namespace; the kernel gives it 127.0.0.1 and ::1 by itself.

    :raises OSError: the kernel refused.
    """
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, 0) as netlink:
        netlink.send(_REQUEST)
        answer = netlink.recv(4096)
    (code,) = struct.unpack_from("<i", answer, 16)
    if code:
        raise OSError(-code, f"rtnetlink: {os.strerror(-code)}", "lo")
