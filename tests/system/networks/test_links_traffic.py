"""Packets over what Links makes: between sandboxes, to the host, over both families, and not where no way is."""

from __future__ import annotations

import os
import pathlib
import re
import socket
import subprocess
from dataclasses import replace
from ipaddress import ip_address, ip_interface, ip_network

import pytest
from netlab import Lab

from dockerkit.daemon.networks.sandboxes import Sandbox

pytestmark = pytest.mark.system


def shown(lab: Lab, sandbox: Sandbox | None, *words: str) -> str:
    """What the ``ip`` program says inside: a second pair of eyes."""
    ran = lab.inside(sandbox, lambda: subprocess.run(["ip", *words], check=True, capture_output=True, text=True))
    return ran.stdout


def address(endpoint: object, place: int = 0) -> str:
    return str(endpoint.addresses[place].ip)  # type: ignore[attr-defined]


def test_two_sandboxes_and_the_host_talk_at_once(lab: Lab) -> None:
    network = lab.made("10.9.0.0/24")
    one, here = lab.joined(network)
    other, there = lab.joined(network)
    assert lab.talks(one, other, address(there))
    assert lab.talks(None, one, address(here))
    assert lab.talks(one, None, "10.9.0.1")


def test_ipv6_is_usable_the_moment_connect_returns(lab: Lab) -> None:
    network = lab.made("10.9.0.0/24", "fd77::/64")
    one, _ = lab.joined(network)
    other, there = lab.joined(network)
    assert lab.talks(one, other, address(there, 1))
    assert lab.talks(one, None, "fd77::1")
    assert "tentative" not in shown(lab, one, "-6", "address") + shown(lab, None, "-6", "address", "show", network.interface)


def test_what_a_container_sees_is_what_dockers_sees(lab: Lab) -> None:
    network = lab.made("10.77.0.0/24", "fd77::/64", mtu=1400)
    sandbox, endpoint = lab.joined(network, interface="net0")
    address = shown(lab, sandbox, "address", "show", "net0")
    assert re.search(r"net0@if\d+: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1400 qdisc noqueue state UP", address)
    assert f"link/ether {endpoint.mac} brd ff:ff:ff:ff:ff:ff" in address
    assert "inet 10.77.0.2/24 brd 10.77.0.255 scope global net0" in address
    assert "inet6 fd77::2/64 scope global" in address
    routes = shown(lab, sandbox, "route")
    assert "default via 10.77.0.1 dev net0" in routes and "10.77.0.0/24 dev net0" in routes and "src 10.77.0.2" in routes
    assert "default via fd77::1 dev net0" in shown(lab, sandbox, "-6", "route")
    assert "inet 127.0.0.1/8 scope host lo" in shown(lab, sandbox, "address", "show", "lo")


def test_no_ipv6_where_the_network_has_none_but_loopback_has(lab: Lab) -> None:
    network = lab.made("10.9.0.0/24")
    sandbox, _ = lab.joined(network)
    assert lab.read(sandbox, "ipv6/conf/eth0/disable_ipv6") == "1"
    assert lab.read(None, f"ipv6/conf/{network.interface}/disable_ipv6") == "1"
    assert "inet6" not in shown(lab, sandbox, "address", "show", "eth0") + shown(
        lab, None, "address", "show", network.interface
    )
    assert lab.talks(sandbox, sandbox, "::1")


def test_no_router_is_believed_on_a_bridge(lab: Lab) -> None:
    network = lab.made("10.9.0.0/24", "fd77::/64")
    sandbox, _ = lab.joined(network)
    assert lab.read(sandbox, "ipv6/conf/eth0/accept_ra") == lab.read(None, f"ipv6/conf/{network.interface}/accept_ra") == "0"


def test_the_host_end_has_no_address_and_carries_our_group(lab: Lab) -> None:
    network = lab.made("10.9.0.0/24", "fd77::/64")
    _, endpoint = lab.joined(network)
    assert "inet" not in shown(lab, None, "address", "show", endpoint.host_interface)
    assert sorted(lab.links.names()) == sorted([network.interface, endpoint.host_interface])


