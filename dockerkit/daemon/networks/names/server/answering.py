"""One container's questions: what it gets at once, what somebody outside is asked for, what is not answered at all.

What was asked once is answered from memory, by the very bytes of the question: a name with several addresses begins with
another of them each time. Never sends or receives.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import cycle

from dockerkit.daemon.networks.names.resolver import Resolver
from dockerkit.daemon.networks.names.server import wire
from dockerkit.daemon.networks.names.server.tables import Tables, View, as_bytes

_LENGTHS = {wire.A: 4, wire.AAAA: 16}
_MOST_KNOWN, _LONGEST_KNOWN = 512, 320
_MOST_TURNS = 16
"""Beginnings of a list of addresses that are taken in turn."""


class Answering:
    """Answers for one container.

    :ivar known: answers to datagrams without the two bytes of their number, by the question without those.
    """

    def __init__(self, tables: Tables, resolver: Resolver) -> None:
        self._tables = tables
        self.known: dict[bytes, Iterator[bytes]] = {}
        self.change(resolver)

    def change(self, resolver: Resolver) -> None:
        """Answer by other settings from now on."""
        self.resolver = resolver
        self._view = View(
            {network: as_bytes(name) for network, name in resolver.networks.items()},
            {as_bytes(alias).lower(): container for alias, container in resolver.links.items()},
        )
        self._dotted_only = any(option.startswith("ndots:") and option != "ndots:0" for option in resolver.options)
        self.known.clear()

    def sees(self, network: str) -> bool:
        """Say whether the container is on a network."""
        return network in self._view.networks

    def consider(self, message: bytes, *, datagram: bool) -> bytes | wire.Question | None:
        """Return the answer; or the question, when somebody outside is to be asked; or None: no answer at all."""
        if not wire.is_question(message):
            return None
        try:
            question = wire.parse(message)
        except wire.Malformed as wrong:
            return wire.refusal(message, wrong.code)
        found = self._find(question)
        if found is None:
            return self._nobody(message, question)
        if not datagram:
            return wire.answer(message, question, found)
        turns = [found[at:] + found[:at] for at in range(min(len(found), _MOST_TURNS))] or [[]]
        replies = cycle([wire.answer(message, question, turn, question.size)[2:] for turn in turns])
        if len(message) <= _LONGEST_KNOWN:
            if len(self.known) >= _MOST_KNOWN:
                self.known.clear()
            self.known[message[2:]] = replies
        return message[:2] + next(replies)

    def _find(self, question: wire.Question) -> list[bytes] | None:
        """Return what the answer's records hold; None when nobody here is called so.

        A name without a dot that a container has is nobody else's: of other kinds there is nothing, and no one else is asked.
        """
        name, kind = question.name, question.kind
        if not name or question.group not in (wire.IN, wire.ANY):
            return None
        if kind == wire.PTR:
            pointer = self._tables.pointer(self._view, name)
            target = wire.named(pointer) if pointer else None
            return [target] if target else None
        if kind in _LENGTHS:
            return self._tables.addresses(self._view, name, _LENGTHS[kind])
        if kind == wire.MX or b"." not in name:
            return None if self._tables.addresses(self._view, name, 4) is None else []
        return None

    def _nobody(self, message: bytes, question: wire.Question) -> bytes | wire.Question:
        if self._dotted_only and question.kind in _LENGTHS and b"." not in (question.name or b"."):
            return wire.answer(message, question, [])
        if self.resolver.internal or not self.resolver.upstream:
            return wire.failure(message, question, wire.SERVER_FAILURE)
        return question
