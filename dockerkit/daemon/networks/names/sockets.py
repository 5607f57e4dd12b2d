"""A container's two name sockets and the rules that lead its port 53 of 127.0.0.11 to them. Done inside its network namespace.

The sockets have random ports, so that the container may have port 53 of every address for itself. Where the kernel has no
nf_tables, they are at port 53 of 127.0.0.11: everything works but that.
"""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Mapping

from dockerkit.daemon.kernel import nftables
from dockerkit.daemon.kernel.nftables import words as rule

ADDRESS, PORT = "127.0.0.11", 53
_DNAT, _SNAT = -100, 100
"""Where translation happens among a hook's chains; as everybody's."""
_BACKLOG = 256
_RECEIVE_BUFFER_FORCE = 33
_WAITING = 1 << 20
"""Bytes of datagrams that may wait (about 1300 questions, as the kernel counts): more than any libc asks at once."""


def bind(table: str) -> tuple[socket.socket, socket.socket]:
    """Return a UDP socket and a listening TCP one, in the namespace of the calling thread, and lead questions to them.

    :param table: the name of our nf_tables table there, replaced when there is one.
    :raises OSError: ``lo`` is down; or without nf_tables, somebody has port 53.
    """
    sockets = _bound(0)
    try:
        _lead(nftables.Table("ip", table), *(one.getsockname()[1] for one in sockets))
    except OSError:
        for one in sockets:
            one.close()
        return _bound(PORT)
    return sockets


def _bound(port: int) -> tuple[socket.socket, socket.socket]:
    datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        with contextlib.suppress(PermissionError):  # in a user namespace: then it is what the kernel gives
            datagrams.setsockopt(socket.SOL_SOCKET, _RECEIVE_BUFFER_FORCE, _WAITING)
        datagrams.bind((ADDRESS, port))
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((ADDRESS, port))
        listening.listen(_BACKLOG)
    except OSError:
        datagrams.close()
        listening.close()
        raise
    return datagrams, listening


def _lead(table: nftables.Table, udp: int, tcp: int) -> None:
    batch, channel = nftables.Batch(), nftables.Channel()
    close = channel.close
    try:
        if table in nftables.tables(channel):  # of sockets that are gone
            batch.add_table(table)
            batch.delete_table(table)
            # closing waits until the kernel has freed what was deleted (RCU): some 13 ms, for which nobody else need wait
            close = threading.Thread(target=channel.close, name="dockerkit-names-freed").start
        _rules(batch, table, {"udp": udp, "tcp": tcp})
        channel.commit(batch)
    finally:
        close()


def _rules(batch: nftables.Batch, table: nftables.Table, ports: Mapping[str, int]) -> None:
    batch.add_table(table)
    batch.add_base_chain(table, "output", kind="nat", hook="output", priority=_DNAT)
    batch.add_base_chain(table, "postrouting", kind="nat", hook="postrouting", priority=_SNAT)
    for protocol, port in ports.items():
        there = [*rule.destination(ADDRESS), *rule.protocol(protocol), *rule.port(PORT), *rule.dnat(ADDRESS, port)]
        back = [*rule.source(ADDRESS), *rule.protocol(protocol), *rule.source_port(port), *rule.snat(ADDRESS, PORT)]
        batch.add_rule(table, "output", there, f"names over {protocol}")
        batch.add_rule(table, "postrouting", back, f"late answers over {protocol}")
