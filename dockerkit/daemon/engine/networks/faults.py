"""Faults as a feature: a network that is slow, lossy or parted for some of its containers, until it is healed.

What is slow or lossy lasts as long as the container is there; a partition holds for those of its groups who leave and come
back, too. Neither lasts longer than the daemon. Ours; Docker has no word for it.
"""

from __future__ import annotations

from dockerkit.daemon.engine.core import Core
from dockerkit.daemon.engine.networks import rules
from dockerkit.daemon.engine.networks.entries import NetworkEntry
from dockerkit.daemon.engine.networks.place import Place
from dockerkit.daemon.engine.networks.refusals import explained
from dockerkit.errors import Conflict, Invalid
from dockerkit.schema.network import FaultRequest


def fault(core: Core, entry: NetworkEntry, request: FaultRequest) -> None:
    """Do what is asked: shape what one container is sent, part groups of containers, or heal everything.

    :raises Conflict: a container is not on the network now. :raises Unsupported: the kernel cannot shape so.
    """
    with explained(f"network {entry.record.name} could not be disturbed"):
        if request.heal:
            heal(core, entry)
        if request.partition:
            part(core, entry, request.partition)
        if request.container:
            shape(core, entry, request)
    if not (request.heal or request.partition or request.container):
        raise Invalid("no fault was asked for", hint="give Container with DelayMs, LossPercent or RateBits; Partition; or Heal")


def shape(core: Core, entry: NetworkEntry, request: FaultRequest) -> None:
    """Make what a container is sent on this network late, lost or slow; all zeros undo it."""
    id, place = _member(core, entry, request.container)
    core.fabric.shape(
        place.endpoint_of(id, default=False),
        delay_ms=request.delay_ms,
        loss_percent=request.loss_percent,
        rate_bits=request.rate_bits,
    )
    shaped = bool(request.delay_ms or request.loss_percent or request.rate_bits)
    (entry.shaped.add if shaped else entry.shaped.discard)(id)


def part(core: Core, entry: NetworkEntry, groups: list[list[str]]) -> None:
    """Cut groups of containers off from each other; those in none of them reach everybody.

    :raises Invalid: fewer than two groups, or a container in two of them.
    """
    found = [frozenset(_member(core, entry, ref)[0] for ref in group) for group in groups]
    if len(found) < 2 or sum(map(len, found)) != len(frozenset().union(*found)):
        raise Invalid("a partition needs two groups at least, and no container in two of them")
    entry.partitions += [(here, there) for number, here in enumerate(found) for there in found[number + 1 :]]
    rules.apply(core)


def heal(core: Core, entry: NetworkEntry) -> None:
    """Undo all faults of a network."""
    for id in list(entry.shaped):
        place = entry.members.get(id)
        if place is not None:
            core.fabric.shape(place.endpoint_of(id, default=False), delay_ms=0, loss_percent=0, rate_bits=0)
        entry.shaped.discard(id)
    if entry.partitions:
        entry.partitions = []
        rules.apply(core)


def _member(core: Core, entry: NetworkEntry, ref: str) -> tuple[str, Place]:
    record = core.entries.resolve(ref).record
    place = entry.members.get(record.id)
    if place is None:
        raise Conflict(f"container {record.name} is not on network {entry.record.name} now", hint="connect it, or start it")
    return record.id, place
