"""What is asked of networks is judged, allocated and shown without a kernel: on records in memory."""

from __future__ import annotations

import tracemalloc
from pathlib import Path
from types import SimpleNamespace

import pytest

from dockerkit.daemon.engine.networks import allocating, hostfiles, judging, portwords, wishes
from dockerkit.daemon.engine.networks.entries import NetworkEntries, NetworkEntry
from dockerkit.daemon.engine.networks.place import Place
from dockerkit.daemon.engine.networks.record import ICC, MTU, NetworkRecord
from dockerkit.daemon.networks.addresses import Addresses
from dockerkit.daemon.networks.model import Published
from dockerkit.errors import Conflict, DockerkitError, Invalid, NotAllowed, NotFound, Unsupported
from dockerkit.schema.container import ContainerConfig, CreateRequest, HostConfig
from dockerkit.schema.network import IPAM, EndpointIPAMConfig, EndpointSettings, IPAMConfig, NetworkCreate, PortBinding


def network(name: str = "n", subnet: str = "10.0.0.0/24", **facts: object) -> NetworkEntry:
    ipam = IPAM(config=[IPAMConfig(subnet=subnet, gateway=subnet.replace(".0/24", ".1"))])
    return NetworkEntry(NetworkRecord(id=name[0] * 64, name=name, created=len(name), interface=f"dk{name}", ipam=ipam, **facts))


@pytest.fixture
def core() -> SimpleNamespace:
    return SimpleNamespace(networks=NetworkEntries(), fabric=SimpleNamespace(addresses=Addresses("x")))


@pytest.mark.parametrize(
    ("wish", "error", "words"),
    [
        ({"name": ""}, Invalid, "invalid network name"),
        ({"name": "bridge"}, NotAllowed, "operation is not permitted on predefined bridge network"),
        ({"name": "n", "driver": "nosuch"}, NotFound, 'plugin "nosuch" not found'),
        ({"name": "n", "driver": "host"}, NotAllowed, 'only one instance of "host" network is allowed'),
        ({"name": "n", "scope": "swarm"}, NotAllowed, "cannot create a swarm scoped network when swarm is not active"),
        ({"name": "n", "ingress": True}, NotAllowed, "Ingress network can only be global scope network"),
        ({"name": "n", "options": {MTU: "x"}}, Invalid, "failed to parse com.docker.network.driver.mtu value: x"),
        ({"name": "n", "options": {ICC: "x"}}, Invalid, "failed to parse com.docker.network.bridge.enable_icc value: x"),
    ],
)
def test_what_cannot_be_is_refused_by_name(wish: dict[str, object], error: type[DockerkitError], words: str) -> None:
    with pytest.raises(error) as caught:
        judging.judge(NetworkCreate(**wish))
    assert words in caught.value.message


def test_a_borrowed_configuration_is_refused_clearly() -> None:
    from dockerkit.schema.network import ConfigReference

    with pytest.raises(Unsupported) as caught:
        judging.judge(NetworkCreate(name="n", config_from=ConfigReference(network="other")))
    assert "other" in caught.value.message


@pytest.mark.parametrize(
    "config",
    [
        IPAMConfig(subnet="bad"),
        IPAMConfig(subnet=""),
        IPAMConfig(subnet="10.0.0.5/24"),
        IPAMConfig(subnet="10.0.0.0/24", gateway="10.1.0.1"),
        IPAMConfig(subnet="10.0.0.0/24", ip_range="10.1.0.0/28"),
        IPAMConfig(subnet="10.0.0.0/24", auxiliary_addresses={"a": "bad"}),
    ],
)
def test_malformed_subnets_are_refused(config: IPAMConfig) -> None:
    with pytest.raises(Invalid, match="invalid network config"):
        judging.pools(IPAM(config=[config]))


def test_two_subnets_of_one_network_must_not_overlap() -> None:
    with pytest.raises(NotAllowed, match="Pool overlaps"):
        judging.pools(IPAM(config=[IPAMConfig(subnet="10.0.0.0/24"), IPAMConfig(subnet="10.0.0.0/25")]))


