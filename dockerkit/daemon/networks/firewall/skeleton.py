"""The rules, which never change, and the empty sets they look into. Written into a batch; never sent from here.

What a packet meets in the main table (``inet``), hook by hook::

    prerouting  guard       127.0.0.0/8 comes by lo only             (CVE-2020-8558: route_localnet opens it)
                published   to an address of the host and a published port → the container
    output      published   likewise for what the host itself sends, loopback included
    forward     forward     partitions; within a bridge; lies about the source; internal; isolation; only published ports
    input       input       lies about the source; a port the proxy carries, to another network than its own
    postrouting leaving     masquerade: into the world; back into a bridge by the host's address; from loopback

The bridge table sees frames between two ports of one bridge, which are routed nowhere: partitions and bridges without
inter-container communication. It exists only while there is one of these: every frame would pay for it.
"""

from __future__ import annotations

from dockerkit.daemon.kernel.nftables import Batch, Expression, Map, Set, Table
from dockerkit.daemon.kernel.nftables import words as w
from dockerkit.daemon.kernel.nftables.expressions import look_up, masquerade, translate, verdict
from dockerkit.daemon.kernel.nftables.layout import REGISTER

RAW, DESTINATION, FILTER, SOURCE = -300, -100, 0, 100
"""Priorities, those of iptables' tables."""
_BRIDGE_FILTER = -200

_ADDRESS = {4: "ipv4_addr", 6: "ipv6_addr"}
_PORT = ("inet_proto", "inet_service")
_WIDTH = {4: 1, 6: 4}
"""Registers an address takes."""
_FAMILY = {4: "ip", 6: "ip6"}
_NOWHERE = {4: "0.0.0.0", 6: "::"}


def main_table(identity: str) -> Table:
    """Return the table for packets that are routed."""
    return Table("inet", f"dockerkit-{identity}")


def bridge_table(identity: str) -> Table:
    """Return the table for frames that stay on their bridge."""
    return Table("bridge", f"dockerkit-{identity}")


def sets(table: Table) -> dict[str, Set | Map]:
    """Return the sets of one of our tables by name."""
    made: list[Set | Map] = [
        *(Set(table, f"apart{version}", (_ADDRESS[version], _ADDRESS[version])) for version in (4, 6)),
    ]
    if table.family == "bridge":
        made += [Set(table, f"closed{version}", (_ADDRESS[version],), interval=True) for version in (4, 6)]
    else:
        made += [Set(table, name, ("ifname",)) for name in ("bridges", "internal")]
        made += [Set(table, name, ("ifname", "ifname")) for name in ("same", "open")]
        made += [Set(table, f"{name}{v}", (_ADDRESS[v],), interval=True) for name in ("subnets", "leaving") for v in (4, 6)]
        for version in (4, 6):
            made += _of_ports(table, version)
    return {one.name: one for one in made}


def _of_ports(table: Table, version: int) -> list[Set | Map]:
    """Where a port leads, and about the proxy: what it holds, who is near enough to that, and what is sent to oneself."""
    address, made = _ADDRESS[version], list[Set | Map]()
    for place, key in ((f"any{version}", _PORT), (f"at{version}", (address, *_PORT))):
        made.append(Map(table, place, key, (address, "inet_service")))
        made.append(Set(table, f"held-{place}", key))
        made.append(Set(table, f"near-{place}", ("ifname", *key)))
        made.append(Set(table, f"own-{place}", (address, *key)))
    return made


def build(batch: Batch, table: Table, *, loopback: bool = True) -> None:
    """Write a table with its empty sets, its chains and rules.

    :param loopback: send 127.0.0.0/8 on by rule; without it the proxy carries what the host sends there.
    """
    batch.add_table(table)
    for one in sets(table).values():
        batch.add_set(one)
    if table.family == "bridge":
        _between_ports(batch, table)
        return
    for write in (_guard, _ports, _forward, _input, _leaving):
        write(batch, table)
    _published(batch, table, loopback)


def _guard(batch: Batch, table: Table) -> None:
    batch.add_base_chain(table, "guard", kind="filter", hook="prerouting", priority=RAW)
    elsewhere = w.came_by("lo", differs=True)
    batch.add_rule(table, "guard", [*elsewhere, *w.destination("127.0.0.0/8"), w.drop()], "loopback is reached by lo only")
    batch.add_rule(table, "guard", [*elsewhere, *w.source("127.0.0.0/8"), w.drop()], "loopback speaks by lo only")


def _ports(batch: Batch, table: Table) -> None:
    """Where a packet to this host goes: first by its exact address, then by the port alone."""
    batch.add_chain(table, "ports")
    for version in (4, 6):
        for exact in (True, False):
            batch.add_rule(table, "ports", _lead_on(version, exact), f"published ports, IPv{version}{', at' if exact else ''}")


def _lead_on(version: int, exact: bool) -> list[Expression]:
    found = look_up(f"{'at' if exact else 'any'}{version}", into=REGISTER)
    act = translate(1, _FAMILY[version], REGISTER, REGISTER + _WIDTH[version])
    return [*w.family(version), *_load_port(version, exact, REGISTER), found, act]


def _load_port(version: int, exact: bool, first: int) -> list[Expression]:
    """Load protocol and port, and before them, when it counts, the address."""
    after = first + (_WIDTH[version] if exact else 0)
    address = [w.load_destination(version, first)] if exact else []
    return [*address, w.load_protocol(after), w.load_port(after + 1)]


