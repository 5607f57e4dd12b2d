"""From what the sets hold to what they shall hold, as messages of one transaction. Pure but for the batch it writes into."""

from __future__ import annotations

from dockerkit.daemon.kernel.nftables import Batch, Map, Set, Table, words
from dockerkit.daemon.networks.firewall import skeleton
from dockerkit.daemon.networks.firewall.contents import Contents

NOTHING = Contents()
_UDP = bytes([words.PROTOCOLS["udp"]])


def change(batch: Batch, table: Table, before: Contents, after: Contents) -> None:
    """Write the difference: first what goes, then what comes, so that a key may change its value."""
    for name, one in skeleton.sets(table).items():
        if isinstance(one, Map):
            _entries(batch, one, before, after)
        elif one.interval:
            _ranges(batch, one, before, after)
        else:
            old, new = before.keys.get(name, frozenset()), after.keys.get(name, frozenset())
            batch.delete_elements(one, old - new)
            batch.add_elements(one, new - old)


def datagrams(before: Contents, after: Contents) -> set[int]:
    """Return the ports of UDP that lead elsewhere than before."""
    found = set()
    for name, new in after.entries.items():
        old = before.entries.get(name, {})
        found |= {key for key in old.keys() | new.keys() if old.get(key) != new.get(key)}
    return {int.from_bytes(key[-1], "big") for key in found if key[-2] == _UDP}


def _entries(batch: Batch, one: Map, before: Contents, after: Contents) -> None:
    old, new = before.entries.get(one.name, {}), after.entries.get(one.name, {})
    batch.delete_elements(one, [key for key, value in old.items() if new.get(key) != value])
    batch.add_entries(one, {key: value for key, value in new.items() if old.get(key) != value})


def _ranges(batch: Batch, one: Set, before: Contents, after: Contents) -> None:
    old, new = before.ranges.get(one.name, frozenset()), after.ranges.get(one.name, frozenset())
    batch.delete_ranges(one, sorted(old - new))
    batch.add_ranges(one, sorted(new - old))
