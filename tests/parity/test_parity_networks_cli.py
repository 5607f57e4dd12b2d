"""The real docker command line and its words for networks and ports, against a real dockerd and ours."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from tests.parity.commandline import Docker

QUIET = ("sleep", "1000")


@pytest.fixture
def net(docker: Docker) -> Iterator[str]:
    """A network with a subnet; gone after the test, its containers first."""
    assert docker("network", "create", "--subnet", "10.199.8.0/24", "--label", "a=b", "dkp-cli").code == 0
    yield "dkp-cli"
    for id in docker("ps", "-aq", "--filter", "network=dkp-cli").out.split():
        docker("rm", "-f", id)
    docker("network", "rm", "dkp-cli")


def test_create_list_inspect_remove(docker: Docker, net: str) -> None:
    assert "dkp-cli   bridge    local" in docker("network", "ls").out
    assert docker("network", "ls", "-q", "--filter", "label=a=b", "--format", "{{.Name}}").out == "dkp-cli\n"
    (found,) = json.loads(docker("network", "inspect", net).out)
    assert found["IPAM"]["Config"][0]["Subnet"] == "10.199.8.0/24"
    said = docker("network", "create", net)
    assert (said.code, said.err) == (1, f"Error response from daemon: network with name {net} already exists\n")
    said = docker("network", "rm", "nosuch")
    assert (said.code, "network nosuch not found" in said.err) == (1, True)
    assert docker("network", "create", "dkp-other").code == 0
    assert docker("network", "rm", "dkp-other").out == "dkp-other\n"


def test_prune(docker: Docker) -> None:
    docker("network", "create", "--label", "dkp-prune=1", "dkp-prune")
    assert docker("network", "prune", "-f", "--filter", "label=dkp-prune").out == "Deleted Networks:\ndkp-prune\n\n"


def test_run_with_address_aliases_hosts_and_resolvers(docker: Docker, net: str) -> None:
    words = ["--network", net, "--ip", "10.199.8.77", "--network-alias", "al", "--add-host", "x:1.2.3.4", "--dns", "192.0.2.1"]
    said = docker("run", "-d", *words, "--name", "dkp-run", "busybox", *QUIET)
    assert said.code == 0, said.err
    (found,) = json.loads(docker("inspect", "dkp-run").out)
    place = found["NetworkSettings"]["Networks"][net]
    assert (place["IPAddress"], "al" in place["Aliases"]) == ("10.199.8.77", True)
    inside = docker("exec", "dkp-run", "cat", "/etc/hosts", "/etc/resolv.conf").out
    assert "1.2.3.4\tx\n" in inside
    assert "nameserver 127.0.0.11\n" in inside


def test_connect_and_disconnect(docker: Docker, net: str) -> None:
    docker("run", "-d", "--name", "dkp-run", "busybox", *QUIET)
    assert docker("network", "connect", "--alias", "z", "--ip", "10.199.8.78", net, "dkp-run").code == 0
    assert "inet 10.199.8.78/24" in docker("exec", "dkp-run", "ip", "addr", "show", "eth1").out
    said = docker("network", "rm", net)
    assert (said.code, "has active endpoints" in said.err) == (1, True)
    assert docker("network", "disconnect", net, "dkp-run").code == 0
    assert docker("exec", "dkp-run", "ip", "addr", "show", "eth1").code == 1


def test_ports(docker: Docker) -> None:
    said = docker("run", "-d", "-p", "28090:80", "-p", "127.0.0.1:28091:81/udp", "--name", "dkp-run", "busybox", *QUIET)
    assert said.code == 0, said.err
    assert set(docker("port", "dkp-run").out.splitlines()) == {
        "80/tcp -> 0.0.0.0:28090", "80/tcp -> [::]:28090", "81/udp -> 127.0.0.1:28091",
    }  # fmt: skip
    assert docker("port", "dkp-run", "80").out == "0.0.0.0:28090\n[::]:28090\n"
    row = docker("ps", "--filter", "name=dkp-run", "--format", "{{.Ports}}").out
    assert "0.0.0.0:28090->80/tcp" in row
    said = docker("run", "-d", "-p", "28090:80", "--name", "dkp-two", "busybox", *QUIET)
    assert said.code == 125
    assert "Bind for 0.0.0.0:28090 failed: port is already allocated" in said.err


def test_publish_all(docker: Docker) -> None:
    assert docker("run", "-d", "-P", "--expose", "90", "--name", "dkp-run", "busybox", *QUIET).code == 0
    assert docker("port", "dkp-run", "90/tcp").out.startswith("0.0.0.0:")


def test_links(docker: Docker) -> None:
    docker("run", "-d", "--name", "dkp-lt", "busybox", *QUIET)
    said = docker("run", "--rm", "--link", "dkp-lt:db", "busybox", "ping", "-c", "1", "-W", "5", "db")
    assert said.code == 0, said.out + said.err


def test_alias_needs_a_network_of_one_s_own(docker: Docker) -> None:
    said = docker("run", "-d", "--network-alias", "al", "busybox", *QUIET)
    assert said.code == 125
    assert "network-scoped alias" in said.err


def test_the_three_modes(docker: Docker) -> None:
    docker("run", "-d", "--name", "dkp-run", "--network", "none", "busybox", *QUIET)
    assert "eth0" not in docker("exec", "dkp-run", "ip", "addr").out
    said = docker("run", "--rm", "--network", "container:dkp-run", "busybox", "hostname")
    assert said.out == docker("exec", "dkp-run", "hostname").out
    assert docker("run", "--rm", "--network", "host", "busybox", "true").code == 0