def test_other_bridges_are_not_reached(lab: Lab) -> None:
    lab.inside(None, lambda: pathlib.Path("/proc/sys/net/ipv4/ip_forward").write_text("0"))  # a fresh one has the machine's
    one, _ = lab.joined(lab.made("10.9.0.0/24"))
    _, there = lab.joined(lab.made("10.10.0.0/24"))
    assert lab.read(None, "ipv4/ip_forward") == "0"  # Links never touches it
    with pytest.raises(OSError):
        lab.dial(one, (address(there), 80), seconds=0.3)


def test_without_inter_container_communication_only_the_host_is_heard(lab: Lab) -> None:
    network = lab.made("10.9.0.0/24", icc=False)
    one, _ = lab.joined(network)
    other, there = lab.joined(network)
    assert not lab.talks(one, other, address(there), seconds=0.3)
    assert lab.talks(one, None, "10.9.0.1") and lab.talks(None, other, address(there))


def test_an_internal_network_has_no_way_out(lab: Lab) -> None:
    sandbox, _ = lab.joined(lab.made("10.9.0.0/24", internal=True))
    assert "default" not in shown(lab, sandbox, "route")
    with pytest.raises(OSError, match="unreachable"):
        lab.dial(sandbox, ("192.0.2.1", 80))


