"""Forgetting tracked connections by protocol and port: a datagram's way is decided once, and kept while datagrams come.

Whoever sent to a port before it was published, or still sends to one that was published elsewhere, is led the old way until the
entry is gone. Only entries asked for are deleted. Source: ``linux/netfilter/nfnetlink_conntrack.h``.
"""

from __future__ import annotations

import contextlib
import struct

from dockerkit.daemon.kernel.nftables.attributes import attribute, mapping, nested, number
from dockerkit.daemon.kernel.nftables.channel import Channel

_SUBSYSTEM, _GET, _DELETE = 1, 1, 2
_ORIGINAL, _ID, _FILTER = 1, 12, 25
_PROTOCOL_OF_TUPLE, _NUMBER, _PORT = 2, 1, 3
_BY_PROTOCOL_AND_PORT = struct.pack("=I", 1 << 3 | 1 << 5)


def forget(channel: Channel, protocol: int, port: int) -> int:
    """Delete the entries of connections to a port, whatever the address; return how many.

    :param protocol: 6, 17 or 132.
    :raises OSError: this kernel tells nobody of its entries (EINVAL, EOPNOTSUPP), EPERM.
    """
    tuple_ = nested(_PROTOCOL_OF_TUPLE, attribute(_NUMBER, bytes([protocol])), attribute(_PORT, struct.pack("!H", port)))
    # before Linux 5.8 the filter is ignored, and everything is listed: hence the second look below
    wanted = nested(_ORIGINAL, tuple_) + nested(_FILTER, attribute(1, _BY_PROTOCOL_AND_PORT))
    gone = 0
    for family in ("ip", "ip6"):
        for _, body in channel.dump(_GET, family, wanted, subsystem=_SUBSYSTEM):
            entry = mapping(body)
            if _is(entry[_ORIGINAL], protocol, port):
                with contextlib.suppress(FileNotFoundError):  # it ended meanwhile
                    named = attribute(_ORIGINAL | 0x8000, entry[_ORIGINAL]) + attribute(_ID, entry[_ID])
                    channel.ask(_DELETE, family, named, subsystem=_SUBSYSTEM)
                    gone += 1
    return gone


def _is(packed: bytes, protocol: int, port: int) -> bool:
    parts = mapping(mapping(packed).get(_PROTOCOL_OF_TUPLE, b""))
    return number(parts.get(_NUMBER, b"")) == protocol and number(parts.get(_PORT, b"")) == port
