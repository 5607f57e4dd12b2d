"""Who is called what, network by network, and what a container may see of it. In memory; never speaks to anybody.

Names are bytes; those that are looked for are in lower case.
"""

from __future__ import annotations

import socket
from collections.abc import Iterable, Mapping
from typing import NamedTuple

_REVERSED = ((b".in-addr.arpa", 4), (b".ip6.arpa", 32))


class Member(NamedTuple):
    """A container on a network: its own name as it is written, what it is found by, its packed addresses."""

    own: bytes
    names: tuple[bytes, ...]
    addresses: tuple[bytes, ...]


class _Network:
    __slots__ = ("at", "called", "members")

    def __init__(self) -> None:
        self.members: dict[str, Member] = {}
        self.called: dict[bytes, dict[str, None]] = {}
        self.at: dict[bytes, str] = {}


class View(NamedTuple):
    """What one container sees.

    :ivar networks: id → name as it is written, in order.
    :ivar links: names that only it uses → another name of the other container, or its id.
    """

    networks: Mapping[str, bytes]
    links: Mapping[bytes, str]


class Tables:
    """Every network's names."""

    def __init__(self) -> None:
        self._networks: dict[str, _Network] = {}

    def publish(self, network: str, container: str, names: Iterable[str], addresses: Iterable[str], more: bool = False) -> None:
        """Have a container found under these names, and no others unless there are `more` than were told before."""
        before = self.member(network, container) if more else None
        self.withdraw(network, container)
        told = list(map(as_bytes, names))
        found_by = dict.fromkeys([*(before.names if before else ()), *(name.lower() for name in told)])
        own = before.own if before else next(iter(told), b"")
        member = Member(own, tuple(found_by), tuple(map(_packed, addresses)))
        place = self._networks.setdefault(network, _Network())
        place.members[container] = member
        for name in member.names:
            place.called.setdefault(name, {})[container] = None
        place.at.update(dict.fromkeys(member.addresses, container))

    def withdraw(self, network: str, container: str) -> None:
        """Have a container found no more; nothing happens when it is not."""
        place = self._networks.get(network)
        member = place.members.pop(container, None) if place else None
        if place is None or member is None:
            return
        for name in member.names:
            del place.called[name][container]
            if not place.called[name]:
                del place.called[name]
        for address in member.addresses:
            if place.at.get(address) == container:
                del place.at[address]
        if not place.members:
            del self._networks[network]

    def member(self, network: str, container: str) -> Member | None:
        """Return what a container is called on a network; None when it is not there."""
        place = self._networks.get(network)
        return place.members.get(container) if place else None

    def addresses(self, view: View, name: bytes, length: int) -> list[bytes] | None:
        """Return the addresses of `length` bytes behind a name; none when all are longer or shorter, None when nobody has it.

        As dockerd: the first network where there is one decides; ``a.b.c`` is asked for as such, then as ``a.b`` on network
        ``c``, then as ``a`` on network ``b.c``; links come before names.
        """
        found = self._on(view, name, b"", length)
        dot = name.rfind(b".")
        while found is None and dot > 0:
            found = self._on(view, name[:dot], name[dot + 1 :], length)
            dot = name.rfind(b".", 0, dot)
        return found

    def _on(self, view: View, name: bytes, only: bytes, length: int) -> list[bytes] | None:
        known = False
        linked = view.links.get(name, "")
        target = as_bytes(linked).lower()
        for network, called in view.networks.items():
            place = self._networks.get(network)
            if place is None or (only and only != called.lower()):
                continue
            owners = {linked: None} if linked in place.members else place.called.get(target) or place.called.get(name, {})
            known = known or bool(owners)
            found = [one for owner in owners if owner for one in place.members[owner].addresses if len(one) == length]
            if found:
                return found
        return [] if known else None

    def pointer(self, view: View, name: bytes) -> bytes | None:
        """Return ``container.network`` for the name of an address in ``in-addr.arpa`` or ``ip6.arpa``; None for any other."""
        address = _address(name)
        for network, called in view.networks.items():
            place = self._networks.get(network)
            if place is not None and address in place.at:
                return place.members[place.at[address]].own + b"." + called
        return None


def as_bytes(name: str) -> bytes:
    """Return a name as it is on the wire, but for its case."""
    return name.encode(errors="surrogateescape")


def _address(name: bytes) -> bytes:
    for suffix, digits in _REVERSED:
        parts = name.removesuffix(suffix).split(b".")
        if name.endswith(suffix) and len(parts) == digits:
            return _forwards(parts[::-1])
    return b""


def _forwards(parts: list[bytes]) -> bytes:
    text = b".".join(parts) if len(parts) == 4 else b":".join(b"".join(parts[at : at + 4]) for at in range(0, 32, 4))
    try:
        return _packed(text.decode("ascii"))
    except (OSError, ValueError):  # no address
        return b""


def _packed(address: str) -> bytes:
    return socket.inet_pton(socket.AF_INET6 if ":" in address else socket.AF_INET, address)