def test_networks_are_found_by_id_name_and_unique_prefix(core: SimpleNamespace) -> None:
    one, other = network("abc"), network("abd", "10.1.0.0/24")
    other.record = NetworkRecord(id="a" * 63 + "b", name="abd", created=2)
    core.networks.add(one)
    core.networks.add(other)
    assert core.networks.resolve("abc") is one
    assert core.networks.resolve("a" * 63 + "b") is other
    with pytest.raises(Invalid, match="is ambiguous"):
        core.networks.resolve("aa")
    with pytest.raises(NotFound, match="network zz not found"):
        core.networks.resolve("zz")
    with pytest.raises(Conflict, match="network with name abc already exists"):
        core.networks.add(network("abc"))


def test_places_are_leased_given_back_and_taken_again(core: SimpleNamespace) -> None:
    entry = network()
    place = allocating.allocate(core, entry, "1" * 64, EndpointSettings(), "eth0")
    assert place.address(4) == ("10.0.0.2", 24)
    assert place.mac == "02:42:0a:00:00:02"
    assert place.gateway(4) == "10.0.0.1"
    with pytest.raises(NotAllowed, match="already exists in network"):
        allocating.allocate(core, entry, "1" * 64, EndpointSettings(), "eth0")
    wanted = EndpointSettings(ipam_config=EndpointIPAMConfig(ipv4_address="10.0.0.2"))
    with pytest.raises(NotAllowed, match="Address already in use"):
        allocating.allocate(core, entry, "2" * 64, wanted, "eth0")
    assert allocating.free(core, entry, "1" * 64) == place
    assert allocating.allocate(core, entry, "2" * 64, wanted, "eth0").address(4) == ("10.0.0.2", 24)
    again = SimpleNamespace(networks=NetworkEntries(), fabric=SimpleNamespace(addresses=Addresses("x")))
    entry.members.clear()
    allocating.restore(again, entry, "1" * 64, place)
    with pytest.raises(NotAllowed, match="Address already in use"):
        allocating.allocate(again, entry, "3" * 64, wanted, "eth0")


def test_nobody_joins_a_network_that_is_leaving(core: SimpleNamespace) -> None:
    entry = network()
    entry.leaving = True
    with pytest.raises(NotFound):
        allocating.allocate(core, entry, "1" * 64, EndpointSettings(), "eth0")


def test_the_default_route_leads_by_priority_then_by_name() -> None:
    def place(*gateways: str) -> Place:
        return Place(network="n", endpoint="e", gateways=list(gateways))

    places = {"b": place("10.0.0.1"), "a": place("10.1.0.1"), "inside": place(), "six": place("fd00::1")}
    asked = {name: EndpointSettings() for name in places}
    assert allocating.ways_out(places, asked) == {4: "a", 6: "six"}
    asked["b"].gw_priority = 1
    assert allocating.ways_out(places, asked)[4] == "b"
    found = allocating.endpoints("c", places, asked)
    assert [name for name, endpoint in found.items() if endpoint.gateways] == ["b", "six"]


def create(mode: str = "", endpoints: object = None, **config: object) -> CreateRequest:
    networking = {"EndpointsConfig": endpoints} if endpoints is not None else {}
    return CreateRequest(image="i", host_config=HostConfig(network_mode=mode), networking_config=networking, **config)


def test_which_networks_a_container_asks_for() -> None:
    known = NetworkEntries()
    known.add(network("net"))
    assert list(wishes.endpoints(known, create())) == ["bridge"]
    assert list(wishes.endpoints(known, create("none"))) == ["none"]
    assert wishes.endpoints(known, create("container:x")) == {}
    assert list(wishes.endpoints(known, create("n" * 64))) == ["net"]
    assert list(wishes.endpoints(known, create("net", {"other": None}))) == ["net", "other"]
    assert list(wishes.endpoints(known, create("", {"net": {}}))) == ["net"]
    assert wishes.endpoints(known, create("net", mac_address="02:42:00:00:00:01"))["net"].mac_address == "02:42:00:00:00:01"


