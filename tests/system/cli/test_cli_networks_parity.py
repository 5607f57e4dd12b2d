# ruff: noqa: E501 (tables of command lines)
"""Networks and ports with the docker program and with ours, side by side on one daemon."""

from __future__ import annotations

import json
import pathlib
import re
from collections.abc import Iterator
from typing import Any

import pytest
from test_cli_parity import DOCKER, VERSION, Both, same

from tests.livedaemon import LiveDaemon

pytestmark = [
    pytest.mark.system,
    pytest.mark.parity,
    pytest.mark.skipif(not re.search(r"version 2[89]\.", VERSION), reason=f"no docker program of these days: {DOCKER}"),
]


@pytest.fixture(scope="module")
def both(live_daemon: LiveDaemon, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Both]:
    """Two networks, and containers that publish this and that."""
    both = Both(live_daemon.url, tmp_path_factory.mktemp("networks"))
    made = [
        both.ours("network", "create", "net2", "--subnet", "10.88.2.0/24", "--label", "a=b"),
        both.ours("network", "create", "net10", "--internal", "--ipv6", "--subnet", "fd00:88::/64", "--subnet", "10.88.10.0/24"),
        both.ours(
            "run", "-d", "--name", "np-web", "--network", "net2", "--network-alias", "www", "-p", "8080:80", "-p", "127.0.0.1::53/udp",
            "-p", "90-92:90-92", "--expose", "700-702", "busybox", "sleep", "1000",
        ),
        both.ours("run", "-d", "--name", "np-range", "-p", "9000-9001:81", "-P", "--expose", "7", "busybox", "sleep", "1000"),
        both.ours("create", "--name", "np-new", "-p", "80:80", "busybox"),
    ]  # fmt: skip
    assert [code for code, _, _ in made] == [0] * len(made), made
    yield both
    both.docker("rm", "-f", "np-web", "np-range", "np-new")
    both.docker("network", "rm", "net2", "net10")


def _plain(text: str) -> str:
    """Return what both have to say: without our hints, and a line that docker 28 says too much."""
    kept = [line for line in text.splitlines(keepends=True) if not line.startswith(("  hint: ", "exit status "))]
    return (
        "".join(kept)
        .replace("docker network", "dockerkit network")
        .replace("See 'dockerkit", "Run 'dockerkit")
        .replace("docker: ", "dockerkit: ")
    )


@pytest.mark.parametrize(
    "words",
    [
        "ls", "ls -q", "ls --no-trunc", "ls -f driver=bridge -f name=net", "ls -f label=a -q", "ls -f type=custom", "ls -f nosuch=1", "ls --format json",
        "ls --format {{.Name}}|{{.ID}}|{{.Driver}}|{{.Scope}}|{{.IPv4}}|{{.IPv6}}|{{.Internal}}|{{.Labels}}|{{.CreatedAt}}",
        'ls --format table\\t{{.Name}}\\t{{.Label|"a"}}', "inspect net2 net10", "inspect bridge", "inspect nosuch", "inspect",
        "inspect -f {{.Name}}:{{json|.IPAM}}:{{.Internal}}:{{len|.Containers}} net2", "rm nosuch", "rm -f nosuch", "rm bridge", "rm net2",
        "create", "create bridge", "create net2", "create x -d nosuch", "create x --subnet 10.88.2.0/25", "create x --subnet bad", "create x --gateway 1.2.3.4",
        "create x --subnet 10.1.0.0/16 --subnet 10.1.1.0/24", "create x --subnet 10.1.0.0/16 --gateway 10.2.0.1", "create x --label =a",
        "connect net2 nosuch", "connect nosuch np-web", "connect net2 np-web", "connect host np-web", "connect --alias x bridge np-web", "connect net2",
        "connect --driver-opt x net2 np-web", "connect --ip 1.2.3.4 net2 np-range", "disconnect net10 np-web", "disconnect nosuch np-web", "disconnect net2 nosuch",
        "disconnect -f net2 nosuch", "prune", "prune -f --filter label=nosuch", "prune -f --filter nosuch=1",
    ],
)  # fmt: skip
def test_both_programs_say_the_same(both: Both, words: str) -> None:
    split = [word.replace("|", " ") for word in words.split()]
    theirs, ours = both.docker("network", *split), both.ours("network", *split)
    assert (ours[0], ours[1], _plain(ours[2])) == (theirs[0], theirs[1], _plain(theirs[2]))


@pytest.mark.parametrize(
    "words",
    [
        "ps", "ps --format {{.Names}}|{{.Ports}}|{{.Networks}}", "ps -f publish=8080", "ps -f expose=700-702/tcp -q", "ps -f network=net2", "port np-web", "port np-web 80", "port np-web 53/udp",
        "port np-web 99", "port np-web x", "port np-web 70000", "port np-range", "port np-new", "port nosuch", "inspect net2", "inspect --type network net10", "inspect --type network nosuch",
    ],
)  # fmt: skip
def test_what_else_shows_networks_and_ports_is_the_same(both: Both, words: str) -> None:
    same(both, *[word.replace("|", " ") for word in words.split()])