def _to_oneself(batch: Batch, table: Table) -> None:
    """Leave a container's way to its own port to the proxy: with br_netfilter a bridge sends no frame back to its port."""
    for version in (4, 6):
        for exact in (True, False):
            name = f"own-{'at' if exact else 'any'}{version}"
            port = _load_port(version, exact, REGISTER + _WIDTH[version])
            sent = [*w.family(version), w.load_source(version), *port, look_up(name), verdict("return")]
            batch.add_rule(table, "arriving", sent, f"to oneself, IPv{version}{', at' if exact else ''}")


def _published(batch: Batch, table: Table, loopback: bool) -> None:
    batch.add_base_chain(table, "arriving", kind="nat", hook="prerouting", priority=DESTINATION)
    _to_oneself(batch, table)
    batch.add_rule(table, "arriving", [*w.to_this_host(), verdict("jump", "ports")], "to this host")
    batch.add_base_chain(table, "sent", kind="nat", hook="output", priority=DESTINATION)
    # no rule can bring ::1 to another interface: the proxy does
    batch.add_rule(table, "sent", [*w.destination("::1"), verdict("return")], "::1 is the proxy's")
    if not loopback:
        batch.add_rule(table, "sent", [*w.destination("127.0.0.0/8"), verdict("return")], "loopback is the proxy's")
    batch.add_rule(table, "sent", [*w.to_this_host(), verdict("jump", "ports")], "to this host, by itself")


def _forward(batch: Batch, table: Table) -> None:
    batch.add_base_chain(table, "forward", kind="filter", hook="forward", priority=FILTER)
    within = w.load_interfaces()
    rules: list[tuple[str, list[Expression]]] = [
        *_partitions(w.family),
        # bridged frames come here too where br_netfilter is on: never judge their sources
        ("within a bridge", [*within, look_up("open"), w.accept()]),
        *_lies(),
        ("nothing out of an internal network", [*w.came_by_one_of("internal"), w.drop()]),
        ("nothing into an internal network", [*w.leaves_by_one_of("internal"), w.drop()]),
        ("into the world, or none of ours", [*w.leaves_by_one_of("bridges", absent=True), w.accept()]),
        ("answers", [*w.tracked(w.ESTABLISHED | w.RELATED), w.accept()]),
        ("back by the host's address", [*within, look_up("same"), *w.translated(), w.accept()]),
        ("networks are isolated", [*w.came_by_one_of("bridges"), w.drop()]),
        ("published ports", [*w.translated(), w.accept()]),
        ("what is not published", [w.drop()]),
    ]
    for comment, expressions in rules:
        batch.add_rule(table, "forward", expressions, comment)


def _partitions(only: object) -> list[tuple[str, list[Expression]]]:
    family = w.ethernet if only is w.ethernet else w.family
    return [
        (
            f"partitions, IPv{version}",
            [
                *family(version),
                w.load_source(version),
                w.load_destination(version, REGISTER + _WIDTH[version]),
                look_up(f"apart{version}"),
                w.drop(),
            ],
        )
        for version in (4, 6)
    ]


def _lies() -> list[tuple[str, list[Expression]]]:
    """Drop what comes under an address that does not live on its bridge; "nobody" may ask for one (DHCP, DAD)."""
    named = [(version, w.source(_NOWHERE[version], differs=True)) for version in (4, 6)]
    return [
        (f"a false source, IPv{version}", [*w.came_by_one_of("bridges"), *other, *w.from_elsewhere(), w.drop()])
        for version, other in named
    ]


def _input(batch: Batch, table: Table) -> None:
    batch.add_base_chain(table, "input", kind="filter", hook="input", priority=FILTER)
    for comment, expressions in _lies():
        batch.add_rule(table, "input", expressions, comment)
    for version in (4, 6):
        for exact in (True, False):
            comment = f"networks are isolated, by the proxy too, IPv{version}{', at' if exact else ''}"
            batch.add_rule(table, "input", _of_strangers(version, exact), comment)


def _of_strangers(version: int, exact: bool) -> list[Expression]:
    """Drop what comes by a bridge to a port that the proxy holds for another; a bridge's name takes four registers."""
    place, behind = f"{'at' if exact else 'any'}{version}", REGISTER + 4
    held = [*w.family(version), *_load_port(version, exact, behind), look_up(f"held-{place}", register=behind)]
    return [*held, *w.came_by_one_of("bridges"), look_up(f"near-{place}", absent=True), w.drop()]


def _leaving(batch: Batch, table: Table) -> None:
    batch.add_base_chain(table, "leaving", kind="nat", hook="postrouting", priority=SOURCE)
    into = w.leaves_by_one_of("bridges")
    out = w.leaves_by_one_of("bridges", absent=True)
    for version in (4, 6):
        source = [*w.family(version), w.load_source(version)]
        batch.add_rule(
            table, "leaving", [*source, look_up(f"leaving{version}"), *out, masquerade()], f"into the world, IPv{version}"
        )
        back = [*source, look_up(f"subnets{version}"), *into, *w.translated(), masquerade()]
        batch.add_rule(table, "leaving", back, f"back by the host's address, IPv{version}")
    batch.add_rule(table, "leaving", [*w.source("127.0.0.0/8"), *into, masquerade()], "from loopback")


def _between_ports(batch: Batch, table: Table) -> None:
    batch.add_base_chain(table, "forward", kind="filter", hook="forward", priority=_BRIDGE_FILTER)
    rules = _partitions(w.ethernet)
    for version in (4, 6):
        for word, load in (("to", w.load_destination), ("from", w.load_source)):
            closed = [*w.ethernet(version), load(version), look_up(f"closed{version}"), w.drop()]
            rules.append((f"no communication {word} containers, IPv{version}", closed))
    for comment, expressions in rules:
        batch.add_rule(table, "forward", expressions, comment)
