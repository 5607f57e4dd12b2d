"""What the firewall's sets hold for a wish; no kernel is asked."""

from __future__ import annotations

from ipaddress import ip_address, ip_interface, ip_network

import pytest

from dockerkit.daemon.kernel.nftables import Batch, words
from dockerkit.daemon.networks.firewall import Rules, changes, skeleton
from dockerkit.daemon.networks.firewall.contents import beneath, contents, is_empty, target, through_loopback
from dockerkit.daemon.networks.model import Endpoint, Network, Pool, Published

WEB = Network("a" * 64, "web", "bridge", "dk-web", (Pool(ip_network("10.1.0.0/24"), None), Pool(ip_network("fd01::/64"), None)))
HERE = Endpoint("e" * 64, WEB.id, "c" * 64, "eth0", "", (ip_interface("10.1.0.2/24"), ip_interface("fd01::2/64")), (), "v")
TABLE = skeleton.main_table("feedbeef")


def differing(**values: object) -> Network:
    names = ("id", "name", "driver", "interface", "pools")
    return Network(**{**{name: getattr(WEB, name) for name in names}, **values})  # type: ignore[arg-type]


def test_nothing_is_held_for_nothing() -> None:
    assert is_empty(contents(Rules()))
    assert is_empty(beneath(Rules((WEB,)))), "an open bridge costs its frames nothing"


def test_an_interface_of_the_hosts_is_not_ours_to_judge() -> None:
    assert is_empty(contents(Rules((differing(driver="macvlan", interface="eth0"),))))


@pytest.mark.parametrize(
    ("network", "inside", "outside"),
    [
        (WEB, {"bridges", "same", "open"}, {"internal"}),
        (differing(internal=True), {"bridges", "same", "open", "internal"}, set()),
        (differing(icc=False), {"bridges", "same"}, {"open", "internal"}),
    ],
)
def test_where_a_bridge_is_named(network: Network, inside: set[str], outside: set[str]) -> None:
    keys = contents(Rules((network,))).keys
    assert {name for name in inside | outside if keys[name]} == inside


@pytest.mark.parametrize("network", [differing(internal=True), differing(masquerade=False)])
def test_only_who_may_leave_is_masqueraded(network: Network) -> None:
    found = contents(Rules((WEB,))).ranges
    assert found["leaving4"] == {(words.address("10.1.0.0"), words.address("10.1.0.255"))}
    assert found["leaving6"] == {(words.address("fd01::"), words.address("fd01::ffff:ffff:ffff:ffff"))}
    found = contents(Rules((network,))).ranges
    assert found["subnets4"]
    assert not found["leaving4"] | found["leaving6"]


@pytest.mark.parametrize(
    ("address", "place"), [("0.0.0.0", "any4"), ("", "any4"), ("::", "any6"), ("127.0.0.1", "at4"), ("fd33::2", "at6")]
)
def test_which_map_leads_to_a_port(address: str, place: str) -> None:
    published = Published("tcp", 80, address, 8080)
    found = contents(Rules((WEB,), ((HERE, WEB, published),)))
    assert [name for name, entries in found.entries.items() if entries] == [place]
    ((key, value),) = found.entries[place].items()
    assert key[-2:] == (b"\x06", words.service(8080))
    assert value[1] == words.service(80)
    assert found.keys[f"own-{place}"] == {(value[0], *key)}


def test_a_family_the_container_does_not_speak_is_left_to_the_proxy() -> None:
    only4 = Endpoint("e" * 64, WEB.id, "c" * 64, "eth0", "", HERE.addresses[:1], (), "v")
    published = Published("tcp", 80, "::", 8080)
    assert target(only4, published) is None
    assert not any(contents(Rules((WEB,), ((only4, WEB, published),))).entries.values())


def test_what_has_no_proxy_goes_to_itself_by_rule() -> None:
    found = contents(Rules((WEB,), ((HERE, WEB, Published("sctp", 80, "", 8080)),)))
    assert found.entries["any4"]
    assert not found.keys["own-any4"]


@pytest.mark.parametrize(
    ("address", "opened"), [("", True), ("0.0.0.0", True), ("127.0.0.2", True), ("::", False), ("10.9.9.9", False)]
)
def test_which_bridges_are_opened_to_loopback(address: str, opened: bool) -> None:
    rules = Rules((WEB,), ((HERE, WEB, Published("tcp", 80, address, 8080)),))
    assert through_loopback(rules) == ({"dk-web"} if opened else set())


def test_a_partition_is_every_pair_both_ways_within_a_family() -> None:
    one = frozenset({ip_address("10.1.0.2"), ip_address("fd01::2")})
    other = frozenset({ip_address("10.1.0.3"), ip_address("10.1.0.4"), ip_address("fd01::3")})
    rules = Rules((WEB,), (), ((one, other),))
    for found in (contents(rules), beneath(rules)):
        assert len(found.keys["apart4"]) == 4
        assert len(found.keys["apart6"]) == 2


def test_a_port_more_is_four_messages_and_no_change_is_none() -> None:
    memory: dict = {}  # type: ignore[type-arg]
    first = (HERE, WEB, Published("tcp", 80, "", 8080))
    before = contents(Rules((WEB,), (first,)), memory)
    after = contents(Rules((WEB,), (first, (HERE, WEB, Published("tcp", 81, "", 8081)))), memory)
    batch = Batch()
    changes.change(batch, TABLE, before, after)
    assert sorted(message.about for message in batch.messages) == [
        f"add elements to set any4 of {TABLE}",
        f"add elements to set held-any4 of {TABLE}",
        f"add elements to set near-any4 of {TABLE}",
        f"add elements to set own-any4 of {TABLE}",
    ]
    same = Batch()
    changes.change(same, TABLE, after, contents(Rules((WEB,), (first, (HERE, WEB, Published("tcp", 81, "", 8081)))), memory))
    assert not same


def test_a_key_that_leads_elsewhere_goes_before_it_comes() -> None:
    before = contents(Rules((WEB,), ((HERE, WEB, Published("tcp", 80, "", 8080)),)))
    after = contents(Rules((WEB,), ((HERE, WEB, Published("tcp", 81, "", 8080)),)))
    batch = Batch()
    changes.change(batch, TABLE, before, after)
    about = f"set any4 of {TABLE}"
    assert [message.about for message in batch.messages] == [f"delete elements from {about}", f"add elements to {about}"]


def test_every_set_that_is_filled_exists_and_every_set_is_used() -> None:
    for table, found in ((TABLE, contents(Rules())), (skeleton.bridge_table("feedbeef"), beneath(Rules()))):
        filled = {*found.keys, *found.entries, *found.ranges}
        assert filled == set(skeleton.sets(table))
        batch = Batch()
        skeleton.build(batch, table)
        rules = b"".join(message.body for message in batch.messages if "add rule" in message.about)
        assert [name for name in filled if name.encode() + b"\0" not in rules] == []
