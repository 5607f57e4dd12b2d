"""A container's networks on a real dockerd and on ours: addresses, ports, files, modes; in inspect, in the list and inside."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.parity.engines import Box, EngineUnderTest

BRIDGE = {"NetworkMode": "bridge"}
HOSTS = "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n"


@pytest.fixture
def net(engine: EngineUnderTest, box: Box) -> Iterator[str]:
    """A network of its own subnet."""
    body = {"Name": "dkp-net", "IPAM": {"Config": [{"Subnet": "10.199.7.0/24"}]}}
    answer = engine.api.post("/networks/create", body)
    assert answer.status == 201, answer
    yield "dkp-net"
    box.empty()
    engine.api.delete("/networks/dkp-net")


def test_the_default_bridge_is_shown_twice(box: Box) -> None:
    id = box.up("sleep", "1000", host=BRIDGE)
    settings = box.inspect(id)["NetworkSettings"]
    place = settings["Networks"]["bridge"]
    for key in ("EndpointID", "Gateway", "IPAddress", "IPPrefixLen", "MacAddress", "IPv6Gateway", "GlobalIPv6Address"):
        assert settings[key] == place[key], key
    assert place["IPAddress"].startswith("172.17.0.")
    assert (place["Gateway"], place["IPPrefixLen"]) == ("172.17.0.1", 16)
    assert place["MacAddress"].startswith("02:42:ac:11:00:")
    assert (len(place["EndpointID"]), len(settings["SandboxID"]), settings["Ports"]) == (64, 64, {})
    assert box.row(id)["NetworkSettings"]["Networks"]["bridge"]["IPAddress"] == place["IPAddress"]


def test_after_the_end_only_the_wish_is_left(box: Box, net: str) -> None:
    wish = {net: {"Aliases": ["a"], "IPAMConfig": {"IPv4Address": "10.199.7.50"}}}
    id = box.up("sleep", "1000", host={"NetworkMode": net}, NetworkingConfig={"EndpointsConfig": wish})
    assert box.inspect(id)["NetworkSettings"]["Networks"][net]["IPAddress"] == "10.199.7.50"
    box.did(id, "stop", t=0)
    settings = box.inspect(id)["NetworkSettings"]
    place = settings["Networks"][net]
    assert (place["IPAddress"], place["EndpointID"], place["MacAddress"], settings["Ports"]) == ("", "", "", {})
    assert place["IPAMConfig"] == {"IPv4Address": "10.199.7.50"}
    assert "a" in place["Aliases"]
    box.start(id)
    assert box.inspect(id)["NetworkSettings"]["Networks"][net]["IPAddress"] == "10.199.7.50"


def test_before_the_start_there_is_nothing(box: Box) -> None:
    settings = box.inspect(box.create("true", host=BRIDGE))["NetworkSettings"]
    assert (settings["SandboxID"], settings["IPAddress"], settings["Ports"]) == ("", "", {})
    assert settings["Networks"]["bridge"]["EndpointID"] == ""


def test_none_and_host_have_an_endpoint_only(box: Box) -> None:
    for mode in ("none", "host"):
        settings = box.inspect(box.up("sleep", "1000", host={"NetworkMode": mode}))["NetworkSettings"]
        assert list(settings["Networks"]) == [mode]
        place = settings["Networks"][mode]
        assert (len(place["EndpointID"]), len(place["NetworkID"]), place["IPAddress"]) == (64, 64, "")
        assert (settings["IPAddress"], settings["Ports"]) == ("", {})


def test_inside_on_the_default_bridge(box: Box) -> None:
    done = box.sh("cat /etc/hosts; ip -o addr show eth0; ip route", host=BRIDGE, Hostname="hh", Domainname="dd.example")
    assert done.out.startswith(HOSTS)
    hosts, _, rest = done.out.partition("hh.dd.example hh\n")
    address = hosts.splitlines()[-1].strip()
    assert f"inet {address}/16" in rest
    assert "default via 172.17.0.1 dev eth0" in rest
    assert f"172.17.0.0/16 dev eth0 scope link  src {address}" in rest


def test_inside_on_a_network_of_one_s_own(box: Box, net: str) -> None:
    done = box.sh("cat /etc/resolv.conf; cat /etc/hosts; ip route", host={"NetworkMode": net})
    assert "nameserver 127.0.0.11\n" in done.out
    assert "options ndots:0\n" in done.out
    assert f"\t{done.id[:12]}\n" in done.out
    assert "default via 10.199.7.1 dev eth0" in done.out


def test_resolvers_that_were_asked_for(box: Box, net: str) -> None:
    wish = {"Dns": ["192.0.2.9"], "DnsSearch": ["s.example"], "DnsOptions": ["ndots:3"]}
    plain = box.sh("cat /etc/resolv.conf", host={**BRIDGE, **wish}).out
    assert set(plain.splitlines()) == {"nameserver 192.0.2.9", "search s.example", "options ndots:3"}
    own = box.sh("cat /etc/resolv.conf", host={"NetworkMode": net, **wish}).out
    assert set(own.splitlines()) == {"nameserver 127.0.0.11", "search s.example", "options ndots:3"}


def test_further_hosts(box: Box) -> None:
    done = box.sh("cat /etc/hosts", host={**BRIDGE, "ExtraHosts": ["x:1.2.3.4", "gw:host-gateway", "six:::1"]})
    assert "1.2.3.4\tx\n172.17.0.1\tgw\n::1\tsix\n" in done.out


@pytest.mark.parametrize(
    ("extra", "words"),
    [
        ("bad", 'bad format for add-host: "bad"'),
        (":1.2.3.4", 'bad format for add-host: ":1.2.3.4"'),
        ("x:bad", 'invalid IP address in add-host: "bad"'),
    ],
)
def test_malformed_further_hosts(box: Box, extra: str, words: str) -> None:
    answer = box.ask(["true"], host={**BRIDGE, "ExtraHosts": [extra]})
    assert (answer.status, answer.message) == (400, words)


def ports(*names: str) -> dict[str, Any]:
    return {name: {} for name in names}


def test_published_ports_are_shown(box: Box) -> None:
    bindings = {"80/tcp": [{"HostPort": "28080"}], "81/udp": [{"HostIp": "127.0.0.1"}], "83/tcp": [{}]}
    exposed = ports("80/tcp", "81/udp", "83/tcp", "90/tcp")
    id = box.up("sleep", "1000", host={**BRIDGE, "PortBindings": bindings}, ExposedPorts=exposed)
    shown = box.inspect(id)["NetworkSettings"]["Ports"]
    assert shown["80/tcp"] == [{"HostIp": "0.0.0.0", "HostPort": "28080"}, {"HostIp": "::", "HostPort": "28080"}]
    assert [place["HostIp"] for place in shown["81/udp"]] == ["127.0.0.1"]
    assert len({place["HostPort"] for place in shown["83/tcp"]}) == 1, "one number for both families"
    assert shown["90/tcp"] is None
    rows = [tuple(sorted(row.items())) for row in box.row(id)["Ports"]]
    assert (("IP", "0.0.0.0"), ("PrivatePort", 80), ("PublicPort", 28080), ("Type", "tcp")) in rows
    assert (("PrivatePort", 90), ("Type", "tcp")) in rows
    for fits in ({"publish": ["28080"]}, {"publish": ["28080/tcp"]}, {"expose": ["90"]}, {"expose": ["80/tcp"]}):
        assert box.ids(**fits) == [id], fits
    for does_not in ({"publish": ["80"]}, {"publish": ["28080/udp"]}, {"expose": ["91"]}):
        assert box.ids(**does_not) == [], does_not
    box.did(id, "stop", t=0)
    assert (box.inspect(id)["NetworkSettings"]["Ports"], box.row(id)["Ports"]) == ({}, [])


def test_publish_all(box: Box) -> None:
    id = box.up("sleep", "1000", host={**BRIDGE, "PublishAllPorts": True}, ExposedPorts=ports("90/tcp", "91/udp"))
    shown = box.inspect(id)["NetworkSettings"]["Ports"]
    assert {port: [place["HostIp"] for place in places] for port, places in shown.items()} == {
        "90/tcp": ["0.0.0.0", "::"],
        "91/udp": ["0.0.0.0", "::"],
    }


def test_a_range_gives_a_free_one(box: Box) -> None:
    wish = {**BRIDGE, "PortBindings": {"80/tcp": [{"HostPort": "28100-28102"}]}}
    found = set()
    for _ in range(3):
        id = box.up("sleep", "1000", host=wish, ExposedPorts=ports("80/tcp"))
        found.add(box.inspect(id)["NetworkSettings"]["Ports"]["80/tcp"][0]["HostPort"])
    assert found == {"28100", "28101", "28102"}


def test_a_port_that_is_taken(box: Box) -> None:
    wish = {"host": {**BRIDGE, "PortBindings": {"80/tcp": [{"HostPort": "28081"}]}}, "ExposedPorts": ports("80/tcp")}
    box.up("sleep", "1000", **wish)
    second = box.create("sleep", "1000", name="dkp-second", **wish)
    answer = box.post(second, "start")
    assert answer.status == (409 if box.engine.ours else 500)
    assert "driver failed programming external connectivity on endpoint dkp-second (" in answer.message
    assert answer.message.endswith("): Bind for 0.0.0.0:28081 failed: port is already allocated")
    state = box.state(second)
    assert (state["Status"], state["ExitCode"]) == ("created", 128)
    assert state["Error"] == answer.message


@pytest.mark.parametrize(
    ("bindings", "words"),
    [
        ({"bad": [{}]}, 'invalid port specification: "bad"'),
        ({"70000/tcp": [{}]}, 'invalid port specification: "70000"'),
        ({"80/tcp": [{"HostPort": "70000"}]}, 'invalid port specification: "70000"'),
        ({"80/tcp": [{"HostPort": "bad"}]}, 'invalid port specification: "bad"'),
        ({"80-82/tcp": [{}]}, 'invalid port specification: "80-82"'),
    ],
)
def test_malformed_ports(box: Box, bindings: Any, words: str) -> None:
    answer = box.ask(["true"], host={**BRIDGE, "PortBindings": bindings})
    assert (answer.status, answer.message) == (400, words)


def test_a_mac_address_that_was_asked_for(box: Box) -> None:
    id = box.up("sleep", "1000", host=BRIDGE, MacAddress="02:42:ac:11:00:99")
    assert box.inspect(id)["NetworkSettings"]["MacAddress"] == "02:42:ac:11:00:99"
    done = box.sh("cat /sys/class/net/eth0/address", host=BRIDGE, MacAddress="02:42:ac:11:00:98")
    assert done.out.strip() in ("02:42:ac:11:00:98", "")


def test_the_namespace_of_another_container(box: Box, net: str) -> None:
    first = box.up("sleep", "1000", host={"NetworkMode": net}, Hostname="first")
    done = box.sh("hostname; ip -o addr show eth0; cat /etc/hosts", host={"NetworkMode": f"container:{first}"})
    address = box.inspect(first)["NetworkSettings"]["Networks"][net]["IPAddress"]
    assert done.out.startswith("first\n")
    assert f"inet {address}/24" in done.out
    assert f"{address}\tfirst\n" in done.out
    second = box.up("sleep", "1000", host={"NetworkMode": f"container:{first}"})
    shown = box.inspect(second)
    assert (shown["NetworkSettings"]["Networks"], shown["Config"]["Hostname"]) == ({}, "first")


def test_the_namespace_of_nobody(box: Box) -> None:
    id = box.create("true", host={"NetworkMode": "container:nosuch"})
    answer = box.post(id, "start")
    assert answer.status == 404
    assert "No such container: nosuch" in answer.message
    other = box.create("true", host=BRIDGE)
    answer = box.post(box.create("true", host={"NetworkMode": f"container:{other}"}), "start")
    assert answer.status == 409
    assert "non running container" in answer.message


def test_a_network_that_is_not_there(box: Box) -> None:
    id = box.create("true", host={"NetworkMode": "nosuchnet"})
    answer = box.post(id, "start")
    assert answer.status == 404
    assert "network nosuchnet not found" in answer.message
    assert (box.state(id)["Status"], box.state(id)["ExitCode"]) == ("created", 128)


def test_a_network_by_its_id(box: Box, net: str) -> None:
    id = box.engine.api.get(f"/networks/{net}").json["Id"]
    container = box.up("sleep", "1000", host={"NetworkMode": id})
    assert list(box.inspect(container)["NetworkSettings"]["Networks"]) == [net]
    assert box.ids(network=[net]) == box.ids(network=[id[:12]]) == [container]
    assert box.ids(network=["bridge"]) == []


def test_addresses_that_cannot_be(box: Box, net: str) -> None:
    def start(address: str) -> tuple[int, str]:
        wish = {net: {"IPAMConfig": {"IPv4Address": address}}}
        made = box.ask(["true"], host={"NetworkMode": net}, NetworkingConfig={"EndpointsConfig": wish})
        answer = made if made.status != 201 else box.post(made.json["Id"], "start")
        return answer.status, answer.message

    status, words = start("10.199.7.1")
    assert status == 403
    assert "Address already in use" in words
    status, words = start("foo")
    assert status == 400
    assert "invalid IPv4 address: foo" in words
    assert start("10.99.0.4")[0] in (400, 500)


def test_links_on_the_default_bridge(box: Box) -> None:
    first = box.up("sleep", "1000", host=BRIDGE, name="dkp-lt", ExposedPorts=ports("80/tcp"), Env=["X=1"])
    address = box.inspect(first)["NetworkSettings"]["IPAddress"]
    id = box.create("sh", "-c", "cat /etc/hosts; env", host={**BRIDGE, "Links": ["dkp-lt:db"]}, name="dkp-lu")
    assert box.inspect(id)["HostConfig"]["Links"] == ["/dkp-lt:/dkp-lu/db"]
    box.start(id)
    box.wait(id)
    out = box.logs(id, stdout=1).decode(errors="replace")
    assert f"{address}\tdb {first[:12]} dkp-lt" in out
    for line in ("DB_NAME=/dkp-lu/db", f"DB_PORT=tcp://{address}:80", f"DB_PORT_80_TCP_ADDR={address}", "DB_ENV_X=1"):
        assert line in out
    answer = box.ask(["true"], host={**BRIDGE, "Links": ["nosuch:db"]})
    assert (answer.status, answer.message) == (400, "could not get container for nosuch: No such container: nosuch")


def test_a_further_process_has_the_links_in_its_environment(box: Box) -> None:
    box.up("sleep", "1000", host=BRIDGE, name="dkp-lt", ExposedPorts=ports("80/tcp"))
    id = box.up("sleep", "1000", host={**BRIDGE, "Links": ["dkp-lt:db"]}, name="dkp-lu")
    made = box.api.post(f"/containers/{id}/exec", {"Cmd": ["env"], "AttachStdout": True}).json["Id"]
    with box.api.hijack(f"/exec/{made}/start", {"Tty": True}) as stream:
        assert b"DB_NAME=/dkp-lu/db" in stream.read()


def test_statistics_count_what_an_interface_carried(box: Box) -> None:
    id = box.up("sleep", "1000", host=BRIDGE)
    found = box.api.get(f"/containers/{id}/stats", stream=0, **{"one-shot": 1}).json["networks"]
    keys = {f"{way}_{what}" for way in ("rx", "tx") for what in ("bytes", "packets", "errors", "dropped")}
    assert set(found) == {"eth0"}
    assert set(found["eth0"]) == keys
    none = box.up("sleep", "1000", host={"NetworkMode": "none"})
    assert not box.api.get(f"/containers/{none}/stats", stream=0, **{"one-shot": 1}).json.get("networks")


def test_names_on_a_network_of_one_s_own(box: Box, net: str) -> None:
    wish = {"EndpointsConfig": {net: {"Aliases": ["al"]}}}
    server = box.up("sleep", "1000", host={"NetworkMode": net}, name="dkp-named", NetworkingConfig=wish)
    address = box.inspect(server)["NetworkSettings"]["Networks"][net]["IPAddress"]
    for word in ("dkp-named", "al", server[:12]):
        done = box.sh(f"nslookup -type=a {word}", host={"NetworkMode": net})
        assert f"Address: {address}" in done.out, word
    linked = {"EndpointsConfig": {net: {"Links": ["dkp-named:db"]}}}
    done = box.sh("nslookup -type=a db", host={"NetworkMode": net}, NetworkingConfig=linked)
    assert f"Address: {address}" in done.out
    done = box.sh("nslookup -type=a db", host={"NetworkMode": net})
    assert f"Address: {address}" not in done.out, "a link is its owner's only"
