"""Whether a network that is asked for can be had; in Docker's words. Pure.

Source: moby 28 ``daemon/network.go``, ``libnetwork``; words proven on a real dockerd in ``tests/parity``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from ipaddress import ip_address, ip_network

from dockerkit.daemon.engine.networks.predefined import RESERVED
from dockerkit.daemon.engine.networks.record import FALSE, HOST_BINDING, ICC, MASQUERADE, MTU, PREFIX, TRUE, pool_of
from dockerkit.daemon.networks.model import Pool
from dockerkit.errors import Conflict, Invalid, NotAllowed, NotFound, Unsupported
from dockerkit.schema.network import IPAM, IPAMConfig, NetworkCreate

DRIVERS = ("bridge", "macvlan", "ipvlan")
_SINGLE = ("host", "null")
_GATEWAY_MODES = (f"{PREFIX}bridge.gateway_mode_ipv4", f"{PREFIX}bridge.gateway_mode_ipv6")
_LEAST_MTU, _MOST_MTU = 68, 65535


def judge(request: NetworkCreate) -> None:
    """Refuse what is malformed, forbidden, or not offered here; addresses are judged by :func:`pools`.

    :raises Invalid: a name or an option is malformed.
    :raises NotAllowed: a name or a driver that is the engine's own; a swarm's network.
    :raises NotFound: there is no such driver.
    :raises Unsupported: a configuration that is borrowed from another network.
    """
    _check_name(request.name)
    _check_scope(request)
    _check_driver(request)
    if request.config_from is not None and request.config_from.network:
        raise Unsupported(
            f"a network cannot borrow its configuration from network {request.config_from.network} in this engine",
            hint="give the subnets and options to the network itself",
        )
    if request.ipam is not None and request.ipam.driver not in ("", "default"):
        raise NotFound(f'plugin "{request.ipam.driver}" not found', hint="there is the IPAM driver default only")
    _check_options(request.options)


def _check_name(name: str) -> None:
    if not name.strip():
        raise Invalid(f"invalid network name: name is empty{'' if not name else ': ' + repr(name)}", hint="name the network")
    if name in RESERVED:
        raise NotAllowed(f"operation is not permitted on predefined {name} network", hint="choose another name")
    if name.startswith("container:") or any(ord(letter) < 32 for letter in name):
        raise Invalid(f"invalid network name: {name!r}", hint="a name without control characters")


def _check_scope(request: NetworkCreate) -> None:
    if request.scope not in ("", "local"):
        raise NotAllowed(f"cannot create a {request.scope} scoped network when swarm is not active", hint="leave the scope out")
    if request.ingress:
        raise NotAllowed("Ingress network can only be global scope network", hint="ingress networks are a swarm's")


def _check_driver(request: NetworkCreate) -> None:
    driver = request.driver or "bridge"
    if driver in _SINGLE:
        raise NotAllowed(f'only one instance of "{driver}" network is allowed', hint="use the network that is there")
    if driver == "overlay":
        raise NotAllowed(
            'This node is not a swarm manager. Use "docker swarm init" or "docker swarm join" to connect this node to swarm '
            "and try again.",
            hint=f"drivers here: {', '.join(DRIVERS)}",
        )
    if driver not in DRIVERS:
        raise NotFound(f'plugin "{driver}" not found', hint=f"drivers here: {', '.join(DRIVERS)}")


def _check_options(options: Mapping[str, str]) -> None:
    for name in (ICC, MASQUERADE):
        if options.get(name, "true") not in (*TRUE, *FALSE):
            raise Invalid(f"failed to parse {name} value: {options[name]} (strconv.ParseBool: invalid syntax)")
    mtu = options.get(MTU)
    if mtu is not None and not mtu.isdecimal():
        raise Invalid(f'failed to parse {MTU} value: {mtu} (strconv.Atoi: parsing "{mtu}": invalid syntax)')
    if mtu is not None and not (int(mtu) == 0 or _LEAST_MTU <= int(mtu) <= _MOST_MTU):
        raise Invalid(f"invalid MTU number: {mtu}", hint=f"from {_LEAST_MTU} to {_MOST_MTU}")
    if options.get(HOST_BINDING):
        _address(options[HOST_BINDING], f"failed to parse {HOST_BINDING} value: {options[HOST_BINDING]}")
    for name in _GATEWAY_MODES:
        if options.get(name, "nat") != "nat":
            raise Unsupported(f"{name}={options[name]} is not offered by this engine", hint="the gateway mode may be nat")


def pools(ipam: IPAM | None) -> list[Pool]:
    """Return the subnets that were given; gateways that were left out are left out.

    :raises Invalid: one is malformed, or its parts contradict each other.
    """
    found = [_pool(config) for config in (ipam.config if ipam else [])]
    for number, pool in enumerate(found):
        for other in found[:number]:
            if pool.subnet.version == other.subnet.version and ip_network(pool.subnet).overlaps(ip_network(other.subnet)):
                raise NotAllowed("invalid pool request: Pool overlaps with other one on this address space")
    return found


def _pool(config: IPAMConfig) -> Pool:
    try:
        subnet = ip_network(config.subnet)
    except ValueError as error:
        raise Invalid(f"invalid network config:\ninvalid subnet {config.subnet}: {_why(config.subnet, error)}") from None
    if config.ip_range:
        try:
            within = ip_network(config.ip_range, strict=False)
        except ValueError:
            raise Invalid(f"invalid network config:\ninvalid ip-range {config.ip_range}: invalid CIDR block notation") from None
        if within[0] not in subnet or within[-1] not in subnet:
            words = f"invalid ip-range {config.ip_range}: CIDR block is bigger than parent subnet {config.subnet}"
            raise Invalid(f"invalid network config:\n{words}")
    for what, text in (("gateway", config.gateway), *(("auxiliary", at) for at in config.auxiliary_addresses.values())):
        if text:
            address = _address(
                text.partition("/")[0], f"invalid network config:\ninvalid {what} address {text}: invalid address"
            )
            if address not in subnet:
                words = f"invalid {what} address {text}: parent subnet {subnet} doesn't contain this address"
                raise Invalid(f"invalid network config:\n{words}")
    return pool_of(config)


def _why(text: str, error: ValueError) -> str:
    try:
        whole = ip_network(text, strict=False)
    except ValueError:
        return "invalid CIDR block notation"
    return f"it should be {whole}" if "/" in text else f"invalid CIDR block notation ({error})"


def _address(text: str, words: str) -> object:
    try:
        return ip_address(text)
    except ValueError:
        raise Invalid(words) from None


def check_families(found: Sequence[Pool], *, ipv4: bool, ipv6: bool) -> None:
    """Refuse subnets of a family that is switched off.

    :raises Invalid: an IPv6 subnet on a network without IPv6; or no family at all.
    """
    if not ipv4 and not ipv6:
        raise Invalid("IPv4 or IPv6 must be enabled")
    if not ipv4 and any(pool.subnet.version == 4 for pool in found):
        raise Invalid("invalid network config:\nIPv4 is disabled, but an IPv4 subnet was given")


def check_free(name: str, names: Sequence[str]) -> None:
    """Refuse a name that a network has.

    :raises Conflict: in Docker's words.
    """
    if name in names:
        raise Conflict(f"network with name {name} already exists", hint="choose another name, or remove that network")