def test_a_packet_of_the_whole_mtu_passes_and_a_larger_one_does_not(lab: Lab) -> None:
    network = lab.made("10.9.0.0/24", mtu=1300)
    one, _ = lab.joined(network)
    other, there = lab.joined(network)
    server = lab.inside(other, lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
    client = lab.inside(one, lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
    with server, client:
        server.bind((address(there), 0))
        server.settimeout(5)
        client.setsockopt(socket.IPPROTO_IP, 10, 3)  # IP_MTU_DISCOVER, IP_PMTUDISC_PROBE: never in pieces
        client.sendto(bytes(1300 - 28), server.getsockname())
        assert len(server.recv(2000)) == 1300 - 28
        with pytest.raises(OSError, match="too long"):
            client.sendto(bytes(1300 - 27), server.getsockname())


def test_a_container_reaches_itself_by_the_bridge_only_with_hairpin(lab: Lab) -> None:
    network = lab.made("10.9.0.0/24")
    _, endpoint = lab.joined(network)
    lab.links.hairpin(endpoint)
    assert "hairpin on" in shown(lab, None, "-d", "link", "show", endpoint.host_interface)
    lab.links.hairpin(endpoint, on=False)
    assert "hairpin off" in shown(lab, None, "-d", "link", "show", endpoint.host_interface)


def test_disconnected_it_is_gone_and_reconnected_it_is_back(lab: Lab) -> None:
    network = lab.made("10.9.0.0/24")
    one, here = lab.joined(network)
    other, _ = lab.joined(network)
    lab.links.disconnect(one, here)
    assert [link.name for link in one.links()] == ["lo"]
    assert here.host_interface not in lab.links.names()
    lab.links.connect(one, network, here)
    assert lab.talks(other, one, address(here))
    lab.links.disconnect(one, here)
    lab.links.disconnect(one, here)  # a second time there is nothing to do


def test_two_networks_and_the_default_route_moves(lab: Lab) -> None:
    first, second = lab.made("10.9.0.0/24", "fd09::/64"), lab.made("10.10.0.0/24")
    sandbox, here = lab.joined(first)
    _, there = lab.joined(second, sandbox, interface="eth1", gateways=())
    assert "default via 10.9.0.1 dev eth0" in shown(lab, sandbox, "route")
    assert lab.talks(sandbox, None, "10.10.0.1") and lab.talks(None, sandbox, address(there))
    lab.links.move_default(sandbox, [ip_address("10.10.0.1")])
    assert "default via 10.10.0.1 dev eth1" in shown(lab, sandbox, "route")
    assert "default" not in shown(lab, sandbox, "-6", "route")
    lab.links.move_default(sandbox, [ip_address("10.9.0.1"), ip_address("fd09::1")])
    assert "default via fd09::1 dev eth0" in shown(lab, sandbox, "-6", "route")
    lab.links.disconnect(sandbox, here)
    assert "default" not in shown(lab, sandbox, "route")
    lab.links.move_default(sandbox, [ip_address("10.10.0.1")])
    lab.links.move_default(sandbox, [])
    assert "default" not in shown(lab, sandbox, "route")
    with pytest.raises(OSError, match="unreachable"):
        lab.links.move_default(sandbox, [ip_address("192.0.2.1")])


def test_a_static_address_and_a_mac_of_ones_own(lab: Lab) -> None:
    network = lab.made("10.9.0.0/24")
    one, _ = lab.joined(network)
    wanted = lab.addresses.lease(network, ip_address("10.9.0.77"))
    other, there = lab.joined(network, addresses=(ip_interface((wanted, 24)),), mac="02:00:00:00:00:77")
    assert lab.talks(one, other, "10.9.0.77")
    assert "link/ether 02:00:00:00:00:77" in shown(lab, other, "link", "show", there.interface)


def test_a_running_process_is_entered_and_connected(lab: Lab) -> None:
    network = lab.made("10.9.0.0/24")
    sandbox, _ = lab.joined(network)
    process = lab.inside(sandbox, lambda: subprocess.Popen(["cat"], stdin=subprocess.PIPE))
    try:
        entered = lab.links.enter(process.pid)
        sandbox.close()
        lab.joined(lab.made("10.10.0.0/24"), entered, interface="eth1")
        assert [link.name for link in entered.links()] == ["lo", "eth0", "eth1"]
        entered.close()
    finally:
        process.communicate()
    with pytest.raises(ProcessLookupError):
        lab.links.enter(process.pid)


def test_the_namespace_takes_its_pairs_along(lab: Lab) -> None:
    network = lab.made("10.9.0.0/24")
    events = lab.inside(None, lambda: socket.socket(socket.AF_NETLINK, socket.SOCK_RAW))
    with events:
        events.bind((0, 1))  # RTMGRP_LINK
        events.settimeout(10)
        sandbox = lab.links.sandbox()
        _, endpoint = lab.joined(network, sandbox)
        sandbox.close()
        while endpoint.host_interface in lab.links.names():
            events.recv(1 << 16)
    assert lab.links.names() == [network.interface]


def test_the_path_of_a_sandbox_leads_to_its_namespace(lab: Lab) -> None:
    sandbox = lab.sandbox()
    assert os.stat(sandbox.path).st_ino == os.fstat(sandbox.fd).st_ino != os.stat("/proc/self/ns/net").st_ino
    assert sandbox.path == f"/proc/{os.getpid()}/fd/{sandbox.fd}"


def test_routes_of_the_host_are_what_it_would_lose(lab: Lab) -> None:
    lab.made("10.9.0.0/24", "fd77::/64")
    routes = lab.links.host_routes()
    assert ip_network("10.9.0.0/24") in routes and ip_network("fd77::/64") in routes
    assert all(route.prefixlen for route in routes)
    assert not lab.addresses.choose_pool(False, [*routes, ip_network("172.17.0.0/24")]).subnet.overlaps(
        ip_network("172.17.0.0/24")
    )


def test_a_name_that_is_taken_in_the_sandbox(lab: Lab) -> None:
    network = lab.made("10.9.0.0/24")
    sandbox, here = lab.joined(network)
    again = replace(lab.endpoint(network), interface=here.interface)
    with pytest.raises(FileExistsError):
        lab.links.connect(sandbox, network, again)
    assert again.host_interface not in lab.links.names()
    lab.links.connect(sandbox, network, replace(again, interface="eth1", gateways=()))
