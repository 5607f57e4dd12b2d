"""The wish for the host's firewall, put together of everything there is. Never decides what is published or parted."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import ip_interface

from dockerkit.daemon.engine.core import Core
from dockerkit.daemon.engine.networks.entries import NetworkEntry
from dockerkit.daemon.engine.networks.fabric import Address


def apply(core: Core, *, afresh: bool = False) -> None:
    """Have the host's rules be those of the networks that are made, the ports that are published, the partitions there are.

    :param afresh: whatever the kernel was told before.
    :raises OSError: the kernel refused; what was before is still in force.
    """
    with core.networks.ruling:
        entries = core.networks.all()
        made = [entry.record.network() for entry in entries if entry.made and entry.record.linked]
        published = [
            (publication.endpoint, publication.network, one)
            for publication in list(core.networks.publications.values())
            for one in publication.published
        ]
        partitions = [
            (_addresses(entry, here), _addresses(entry, there)) for entry in entries for here, there in entry.partitions
        ]
        core.fabric.apply(made, published, partitions, afresh=afresh)


def part(core: Core, entry: NetworkEntry, container: str) -> None:
    """Have the partitions of a network hold for a container that came to it or left it; nothing where it is in none.

    :raises OSError: the kernel refused; what was before is still in force.
    """
    if any(container in here or container in there for here, there in entry.partitions):
        apply(core)


def _addresses(entry: NetworkEntry, containers: Iterable[str]) -> frozenset[Address]:
    places = [entry.members[id] for id in containers if id in entry.members]
    return frozenset(ip_interface(text).ip for place in places for text in place.addresses)
