"""Our tables among others': others' stay byte for byte, ours come back after a crash or a flush; how long a change takes."""

from __future__ import annotations

import shutil
import statistics
import time
from collections.abc import Iterator
from dataclasses import replace
from ipaddress import ip_network

import pytest

from dockerkit.daemon.kernel import nftables
from dockerkit.daemon.kernel.nftables import Batch, Channel, Table, words
from dockerkit.daemon.kernel.nftables.expressions import counter
from dockerkit.daemon.networks.firewall import Firewall, Rules, skeleton
from dockerkit.daemon.networks.model import Endpoint, Network, Pool, Published
from tests.system.networks.netns import Namespace
from tests.system.networks.walled import endpoint, network, publish

pytestmark = pytest.mark.system
FOREIGN = Table("ip", "filter")


@pytest.fixture
def host() -> Iterator[Namespace]:
    made = Namespace()
    for number in (1, 2, 3):
        made.ip(f"link add dkt{number} type bridge")
    yield made
    made.close()


@pytest.fixture
def firewall(host: Namespace) -> Iterator[Firewall]:
    made = Firewall("feedbeef")
    yield made
    made.close()


RULES = Rules((network(1), network(2, internal=True), network(3, icc=False)), (publish(1, 2, 8080, 80),))


def foreign(policy: str = "accept") -> None:
    """A table of somebody else's, as iptables makes it."""
    batch = Batch()
    batch.add_table(FOREIGN)
    batch.add_base_chain(FOREIGN, "FORWARD", kind="filter", hook="forward", priority=0, policy=policy)
    batch.add_rule(FOREIGN, "FORWARD", [*words.source("10.0.0.0/8"), counter(), words.accept()], "theirs")
    with Channel() as channel:
        channel.commit(batch)


def everything(table: Table) -> list[str]:
    with Channel() as channel:
        listed = nftables.listing(channel, table)
        return [] if listed is None else [*listed.text(), repr(listed)]


def test_foreign_tables_stay_byte_for_byte(host: Namespace, firewall: Firewall) -> None:
    host.run(foreign)
    before = host.run(everything, FOREIGN)
    for rules in (RULES, replace(RULES, published=()), Rules(), RULES, Rules()):
        host.run(firewall.apply, rules)
        assert host.run(everything, FOREIGN) == before


def test_a_foreign_policy_that_drops_is_said_and_not_touched(host: Namespace, firewall: Firewall) -> None:
    assert host.run(firewall.warnings) == []
    host.run(foreign, "drop")
    host.run(firewall.apply, RULES)
    (said,) = host.run(firewall.warnings)
    assert "table ip filter drops forwarded packets" in said
    assert "DOCKER-USER" in said


def test_rules_are_rebuilt_after_a_crash_whatever_was_there(host: Namespace, firewall: Firewall) -> None:
    host.run(firewall.apply, RULES)
    whole = host.run(firewall.text)
    host.run(firewall.apply, Rules((network(2),)))
    again = Firewall("feedbeef")
    host.run(again.apply, RULES)
    assert host.run(again.text) == whole
    again.close()


def test_rules_that_somebody_flushed_come_back_with_the_next_change(host: Namespace, firewall: Firewall) -> None:
    host.run(firewall.apply, replace(RULES, published=()))
    host.run(flush)
    host.run(firewall.apply, RULES)
    lines = host.run(firewall.text)
    host.run(firewall.apply, RULES, afresh=True)
    assert host.run(firewall.text) == lines


def flush() -> None:
    batch = Batch()
    for table in (skeleton.main_table("feedbeef"), skeleton.bridge_table("feedbeef")):
        batch.delete_table(table)
    with Channel() as channel:
        channel.commit(batch)


