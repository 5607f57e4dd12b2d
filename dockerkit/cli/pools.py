"""``--subnet``, ``--ip-range``, ``--gateway`` and ``--aux-address``: which belongs to which subnet. Asks nobody.

Source: ``createIPAMConfig`` of the docker program, whose words the refusals have.
"""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Any

from dockerkit.cli.refusals import Failure
from dockerkit.schema.network import IPAMConfig

_PARTS = {"ip_range": ("range", "ranges ({}, {}) on"), "gateway": ("gateway", "gateways ({}, {}) for")}


def pools(said: Mapping[str, Any]) -> list[IPAMConfig]:
    """Return the subnets that were said, each with what is said of it.

    :raises Failure: something belongs to no subnet, or to one that has it already; in Docker's words.
    """
    given = {word: [part for each in said[word] for part in each.split(",")] for word in ("subnet", *_PARTS)}
    if len(given["subnet"]) < max(len(given["ip_range"]), len(given["gateway"])):
        raise Failure("every ip-range or gateway must have a corresponding subnet")
    found: dict[str, IPAMConfig] = {}
    for subnet in given["subnet"]:
        if any(_holds(subnet, other) or _holds(other, subnet) for other in found):
            raise Failure("multiple overlapping subnet configuration is not supported")
        found[subnet] = IPAMConfig(subnet=subnet)
    for word, (called, several) in _PARTS.items():
        for text in given[word]:
            pool = _pool_of(found, text, called)
            if before := getattr(pool, word):
                raise Failure(f"cannot configure multiple {several.format(text, before)} the same subnet ({pool.subnet})")
            setattr(pool, word, text)
    for each in said["aux_address"]:
        name, _, address = each.partition("=")
        _pool_of(found, address, "aux-address").auxiliary_addresses[name] = address
    return list(found.values())


def _pool_of(found: Mapping[str, IPAMConfig], text: str, called: str) -> IPAMConfig:
    for subnet, pool in found.items():
        if _holds(subnet, text):
            return pool
    raise Failure(f"no matching subnet for {called} {text}")


def _holds(subnet: str, text: str) -> bool:
    """Tell whether a subnet has an address, or the address of a subnet.

    :raises Failure: one of them is none.
    """
    try:
        within: IPv4Network | IPv6Network = ip_network(subnet, strict=False)
    except ValueError:
        raise Failure(f"invalid subnet: invalid CIDR address: {subnet}") from None
    try:
        return ip_address(text.partition("/")[0]) in within
    except ValueError:
        if "/" in text:
            raise Failure(f"invalid CIDR address: {text}") from None
        return False
