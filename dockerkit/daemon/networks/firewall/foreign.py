"""What other tables of the host do to our packets: a verdict "drop" in any table is final, whatever ours say. Only looks.

A Docker engine beside ours sets the policy of ``FORWARD`` to drop and accepts its own bridges alone. Such tables are not ours
to change; what can be done is to say it, with the rule their owner could add.
"""

from __future__ import annotations

from dockerkit.daemon.kernel.nftables import Chain, Channel, Table
from dockerkit.daemon.kernel.nftables.listing import chains

_OURS = "dockerkit-"
_ROUTED = ("ip", "ip6", "inet")


def droppers(channel: Channel) -> list[str]:
    """Return a sentence for every chain of somebody else's that drops forwarded packets unless its rules let them pass."""
    return [_said(table, chain) for table, chain in chains(channel) if _drops(table, chain)]


def _drops(table: Table, chain: Chain) -> bool:
    ours = table.name.startswith(_OURS)
    return not ours and table.family in _ROUTED and chain.hook == "forward" and chain.policy == "drop"


def _said(table: Table, chain: Chain) -> str:
    add = "its owner can let bridges of ours pass"
    if chain.name == "FORWARD":
        program = "ip6tables" if table.family == "ip6" else "iptables"
        add += f": {program} -I DOCKER-USER -i dk+ -j ACCEPT; {program} -I DOCKER-USER -o dk+ -j ACCEPT (or in FORWARD)"
    return f"{table} drops forwarded packets by the policy of its chain {chain.name}, containers may not reach the world: {add}"