def test_make_connect_disconnect_remove(both: Both) -> None:
    for program in (both.docker, both.ours):
        code, id, _ = program(
            *["network", "create", "nn", "--subnet", "10.89.0.0/24", "--gateway", "10.89.0.9", "--ip-range", "10.89.0.128/25", "--aux-address", "r=10.89.0.130", "-o", "com.docker.network.driver.mtu=1400"],
            "--label", "k=v", "--attachable",
        )  # fmt: skip
        assert (code, re.fullmatch(r"[0-9a-f]{64}\n", id) is not None) == (0, True)
        assert program(
            "network", "connect", "--ip", "10.89.0.200", "--alias", "al", "--link", "np-web:lk", "nn", "np-range"
        ) == (0, "", "")
        (found,) = json.loads(both.docker("inspect", "np-range")[1])
        place = found["NetworkSettings"]["Networks"]["nn"]
        assert (place["IPAddress"], place["Links"], "al" in place["Aliases"]) == ("10.89.0.200", ["np-web:lk"], True)
        (net,) = json.loads(both.docker("network", "inspect", "nn")[1])
        wanted = {
            "Subnet": "10.89.0.0/24",
            "Gateway": "10.89.0.9",
            "IPRange": "10.89.0.128/25",
            "AuxiliaryAddresses": {"r": "10.89.0.130"},
        }
        assert (net["IPAM"]["Config"], net["Labels"], net["Attachable"]) == ([wanted], {"k": "v"}, True)
        assert program("network", "disconnect", "nn", "np-range") == (0, "", "")
        assert program("network", "rm", "nn") == (0, "nn\n", "")


def test_prune_tells_what_went(both: Both) -> None:
    for program in (both.docker, both.ours):
        assert both.docker("network", "create", "--label", "prune=me", "gone")[0] == 0
        assert program("network", "prune", "-f", "--filter", "label=prune") == (0, "Deleted Networks:\ngone\n\n", "")


WORDS = [
    "-p 8000-8010:80 -p 81 -p [::1]:82:82/udp -p 1.2.3.4:90-91:92-93 --expose 5-6/udp",
    "-p published=8080,target=80,protocol=udp", "-P --expose 99",
    "--network net2 --ip 10.88.2.77 --network-alias a --network-alias b --link np-web:w --mac-address 02:42:0a:58:02:4d",
    "--network name=net2,alias=x,ip=10.88.2.78,driver-opt=a=b --network name=net10,ip6=fd00:88::9,gw-priority=2",
    "--network container:np-web", "--network host --add-host h:1.2.3.4 --add-host i=[::1] --add-host j:host-gateway",
    "--network none", "--network bridge --link np-range:r", "--link np-range", "--dns 9.9.9.9 --dns ::1 --dns-search x.y. --dns-search . --dns-opt ndots:2 --dns-option a",
    "-h box --domainname d.e", "--network nosuch", "--network-alias a", "--network net2 --network bridge", "--network net2 --network net2",
    "--network name=net2,foo=1", "--ip 1.2.3", "--network net2 --ip 1.2.3", "--mac-address zz", "--dns x", "--add-host x", "--link a:b:c", "-p x", "--expose x",
    "--network host --link np-web", "--link nosuch", "--network host -p 80:80", "--network container:np-web -p 80:80", "--network container:nosuch", "--network container:np-web -h x",
]  # fmt: skip


@pytest.mark.parametrize("words", WORDS)
def test_words_reach_the_engine_the_same(both: Both, words: str, tmp_path: pathlib.Path) -> None:
    seen: list[Any] = []
    for program in (both.docker, both.ours):
        code, id, said = program("create", *words.split(), "busybox")
        if code:
            seen.append((code, _plain(said).partition("\n\n")[0].removeprefix("dockerkit: ").rstrip()))
            continue
        (record,) = json.loads(both.docker("inspect", id.strip())[1])
        both.docker("rm", id.strip())
        host, config = record["HostConfig"], record["Config"]
        networks = {
            name: {**place, "Aliases": [a for a in place["Aliases"] or [] if a != id[:12]], "DNSNames": None}
            for name, place in record["NetworkSettings"]["Networks"].items()
        }
        host["Links"] = [link.replace(record["Name"], "/it") for link in host["Links"] or []]
        seen.append(
            (
                {word: host[word] for word in ("NetworkMode", "PortBindings", "PublishAllPorts", "Links", "ExtraHosts", "Dns", "DnsSearch", "DnsOptions")},
                {word: config.get(word) for word in ("ExposedPorts", "Domainname", "MacAddress")},
                config["Hostname"] if "-h" in words else "",
                networks,
            )
        )  # fmt: skip
    assert seen[1] == seen[0]


def test_what_is_published_is_reached_on_every_address_of_the_host(both: Both) -> None:
    (record,) = json.loads(both.docker("inspect", "np-web")[1])
    assert {binding["HostIp"] for binding in record["NetworkSettings"]["Ports"]["80/tcp"]} == {"0.0.0.0", "::"}
