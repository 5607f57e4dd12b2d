"""nf_tables over netlink: tables, chains, rules, sets and maps, changed in transactions and read back. No ``nft``, no library.

::

    table = nftables.Table("inet", "mine")
    batch = nftables.Batch()
    batch.add_table(table)
    batch.add_base_chain(table, "out", kind="nat", hook="output", priority=-100)
    batch.add_rule(table, "out", [*destination("127.0.0.11"), *protocol("udp"), *port(53), *dnat("127.0.0.11", 40001)])
    with nftables.Channel() as channel:      # of the network namespace the calling thread is in
        channel.commit(batch)                # all of it or nothing

Three layers: ``attributes`` and ``layout`` know bytes, ``expressions`` knows what a rule is made of (``words`` says the usual
combinations), ``batch`` and ``channel`` change the kernel, ``listing`` reads it. Nothing here knows what a container is, and
nothing is ever changed outside the tables that are named. Standard library only.
"""

from dockerkit.daemon.kernel.nftables.batch import Batch, Map, Set, Table
from dockerkit.daemon.kernel.nftables.channel import Channel
from dockerkit.daemon.kernel.nftables.expressions import Expression
from dockerkit.daemon.kernel.nftables.listing import Chain, Listed, Rule, listing, tables

__all__ = ["Batch", "Chain", "Channel", "Expression", "Listed", "Map", "Rule", "Set", "Table", "listing", "tables"]
