"""Which networks a container is to be on and what it asks of each; judged when it is created or connected.

Source: moby 28 ``daemon/container_operations.go``, ``daemon/network.go``; words proven on a real dockerd.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from msgspec import UnsetType
from msgspec.structs import replace

from dockerkit.daemon.engine.networks.entries import NetworkEntries, NetworkEntry
from dockerkit.errors import Conflict, Invalid
from dockerkit.schema.container import ContainerConfig, CreateRequest, HostConfig
from dockerkit.schema.network import EndpointSettings, NetworkingConfig
from dockerkit.schema.wire import convert

SHARED = "container:"
DEFAULT = "bridge"
_BUILT_IN = ("", "default", DEFAULT, "host", "none")
_MAC = re.compile(r"[0-9a-fA-F]{2}([:-][0-9a-fA-F]{2}){5}")


def user_defined(mode: str) -> bool:
    """Tell whether a network mode names a network of somebody's own."""
    return mode not in _BUILT_IN and not mode.startswith(SHARED)


def endpoints(networks: NetworkEntries, request: CreateRequest) -> dict[str, EndpointSettings]:
    """Return what a new container asks of each of its networks, by the network's name where there is one already.

    :raises Invalid: an address or an alias that cannot be; in Docker's words.
    :raises Conflict: networks that exclude each other.
    """
    mode = request.host_config.network_mode
    if mode.startswith(SHARED) or request.network_disabled is True:
        return {}
    given = convert(request.networking_config, NetworkingConfig).endpoints_config
    asked = {_name(networks, name): asked_of(settings) for name, settings in given.items()}
    main = DEFAULT if mode in ("", "default") else _name(networks, mode)
    if not asked or (user_defined(mode) and main not in asked):
        asked = {main: EndpointSettings()} | asked
    first = main if main in asked else next(iter(asked))
    asked[first] = _with_mac(asked[first], request)
    _check_company(mode, asked)
    for name, settings in asked.items():
        check(networks.find(name), name, settings)
    return {first: asked[first]} | asked


def _name(networks: NetworkEntries, ref: str) -> str:
    ref = DEFAULT if ref == "default" else ref
    found = networks.find(ref)
    return found.record.name if found else ref


def asked_of(settings: EndpointSettings | None) -> EndpointSettings:
    """Return a wish without what only an engine can say."""
    if settings is None:
        return EndpointSettings()
    return EndpointSettings(
        ipam_config=settings.ipam_config,
        links=settings.links,
        aliases=settings.aliases,
        mac_address=settings.mac_address,
        driver_opts=settings.driver_opts,
        gw_priority=settings.gw_priority,
    )


def _with_mac(settings: EndpointSettings, config: ContainerConfig) -> EndpointSettings:
    """The container's own MAC, of API versions before 1.44, is that on its main network."""
    if isinstance(config.mac_address, UnsetType) or not config.mac_address:
        return settings
    if settings.mac_address and settings.mac_address.lower() != config.mac_address.lower():
        raise Invalid(
            "the container-wide MAC address must match the endpoint-specific MAC address for the main network, or be left empty"
        )
    return replace(settings, mac_address=config.mac_address)


def _check_company(mode: str, asked: Iterable[str]) -> None:
    names = set(asked)
    if mode == "host" and names - {"host"}:
        raise Conflict(
            "container cannot be connected to host network together with others", hint="leave the other networks out"
        )
    if len(names) > 1 and "none" in names:
        raise Invalid("container cannot be connected to multiple networks with one of the networks in private (none) mode")
    if "host" in names and mode != "host":
        raise Invalid("container cannot be disconnected from host network or connected to host network")


def check(entry: NetworkEntry | None, name: str, settings: EndpointSettings) -> None:
    """Refuse what cannot be had on a network.

    :param entry: the network, None when it is not there yet: it may come before the container starts.
    :raises Invalid: in Docker's words.
    """
    mistakes = [*_mistakes(name, settings)]
    if entry is not None and not mistakes:
        mistakes += _misplaced(entry, settings)
    if mistakes:
        raise Invalid(f"invalid config for network {name}: invalid endpoint settings:\n" + "\n".join(mistakes))


def _mistakes(name: str, settings: EndpointSettings) -> Iterable[str]:
    ipam = settings.ipam_config
    if settings.mac_address and not _MAC.fullmatch(settings.mac_address):
        yield f"address {settings.mac_address}: invalid MAC address"
    if ipam is not None:
        for version, text in ((4, ipam.ipv4_address), (6, ipam.ipv6_address)):
            if text and not _is_address(text, version):
                yield f"invalid IPv{version} address: {text}"
        for text in ipam.link_local_ips:
            if not _is_address(text):
                yield f"invalid link-local IP address: {text}"
        if (ipam.ipv4_address or ipam.ipv6_address) and not user_defined(name):
            yield "user specified IP address is supported on user defined networks only"
    if settings.aliases and not user_defined(name):
        yield "network-scoped alias is supported only for containers in user defined networks"


def _misplaced(entry: NetworkEntry, settings: EndpointSettings) -> Iterable[str]:
    ipam = settings.ipam_config
    subnets = [ip_network(config.subnet, strict=False) for config in entry.record.ipam.config]
    for text in (ipam.ipv4_address, ipam.ipv6_address) if ipam else ():
        if text and not any(ip_address(text) in subnet for subnet in subnets):
            yield f"no configured subnet or ip-range contain the IP address {text}"


def _is_address(text: str, version: int = 0) -> bool:
    kinds = {4: IPv4Address, 6: IPv6Address}
    try:
        (kinds[version] if version else ip_address)(text)
    except ValueError:
        return False
    return True


def check_extra_hosts(host: HostConfig) -> None:
    """Refuse malformed ``--add-host``.

    :raises Invalid: in Docker's words.
    """
    for entry in host.extra_hosts or ():
        name, colon, address = entry.partition(":")
        if not colon or not name:
            raise Invalid(f'bad format for add-host: "{entry}"', hint="write name:address")
        if address != "host-gateway" and not _is_address(address.strip("[]")):
            raise Invalid(f'invalid IP address in add-host: "{address}"')
