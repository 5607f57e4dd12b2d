"""Addresses: never one twice, never outside, never the gateway's; Docker's pools and Docker's words."""

from __future__ import annotations

import itertools
from ipaddress import IPv4Address, IPv4Network, IPv6Network, ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dockerkit.daemon.networks.addresses import Addresses, check_overlap, hardware_address, with_gateway
from dockerkit.daemon.networks.model import Address, Network, Pool, Subnet
from dockerkit.errors import DockerkitError, Exhausted, Invalid, NotAllowed


def network(*pools: Pool) -> Network:
    return Network(id="a" * 64, name="net", driver="bridge", interface="dk0", pools=pools)


def pool(subnet: str, *, within: str = "", reserved: tuple[str, ...] = ()) -> Pool:
    given_range = ip_network(within) if within else None
    return with_gateway(Pool(ip_network(subnet), None, given_range, {one: ip_address(one) for one in reserved}))


def test_docker_pools_in_docker_order() -> None:
    addresses, taken = Addresses(), list[Subnet]()
    for _ in range(31):
        taken.append(addresses.choose_pool(False, taken).subnet)
    assert [str(subnet) for subnet in taken[:3]] == ["172.17.0.0/16", "172.18.0.0/16", "172.19.0.0/16"]
    assert [str(subnet) for subnet in taken[14:17]] == ["172.31.0.0/16", "192.168.0.0/20", "192.168.16.0/20"]
    with pytest.raises(Exhausted, match="all predefined address pools have been fully subnetted"):
        addresses.choose_pool(False, taken)


def test_a_pool_never_overlaps_a_route_of_the_host_however_wide_or_narrow() -> None:
    taken = [ip_network("172.17.4.0/24"), ip_network("172.18.0.0/15"), ip_network("0.0.0.0/0"), ip_network("fd00::/8")]
    chosen = Addresses().choose_pool(False, taken)
    assert chosen == Pool(IPv4Network("172.20.0.0/16"), IPv4Address("172.20.0.1"))


def test_ipv6_pools_are_local_and_differ_between_data_roots() -> None:
    one, other = Addresses("11111111"), Addresses("22222222")
    first = one.choose_pool(True, [])
    second = one.choose_pool(True, [first.subnet])
    assert first.subnet.prefixlen == 64 and first.subnet.subnet_of(IPv6Network("fd00::/8"))  # type: ignore[arg-type]
    assert second.subnet.network_address == first.subnet.network_address + (1 << 64)
    assert other.choose_pool(True, []).subnet != first.subnet
    assert one.choose_pool(True, []) == first


def test_range_gateway_and_reserved_as_the_reference_does_it() -> None:
    known = Pool(
        ip_network("10.77.0.0/24"), ip_address("10.77.0.130"), ip_network("10.77.0.128/29"), {"a": ip_address("10.77.0.129")}
    )
    net, addresses = network(known), Addresses()
    got = [str(addresses.lease(net)) for _ in range(6)]
    assert got == ["10.77.0.128", "10.77.0.131", "10.77.0.132", "10.77.0.133", "10.77.0.134", "10.77.0.135"]
    with pytest.raises(Exhausted, match=r"no available IPv4 addresses on this network's address pools: net \(a{64}\)"):
        addresses.lease(net)
    assert addresses.lease(net, ip_address("10.77.0.2")) == ip_address("10.77.0.2")


@pytest.mark.parametrize("wanted", ["10.0.0.1", "10.0.0.0", "10.0.0.255", "10.0.0.9", "10.0.0.7"])
def test_a_wanted_address_that_is_somebodys(wanted: str) -> None:
    net, addresses = network(pool("10.0.0.0/24", reserved=("10.0.0.9",))), Addresses()
    addresses.lease(net, ip_address("10.0.0.7"))
    with pytest.raises(NotAllowed, match="Address already in use"):
        addresses.lease(net, ip_address(wanted))


@pytest.mark.parametrize("wanted", ["10.0.1.1", "fd00::1", "9.255.255.255"])
def test_a_wanted_address_of_nowhere(wanted: str) -> None:
    with pytest.raises(Invalid, match="It does not belong to any of this network's subnets"):
        Addresses().lease(network(pool("10.0.0.0/24")), ip_address(wanted))


def test_an_address_given_back_rests_while_there_are_others() -> None:
    net, addresses = network(pool("10.0.0.0/29")), Addresses()
    first, second = addresses.lease(net), addresses.lease(net)
    addresses.release(net, first)
    assert addresses.lease(net) not in (first, second)
    addresses.lease(net, ip_address("10.0.0.5"))
    addresses.release(net, ip_address("10.0.0.5"))
    assert addresses.lease(net) == ip_address("10.0.0.6")  # .5 was next in line, but has only just been given back
    assert [addresses.lease(net), addresses.lease(net)] == [first, ip_address("10.0.0.5")]  # nothing else is left: oldest first


