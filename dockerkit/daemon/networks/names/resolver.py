"""How one container's questions are answered. A value; standard library only: the process that answers has it too."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple


class Resolver(NamedTuple):
    """What is asked, and of whom.

    :ivar upstream: addresses of servers that are asked for what no container is called, in order; none when `internal`.
    :ivar host: those of them that are asked from the host's network namespace: a loopback address of the host's.
    :ivar search: domains, as in the container's ``resolv.conf``; its own libc appends them.
    :ivar options: of ``resolv.conf``; with ``ndots`` given, a name without a dot is asked of nobody outside.
    :ivar internal: nobody outside is asked.
    :ivar networks: id → name of the networks it is on, in the order in which names are looked for.
    :ivar links: names for this container only: alias → the other container's id.
    """

    upstream: tuple[str, ...] = ()
    search: tuple[str, ...] = ()
    options: tuple[str, ...] = ()
    internal: bool = False
    networks: Mapping[str, str] = MappingProxyType({})
    links: Mapping[str, str] = MappingProxyType({})
    host: tuple[str, ...] = ()