def test_each_change_is_the_same_as_building_it_from_the_ground(host: Namespace, firewall: Firewall) -> None:
    wishes = [
        RULES,
        replace(RULES, networks=RULES.networks[:2]),
        replace(RULES, published=(publish(1, 3, 8080, 81), publish(1, 2, 53, 53, "127.0.0.1", "udp"))),
        replace(RULES, networks=(network(1, icc=False), network(2), network(3, masquerade=False))),
        replace(RULES, networks=RULES.networks[1:], published=()),
    ]
    for wish in [*wishes, *reversed(wishes)]:
        host.run(firewall.apply, wish)
        grown = host.run(firewall.text)
        host.run(firewall.apply, wish, afresh=True)
        assert host.run(firewall.text) == grown


def test_two_data_roots_do_not_know_each_other(host: Namespace, firewall: Firewall) -> None:
    other = Firewall("0badcafe")
    host.run(firewall.apply, RULES)
    host.run(other.apply, Rules((network(3),)))
    theirs = host.run(other.text)
    host.run(firewall.apply, Rules())
    assert host.run(other.text) == theirs
    host.run(other.apply, Rules())
    other.close()
    with_none = host.run(lambda: nftables.tables(Channel()))
    assert with_none == []


def test_forwarding_is_switched_on_once_and_said(host: Namespace, firewall: Firewall) -> None:
    host.sysctl("ipv4/ip_forward", "0")
    host.sysctl("ipv6/conf/all/forwarding", "0")
    assert host.run(firewall.forwarding, True) == ["net.ipv4.ip_forward=1"]
    assert host.run(firewall.forwarding, True, ipv6=True) == ["net.ipv6.conf.all.forwarding=1"]
    assert host.run(firewall.forwarding, True, ipv6=True) == []
    assert host.sysctl("ipv4/ip_forward") == "1"


def test_nft_reads_what_we_wrote(host: Namespace, firewall: Firewall) -> None:
    if not shutil.which("nft"):
        pytest.skip("no nft to compare with here: apt-get install nftables")
    partition = (frozenset({endpoint(1, 2).addresses[0].ip}), frozenset({endpoint(1, 3).addresses[0].ip}))
    host.run(firewall.apply, replace(RULES, partitions=(partition,)))
    text = host.program("nft", "list", "ruleset")
    for line in (
        "table inet dockerkit-feedbeef {",
        "table bridge dockerkit-feedbeef {",
        'iifname != "lo" ip daddr 127.0.0.0/8 drop comment "loopback is reached by lo only"',
        "meta nfproto ipv4 dnat ip to meta l4proto . th dport map @any4",
        "elements = { tcp . 8080 : 172.28.1.2 . 80 }",
        '"dkt1" . "dkt1"',
        'iifname @bridges ip saddr != 0.0.0.0 fib saddr . iif oif 0 drop comment "a false source, IPv4"',
        "type nat hook postrouting priority srcnat; policy accept;",
        'ip saddr @leaving4 oifname != @bridges masquerade comment "into the world, IPv4"',
        "172.28.1.2 . 172.28.1.3",
    ):
        assert line in text, f"{line}\n{text}"


def test_a_port_more_costs_a_part_of_what_all_cost(host: Namespace, firewall: Firewall) -> None:
    networks = tuple(many(number) for number in range(20))
    published = tuple(port(networks[number % 20], number) for number in range(200))
    began = time.perf_counter()
    host.run(firewall.apply, Rules(networks, published))
    whole = time.perf_counter() - began
    times = []
    for number in range(200, 220):
        published += (port(networks[0], number),)
        rules = Rules(networks, published)
        began = time.perf_counter()
        host.run(firewall.apply, rules)
        times.append(time.perf_counter() - began)
    print(f"20 networks with 200 ports {whole * 1e3:.1f} ms, one port more {statistics.median(times) * 1e3:.2f} ms")
    assert statistics.median(times) < whole / 4, "the rules that are there are not said again"


def many(number: int) -> Network:
    subnet = ip_network(f"10.{number}.0.0/16")
    return Network(f"{number:064x}", f"n{number}", "bridge", f"dkm{number}", (Pool(subnet, subnet[1]),))


def port(where: Network, number: int) -> tuple[Endpoint, Network, Published]:
    return endpoint(1, 2 + number % 200), where, Published("tcp", 80, "0.0.0.0", 20000 + number)