@pytest.mark.parametrize(
    ("mode", "endpoint", "words"),
    [
        ("bridge", {"Aliases": ["a"]}, "network-scoped alias is supported only for containers in user defined networks"),
        (
            "bridge",
            {"IPAMConfig": {"IPv4Address": "1.2.3.4"}},
            "user specified IP address is supported on user defined networks only",
        ),
        ("net", {"IPAMConfig": {"IPv4Address": "foo"}}, "invalid IPv4 address: foo"),
        ("net", {"IPAMConfig": {"IPv4Address": "1.2.3.4"}}, "no configured subnet"),
        ("net", {"MacAddress": "bad"}, "invalid MAC address"),
    ],
)
def test_what_no_network_gives_is_refused(mode: str, endpoint: object, words: str) -> None:
    known = NetworkEntries()
    known.add(network("net"))
    with pytest.raises(Invalid) as caught:
        wishes.endpoints(known, create(mode, {mode: endpoint}))
    assert words in caught.value.message


def test_ports_are_read_and_shown_in_docker_s_words() -> None:
    bindings = {"80/TCP": [PortBinding(host_port="8080")], "53/udp": [PortBinding(host_ip="127.0.0.1")], "9": None}
    config = ContainerConfig(exposed_ports={"80": {}, "90-91/tcp": {}})
    host = HostConfig(port_bindings=bindings, publish_all_ports=True)
    found = [tuple(wish) for wish in portwords.wishes(config, host)]
    assert found == [
        ("tcp", 80, "", 8080, 8080),
        ("udp", 53, "127.0.0.1", 0, 0),
        ("tcp", 90, "", 0, 0),
        ("tcp", 91, "", 0, 0),
    ]
    shown = portwords.shown([Published("tcp", 80, "0.0.0.0", 8080)], portwords.exposed(config))
    assert shown == {"80/tcp": [PortBinding(host_ip="0.0.0.0", host_port="8080")], "90/tcp": None, "91/tcp": None}
    assert portwords.published_of(shown) == [Published("tcp", 80, "0.0.0.0", 8080)]


@pytest.mark.parametrize("text", ["bad", "0/tcp", "70000/tcp", "80/xxx", "80-82/tcp", ""])
def test_a_malformed_port_is_refused(text: str) -> None:
    with pytest.raises(Invalid, match="invalid port specification"):
        portwords.port(text)


def test_resolv_conf_of_each_kind_of_network(monkeypatch: pytest.MonkeyPatch) -> None:
    host = "nameserver 127.0.0.1\nnameserver 192.0.2.1\nsearch a.example\noptions edns0\n"
    monkeypatch.setattr(hostfiles, "read", lambda path: host)

    def text(mode: str, **wish: object) -> str:
        name = "bridge" if mode == "" else mode
        record = SimpleNamespace(host_config=HostConfig(network_mode=mode, **wish), wishes={name: EndpointSettings()})
        return hostfiles.resolv_conf(record)  # type: ignore[arg-type]

    assert text("none") == host
    assert text("host") == host
    assert text("") == "nameserver 192.0.2.1\nsearch a.example\noptions edns0\n"
    assert text("mine") == "nameserver 127.0.0.11\nsearch a.example\noptions ndots:0 edns0\n"
    assert text("", dns=["9.9.9.9"], dns_search=["."], dns_options=["ndots:3"]) == "nameserver 9.9.9.9\noptions ndots:3\n"
    monkeypatch.setattr(hostfiles, "read", lambda path: "nameserver ::1\n")
    assert text("") == "nameserver 8.8.8.8\nnameserver 8.8.4.4\n"


def test_lines_leave_hosts_and_what_somebody_else_wrote_stays(tmp_path: Path) -> None:
    hosts = tmp_path / "hosts"
    hosts.write_text("127.0.0.1\tlocalhost\n172.18.0.2\tweb\nmine\u2028172.18.0.2\tweb\nno end")
    hostfiles.remove(str(hosts), ["172.18.0.2\tweb"])
    assert hosts.read_text() == "127.0.0.1\tlocalhost\nmine\u2028172.18.0.2\tweb\nno end"


def test_hosts_that_a_container_made_huge_are_not_read_into_the_daemon(tmp_path: Path) -> None:
    """``truncate -s 1T /etc/hosts`` in a container, then a disconnect: one line of a terabyte, in the daemon's memory."""
    hosts = tmp_path / "hosts"
    hosts.touch()
    with open(hosts, "r+b") as file:
        file.truncate(256 << 20)
    tracemalloc.start()
    try:
        hostfiles.remove(str(hosts), [line for line in hostfiles.read(str(hosts)).splitlines() if line == "x"])
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert (peak < 16 << 20, hosts.stat().st_size) == (True, 256 << 20)
