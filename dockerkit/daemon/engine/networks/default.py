"""The default bridge gets its subnet when it is needed first: a daemon that only runs containers without network never asks."""

from __future__ import annotations

import msgspec

from dockerkit.daemon.engine.core import Core
from dockerkit.daemon.engine.networks.entries import NetworkEntry
from dockerkit.daemon.engine.networks.fabric import Subnet
from dockerkit.daemon.engine.networks.record import config_of
from dockerkit.daemon.state import networks
from dockerkit.schema.wire import encode


def settle(core: Core, entry: NetworkEntry) -> None:
    """Choose the subnet of the default bridge and write it down; nothing on any other network, or when it has one.

    :raises Exhausted: none is left.
    """
    if not entry.record.default or entry.record.ipam.config:
        return
    routes = core.fabric.host_routes()
    with core.networks.lock:
        if entry.record.ipam.config:
            return
        pool = core.fabric.addresses.choose_pool(False, [*subnets(core), *routes])
        ipam = msgspec.structs.replace(entry.record.ipam, config=[config_of(pool)])
        record = msgspec.structs.replace(entry.record, ipam=ipam)
        with core.database.transaction() as tx:
            networks.put(tx, record.id, record.name, encode(record))
        entry.record = record


def subnets(core: Core) -> list[Subnet]:
    """Return the subnets of all networks."""
    return [pool.subnet for entry in core.networks.all() for pool in entry.record.network().pools]
