"""What a table holds, as the kernel tells it: chains with their rules, sets with their elements. Only reads.

For tests, for the sweep after a crash, and for whoever wants to be shown the rules; :meth:`Listed.text` says them in lines.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from dockerkit.daemon.kernel.nftables import layout
from dockerkit.daemon.kernel.nftables.attributes import attribute, mapping, number, string, text, unpack
from dockerkit.daemon.kernel.nftables.batch import Table
from dockerkit.daemon.kernel.nftables.channel import Channel
from dockerkit.daemon.kernel.nftables.expressions import Expression, Verdict, read_data, unpacked


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule; `comment` is what it was made with."""

    handle: int
    expressions: tuple[Expression, ...]
    comment: str = ""


@dataclass(slots=True)
class Chain:
    """A chain; `hook` is empty for one that is only jumped to."""

    name: str
    kind: str = ""
    hook: str = ""
    priority: int = 0
    policy: str = ""
    rules: list[Rule] = field(default_factory=list)


@dataclass(slots=True)
class Listed:
    """A table and everything in it; elements are (key, value, last of a range)."""

    table: Table
    chains: dict[str, Chain] = field(default_factory=dict)
    sets: dict[str, list[tuple[bytes, bytes | Verdict, bool]]] = field(default_factory=dict)

    def text(self) -> list[str]:
        """Say it in lines: for people, and to compare one moment with another."""
        lines = [str(self.table)]
        for chain in sorted(self.chains.values(), key=lambda one: one.name):
            place = f" {chain.kind} {chain.hook} {chain.priority} {chain.policy}" if chain.hook else ""
            lines.append(f"  chain {chain.name}{place}")
            lines += [f"    {rule.comment or rule.expressions}" for rule in chain.rules]
        for name, elements in sorted(self.sets.items()):
            lines.append(f"  set {name}")
            lines += sorted(f"    {key.hex()}{_said(value)}{' end' if end else ''}" for key, value, end in elements)
        return lines


def tables(channel: Channel) -> list[Table]:
    """Return every table of the namespace, ours or not."""
    found = []
    for family, body in channel.dump(layout.GET_TABLE):
        found.append(Table(layout.FAMILY_NAMES.get(family, str(family)), string(mapping(body)[1])))
    return found


def chains(channel: Channel) -> list[tuple[Table, Chain]]:
    """Return every chain of the namespace without its rules, and the table it is in."""
    found = []
    for family, body in channel.dump(layout.GET_CHAIN):
        if family in layout.FAMILY_NAMES:
            parts = mapping(body)
            found.append((Table(layout.FAMILY_NAMES[family], string(parts[1])), _chain(parts)))
    return found


def listing(channel: Channel, table: Table) -> Listed | None:
    """Return a table and what is in it; None when there is no such table."""
    if table not in tables(channel):
        return None
    listed = Listed(table)
    for where, chain in chains(channel):
        if where == table:
            listed.chains[chain.name] = chain
    for _, body in channel.dump(layout.GET_RULE, table.family, text(1, table.name)):
        parts = mapping(body)
        if string(parts[1]) == table.name and string(parts[2]) in listed.chains:
            listed.chains[string(parts[2])].rules.append(_rule(parts))
    for _, body in channel.dump(layout.GET_SET, table.family, text(1, table.name)):
        name = string(mapping(body)[2])
        listed.sets[name] = elements(channel, table, name)
    return listed


def elements(channel: Channel, table: Table, name: str) -> list[tuple[bytes, bytes | Verdict, bool]]:
    """Return the elements of a set or map."""
    found = []
    for _, body in channel.dump(layout.GET_ELEMENT, table.family, text(1, table.name) + text(2, name)):
        for _, packed in unpack(mapping(body).get(3, b"")):
            parts = mapping(packed)
            key, value = read_data(parts[1]), read_data(parts[2]) if 2 in parts else b""
            found.append((bytes(key) if isinstance(key, bytes) else b"", value, bool(number(parts.get(3, b"")) & 1)))
    return found


def handle_body(table: Table, chain: str, handle: int) -> bytes:
    """Return the attributes that name one rule."""
    return text(1, table.name) + text(2, chain) + attribute(3, handle.to_bytes(8, "big"))


def _chain(parts: dict[int, bytes]) -> Chain:
    chain = Chain(string(parts[3]))
    if 4 in parts:
        place = mapping(parts[4])
        chain.hook = layout.HOOK_NAMES.get(number(place[1]), "")
        chain.priority = number(place[2], signed=True)
        chain.kind = string(parts.get(7, b""))
        chain.policy = layout.VERDICT_NAMES.get(number(parts.get(5, b"\0")), "")
    return chain


def _rule(parts: dict[int, bytes]) -> Rule:
    said = parts.get(7, b"")
    comment = string(said[2 : 2 + said[1]]) if len(said) > 2 and said[0] == 0 else ""
    return Rule(number(parts[3]), tuple(unpacked(one) for _, one in unpack(parts.get(4, b""))), comment)


def _said(value: bytes | Verdict) -> str:
    if isinstance(value, Verdict):
        return f" : {value.code} {value.chain}".rstrip()
    return f" : {value.hex()}" if value else ""