def test_the_next_pool_when_one_is_full_and_each_version_of_its_own() -> None:
    net, addresses = network(pool("10.0.0.0/30"), pool("10.9.0.0/30"), pool("fd77::/64")), Addresses()
    assert [str(addresses.lease(net)) for _ in range(2)] == ["10.0.0.2", "10.9.0.2"]
    assert [str(addresses.lease(net, version=6)) for _ in range(2)] == ["fd77::2", "fd77::3"]
    with pytest.raises(Exhausted, match="IPv4"):
        addresses.lease(net)


@pytest.mark.parametrize("subnet", ["10.0.0.0/31", "10.0.0.0/32"])
def test_no_gateway_in_a_subnet_without_room(subnet: str) -> None:
    with pytest.raises(Exhausted, match=r"failed to allocate gateway \(\): No available addresses on this pool"):
        pool(subnet)


def test_gateway_of_a_range_is_its_first_address() -> None:
    assert pool("10.0.0.0/24", within="10.0.0.128/28").gateway == ip_address("10.0.0.128")


def test_overlap_is_refused_in_docker_words() -> None:
    check_overlap(pool("10.0.0.0/24"), [ip_network("10.0.1.0/24"), ip_network("fd00::/8")])
    with pytest.raises(NotAllowed, match="Pool overlaps with other one on this address space"):
        check_overlap(pool("10.0.0.0/24"), [ip_network("10.0.0.0/8")])


def test_a_huge_pool_costs_no_more_than_what_is_leased() -> None:
    net, addresses = network(pool("10.0.0.0/8"), pool("fd00::/16")), Addresses()
    assert len({addresses.lease(net, version=version) for version in (4, 6) for _ in range(300)}) == 600


def test_hardware_address_is_docker_derivation() -> None:
    assert hardware_address(ip_address("172.17.0.2")) == "02:42:ac:11:00:02"


def test_a_network_of_other_pools_starts_anew_and_a_forgotten_one_too() -> None:
    addresses, one, other = Addresses(), network(pool("10.0.0.0/29")), network(pool("10.1.0.0/29"))
    assert str(addresses.lease(one)) == "10.0.0.2"
    assert str(addresses.lease(other)) == "10.1.0.2"
    addresses.forget(other)
    assert str(addresses.lease(other)) == "10.1.0.2"


Step = tuple[str, int]
PREFIXES = st.integers(min_value=24, max_value=30)
STEPS = st.lists(st.tuples(st.sampled_from(["lease", "want", "release"]), st.integers(0, 255)), max_size=120)


@given(prefix=PREFIXES, narrowed=st.integers(0, 3), reserved=st.sets(st.integers(0, 255), max_size=4), steps=STEPS)
def test_whatever_happens_nobody_shares_an_address(prefix: int, narrowed: int, reserved: set[int], steps: list[Step]) -> None:
    subnet = IPv4Network(("10.5.0.0", prefix))
    within = next(subnet.subnets(new_prefix=min(prefix + narrowed, 32))) if narrowed else None
    auxiliary: dict[str, Address] = {str(n): subnet[n] for n in reserved if n < subnet.num_addresses}
    try:
        made = with_gateway(Pool(subnet, None, within, auxiliary))
    except Exhausted:
        return
    net, addresses, held = network(made), Addresses(), list[Address]()
    for act, number in steps:
        if act == "release":
            if held:
                addresses.release(net, held.pop(number % len(held)))
            continue
        wanted = subnet[number % subnet.num_addresses] if act == "want" else None
        try:
            got = addresses.lease(net, wanted)
        except (NotAllowed, Exhausted) as refused:
            judge_refusal(refused, made, held, wanted)
            continue
        assert got not in held and got not in auxiliary.values() and got != made.gateway
        assert got in (subnet if wanted else within or subnet)
        assert got not in (subnet.network_address, subnet.broadcast_address)
        held.append(got)


def judge_refusal(refused: DockerkitError, made: Pool, held: list[Address], wanted: Address | None) -> None:
    """It is right to refuse what is taken, and to be out of addresses only when there is none."""
    ends = {made.subnet.network_address, made.subnet.broadcast_address}
    nobodys = {made.gateway, *made.reserved.values(), *ends}
    if wanted is not None:
        assert isinstance(refused, NotAllowed) and (wanted in held or wanted in nobodys)
    else:
        assert isinstance(refused, Exhausted) and not set(made.range or made.subnet) - set(held) - nobodys


@given(st.lists(st.booleans(), min_size=1, max_size=60))
def test_the_one_given_back_last_is_not_the_next(gives_back: list[bool]) -> None:
    net, addresses, held = network(pool("10.0.0.0/24")), Addresses(), list[Address]()
    last = None
    for gives in itertools.islice(gives_back, 60):
        if gives and held:
            last = held.pop()
            addresses.release(net, last)
        else:
            held.append(addresses.lease(net))
            assert held[-1] != last
