"""Docker's words for ports: ``80/tcp``, ``8000-8010``, bindings of a host; read and written. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from ipaddress import ip_address
from typing import NamedTuple, cast

from dockerkit.daemon.engine.networks.fabric import Published
from dockerkit.daemon.networks.model import Protocol
from dockerkit.errors import Invalid
from dockerkit.schema.container import ContainerConfig, HostConfig
from dockerkit.schema.network import PortBinding

PROTOCOLS = ("tcp", "udp", "sctp")
HIGHEST = 65535


class Wish(NamedTuple):
    """A port that is to be published: any host port from `first` to `last`, of the host's choosing when they are 0.

    ``host_address`` is empty for all addresses of both families.
    """

    protocol: Protocol
    container_port: int
    host_address: str
    first: int
    last: int


def port(text: str) -> tuple[int, Protocol]:
    """Read ``80/tcp``; the protocol is TCP when none is named.

    :raises Invalid: in Docker's words.
    """
    number, _, protocol = text.partition("/")
    protocol = protocol.lower() or "tcp"
    if not number.isdecimal() or not 0 < int(number) <= HIGHEST or protocol not in PROTOCOLS:
        raise Invalid(f'invalid port specification: "{number if protocol in PROTOCOLS else text}"', hint="write 80/tcp")
    return int(number), cast(Protocol, protocol)


def name(number: int, protocol: str) -> str:
    """Return a port as Docker writes it."""
    return f"{number}/{protocol}"


def exposed(config: ContainerConfig) -> list[str]:
    """Return the ports a container says it listens on, each as Docker writes it, ranges taken apart.

    :raises Invalid: one is malformed.
    """
    found = []
    for text in config.exposed_ports or ():
        numbers, _, protocol = text.partition("/")
        first, _, last = numbers.partition("-")
        low, kind = port(f"{first}/{protocol}")
        high, _ = port(f"{last or first}/{protocol}")
        found += [name(number, kind) for number in range(low, high + 1)]
    return found


def wishes(config: ContainerConfig, host: HostConfig, everywhere: str = "") -> list[Wish]:
    """Return what a container wants published, those it names first.

    :param everywhere: the address that stands for all when a binding names none.
    :raises Invalid: a port, a range or an address is malformed; in Docker's words.
    """
    found = bound(host.port_bindings, everywhere)
    if host.publish_all_ports:
        named = {(wish.container_port, wish.protocol) for wish in found}
        left = [port(text) for text in exposed(config)]
        found += [Wish(protocol, number, everywhere, 0, 0) for number, protocol in left if (number, protocol) not in named]
    return found


def bound(bindings: Mapping[str, list[PortBinding] | None], everywhere: str = "") -> list[Wish]:
    """Return the wishes of Docker's ``PortBindings``; no binding at all for a port is one of the host's choosing."""
    found = []
    for text, places in bindings.items():
        number, protocol = port(text)
        for place in places or ():
            first, last = _host_range(place.host_port)
            found.append(Wish(protocol, number, _host_address(place.host_ip) or everywhere, first, last))
    return found


def _host_range(text: str) -> tuple[int, int]:
    first, dash, last = text.partition("-")
    numbers = (first, last) if dash else (first,)
    if not text:
        return 0, 0
    if any(not number.isdecimal() or int(number) > HIGHEST for number in numbers) or int(numbers[-1]) < int(first):
        raise Invalid(f'invalid port specification: "{text}"', hint="write a port, a range such as 8000-8010, or nothing")
    return int(first), int(numbers[-1])


def _host_address(text: str) -> str:
    if not text:
        return ""
    try:
        return str(ip_address(text.strip("[]")))
    except ValueError:
        raise Invalid(f'invalid IP address in port mapping: "{text}"', hint="give an address of the host") from None


def shown(published: Iterable[Published], exposes: Iterable[str]) -> dict[str, list[PortBinding] | None]:
    """Return ``NetworkSettings.Ports``: the bindings of each port, None for one that is exposed only."""
    found: dict[str, list[PortBinding] | None] = {}
    for one in published:
        places = found.setdefault(name(one.container_port, one.protocol), [])
        assert places is not None
        places.append(PortBinding(host_ip=one.host_address, host_port=str(one.host_port)))
    return found | {text: None for text in exposes if text not in found}


def published_of(ports: Mapping[str, list[PortBinding] | None]) -> list[Published]:
    """Return what is published according to ``NetworkSettings.Ports``."""
    return [
        Published(protocol, number, place.host_ip, int(place.host_port))
        for text, places in ports.items()
        for number, protocol in [port(text)]
        for place in places or ()
    ]


def matches(wanted: str, ports: Iterable[tuple[int, str]]) -> bool:
    """Tell whether a filter's value (``80``, ``80/udp``, ``80-90/tcp``) fits one of `ports`.

    :raises Invalid: it is no port; in Docker's words.
    """
    numbers, _, protocol = wanted.partition("/")
    first, dash, last = numbers.partition("-")
    if not first.isdecimal() or (dash and not last.isdecimal()):
        words = f'strconv.ParseUint: parsing "{numbers}": invalid syntax'
        raise Invalid(f"error while looking up for publish {wanted}: {words}", hint="write 80, 80/udp or 8000-8010")
    low, high = int(first), int(last or first)
    return any(low <= number <= high and kind == (protocol.lower() or "tcp") for number, kind in ports)
