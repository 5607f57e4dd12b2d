# ruff: noqa: E501 (tables of command lines)
"""What the command line says of networks and ports: refusals in Docker's words, subnets and their parts, ports side by side."""

from __future__ import annotations

from typing import Any

import pytest
from click.testing import CliRunner

from dockerkit.cli.main import main
from dockerkit.cli.pools import pools
from dockerkit.cli.portlist import displayable
from dockerkit.cli.refusals import Failure
from dockerkit.cli.tables import natural

REFUSED = [
    ("-p x", "invalid containerPort: x"), ("-p 70000:80", "invalid hostPort: 70000"), ("-p 80:", "no port specified: 80:<empty>"),
    ("-p 1.2.3:80:80", "invalid IP address: 1.2.3"), ("-p 80/foo", "invalid proto: foo"),
    ("-p 80:90-91", "invalid ranges specified for container and host Ports: 90-91 and 80"),
    ("-p a=1,b", "invalid publish opts format (should be name=value but got 'b')"),
    ("--expose x", 'invalid range format for --expose: x, error: strconv.ParseUint: parsing "x": invalid syntax'),
    ("--expose 70000", 'invalid range format for --expose: 70000, error: strconv.ParseUint: parsing "70000": value out of range'),
    ("--expose 90-80", "invalid range format for --expose: 90-80, error: invalid range specified for port: 90-80"),
    ("--expose 80:90", "invalid port format for --expose: 80:90"),
    ("--link a:b:c", 'invalid argument "a:b:c" for "--link" flag: bad format for links: a:b:c'),
    ("--add-host x", 'invalid argument "x" for "--add-host" flag: bad format for add-host: "x"'),
    ("--add-host x:1.2.3", 'invalid argument "x:1.2.3" for "--add-host" flag: invalid IP address in add-host: "1.2.3"'),
    ("--dns x", 'invalid argument "x" for "--dns" flag: IP address is not correctly formatted: x'),
    ("--dns-search a..b", 'invalid argument "a..b" for "--dns-search" flag: a..b is not a valid domain'),
    ("--mac-address zz", "zz is not a valid mac address"), ("--network name=n1,mac-address=zz", "zz is not a valid mac address"),
    ("--network name=x,foo=1", 'invalid argument "name=x,foo=1" for "--network" flag: invalid field key foo'),
    ("--network alias=x", 'invalid argument "alias=x" for "--network" flag: network name/id is not specified'),
    ("--network name=n1,gw-priority=x", 'invalid argument "name=n1,gw-priority=x" for "--network" flag: invalid gw-priority (x): invalid syntax'),
    ("--network name=n1,driver-opt=a", 'invalid argument "name=n1,driver-opt=a" for "--network" flag: invalid key value pair format in driver options'),
    ("--network name=n1,ip=x --ip 1.2.3.4", "conflicting options: cannot specify both --ip and per-network IPv4 address"),
    ("--network name=n1,alias=a --network-alias b", "conflicting options: cannot specify both --network-alias and per-network alias"),
    ("--network bridge --network-alias b", "network-scoped aliases are only supported for user-defined networks"),
    ("--network n1 --network bridge", "conflicting options: cannot attach both user-defined and non-user-defined network-modes"),
    ("--network n1 --network n1", 'network "n1" is specified multiple times'), ("--network=", "no name set for network"),
]  # fmt: skip


@pytest.mark.parametrize(("words", "said"), REFUSED, ids=[words for words, _ in REFUSED])
def test_what_cannot_be_is_refused_in_dockers_words_before_any_engine_is_asked(words: str, said: str) -> None:
    ran = CliRunner().invoke(main, ["-H", "unix:///nowhere", "create", *words.split(), "busybox"])
    assert ran.exit_code == 125
    assert ran.output.splitlines()[0].removeprefix("main: ") == said


def _said(**words: Any) -> dict[str, Any]:
    return {"subnet": (), "ip_range": (), "gateway": (), "aux_address": (), **words}


def test_parts_belong_to_the_subnets_they_are_in() -> None:
    first, second = pools(
        _said(
            subnet=("10.1.0.0/16,fd00::/64",),
            ip_range=("10.1.5.0/24",),
            gateway=("fd00::1", "10.1.0.1"),
            aux_address=("a=10.1.9.9",),
        )
    )
    assert (first.subnet, first.ip_range, first.gateway) == ("10.1.0.0/16", "10.1.5.0/24", "10.1.0.1")
    assert first.auxiliary_addresses == {"a": "10.1.9.9"}
    assert (second.subnet, second.gateway) == ("fd00::/64", "fd00::1")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ({"gateway": ("1.2.3.4",)}, "every ip-range or gateway must have a corresponding subnet"),
        ({"subnet": ("10.1.0.0/16", "10.1.1.0/24")}, "multiple overlapping subnet configuration is not supported"),
        ({"subnet": ("10.1.0.0/16",), "gateway": ("zz",)}, "no matching subnet for gateway zz"),
        ({"subnet": ("10.1.0.0/16",), "ip_range": ("10.2.0.0/24",)}, "no matching subnet for range 10.2.0.0/24"),
        ({"subnet": ("10.1.0.0/16",), "aux_address": ("a=1.2.3.4",)}, "no matching subnet for aux-address 1.2.3.4"),
        (
            {"subnet": ("10.1.0.0/16", "10.2.0.0/16"), "gateway": ("10.1.0.1", "10.1.0.2")},
            "cannot configure multiple gateways (10.1.0.2, 10.1.0.1) for the same subnet (10.1.0.0/16)",
        ),
    ],
)
def test_what_belongs_to_no_subnet_is_refused(words: dict[str, Any], said: str) -> None:
    with pytest.raises(Failure) as caught:
        pools(_said(**words))
    assert caught.value.message == said


def _port(private: int, kind: str = "tcp", public: int = 0, address: str = "") -> dict[str, Any]:
    said: dict[str, Any] = {"PrivatePort": private, "Type": kind}
    return {**said, "PublicPort": public, "IP": address} if public else said


def test_ports_side_by_side_are_shown_as_one() -> None:
    assert displayable([]) == ""
    assert displayable([_port(82), _port(80), _port(81), _port(90, "udp"), _port(53, "udp")]) == "53/udp, 90/udp, 80-82/tcp"
    both = [_port(n, "tcp", n, address) for n in (80, 81) for address in ("0.0.0.0", "::")]
    assert displayable(both) == "0.0.0.0:80-81->80-81/tcp, [::]:80-81->80-81/tcp"
    moved = [_port(80, "tcp", 8080, "0.0.0.0"), _port(80, "tcp", 8080, "::"), _port(81)]
    assert displayable(moved) == "81/tcp, 0.0.0.0:8080->80/tcp, [::]:8080->80/tcp"


def test_names_are_ordered_as_people_count() -> None:
    assert sorted(["v10", "v2", "a"], key=natural) == ["a", "v2", "v10"]
