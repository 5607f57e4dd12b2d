"""macvlan, ipvlan, faults: real where this kernel has them, a refusal that names what is missing where not."""

from __future__ import annotations

import subprocess
from ipaddress import ip_address, ip_interface

import pytest
from netlab import Lab

from dockerkit.errors import Invalid, Unsupported

pytestmark = pytest.mark.system


def ip(lab: Lab, *words: str) -> bool:
    return lab.inside(None, lambda: subprocess.run(["ip", *words], check=False, capture_output=True)).returncode == 0


@pytest.fixture
def cable(lab: Lab) -> Lab:
    """A host whose ``eth9`` is wired to ``router9``, which has 10.9.0.1."""
    assert ip(lab, "link", "add", "eth9", "type", "veth", "peer", "name", "router9")
    assert all(ip(lab, "link", "set", name, "up") for name in ("eth9", "router9"))
    assert ip(lab, "address", "add", "10.9.0.1/24", "dev", "router9")
    return lab


def has(lab: Lab, kind: str) -> bool:
    return ip(lab, "link", "add", "try9", "link", "eth9", "type", kind) and ip(lab, "link", "delete", "try9")


def test_macvlan_containers_talk_to_each_other_and_the_router(cable: Lab) -> None:
    if not has(cable, "macvlan"):
        pytest.skip("this kernel has no macvlan")
    network = cable.made("10.9.0.0/24", driver="macvlan", interface="eth9")
    one, _ = cable.joined(network, host_interface="")
    other, there = cable.joined(network, host_interface="")
    assert cable.talks(one, other, str(there.addresses[0].ip)) and cable.talks(one, None, "10.9.0.1")
    cable.links.disconnect(other, there)
    assert [link.name for link in other.links()] == ["lo"]
    cable.links.disconnect(other, there)
    cable.links.remove(network)
    assert ip(cable, "link", "show", "eth9")


@pytest.mark.parametrize(("driver", "option"), [("macvlan", "CONFIG_MACVLAN"), ("ipvlan", "CONFIG_IPVLAN")])
def test_a_driver_is_there_or_refused_by_name(cable: Lab, driver: str, option: str) -> None:
    network = cable.network("10.9.0.0/24", driver=driver, interface="eth9")
    if has(cable, driver):
        cable.links.make(network)
        sandbox, _ = cable.joined(network, host_interface="")
        assert cable.talks(sandbox, None, "10.9.0.1")
    else:
        with pytest.raises(Unsupported, match=rf"{driver} interfaces are not offered here.*{option}"):
            cable.links.make(network)


def test_a_parent_or_mode_that_does_not_exist(cable: Lab) -> None:
    if not has(cable, "macvlan"):
        pytest.skip("this kernel has no macvlan")
    with pytest.raises((Invalid, Unsupported), match=r"invalid subinterface vlan name nosuch|vlan interfaces are not offered"):
        cable.made("10.9.0.0/24", driver="macvlan", interface="nosuch")
    with pytest.raises(Invalid, match="requested macvlan mode 'upside' is not valid"):
        cable.made("10.9.0.0/24", driver="macvlan", interface="eth9", options={"macvlan_mode": "upside"})
    with pytest.raises(Unsupported, match="makes no links"):
        cable.made("10.9.0.0/24", driver="overlay")


def test_a_vlan_is_made_as_parent_and_goes_with_the_network(cable: Lab) -> None:
    if not has(cable, "macvlan") or not ip(cable, "link", "add", "link", "eth9", "name", "eth9.7", "type", "vlan", "id", "7"):
        pytest.skip("this kernel has no macvlan or no vlan")
    assert ip(cable, "link", "delete", "eth9.7")
    network = cable.made("10.9.0.0/24", driver="macvlan", interface="eth9.10")
    assert cable.links.names() == ["eth9.10"]
    (one, _), (other, there) = (cable.joined(network, host_interface="") for _ in range(2))
    assert cable.talks(one, other, str(there.addresses[0].ip))
    cable.links.remove(network)
    assert cable.links.names() == []


def test_a_rate_is_kept_and_lifted(lab: Lab) -> None:
    network = lab.made("10.9.0.0/24")
    sandbox, endpoint = lab.joined(network)

    def disciplines() -> str:
        words = ["tc", "qdisc", "show", "dev", endpoint.host_interface]
        return lab.inside(None, lambda: subprocess.run(words, check=True, capture_output=True, text=True)).stdout

    try:
        lab.links.shape(endpoint, rate_bits=1_000_000)
    except Unsupported as refused:
        assert "CONFIG_NET_SCH_TBF" in str(refused)
        return
    assert "rate 1Mbit" in disciplines()
    lab.links.shape(endpoint, rate_bits=8_000_000)
    assert "rate 8Mbit" in disciplines()
    assert lab.talks(None, sandbox, str(endpoint.addresses[0].ip))
    lab.links.unshape(endpoint)
    lab.links.unshape(endpoint)
    assert "tbf" not in disciplines()


def test_delay_and_loss_are_there_or_refused_and_what_was_stays(lab: Lab) -> None:
    network = lab.made("10.9.0.0/24")
    sandbox, endpoint = lab.joined(network)
    try:
        lab.links.shape(endpoint, delay_ms=20)
    except Unsupported as refused:
        assert "netem" in str(refused) and "CONFIG_NET_SCH_NETEM" in str(refused)
    assert lab.talks(None, sandbox, str(endpoint.addresses[0].ip))
    with pytest.raises(Invalid, match="no such fault"):
        lab.links.shape(endpoint, loss_percent=101)


def test_a_network_without_gateway_on_the_bridge(lab: Lab) -> None:
    network = lab.made("10.9.0.0/24", options={"com.docker.network.bridge.inhibit_ipv4": "true"})
    lease = (ip_interface((lab.addresses.lease(network, ip_address("10.9.0.5")), 24)),)
    one, _ = lab.joined(network, addresses=lease, gateways=())
    other, there = lab.joined(network, gateways=())
    assert lab.talks(one, other, str(there.addresses[0].ip))
