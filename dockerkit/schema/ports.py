"""Docker's ``-p`` grammar: ``8080:80``, ``127.0.0.1::80/udp``, ``8000-8010:80``, ``[::1]:53:53/udp``. Pure.

Source: ``nat.ParsePortSpec`` of go-connections, whose words the refusals have.
"""

from __future__ import annotations

import re
from ipaddress import ip_address

from dockerkit.errors import Invalid
from dockerkit.schema.network import PortBinding

PROTOCOLS = ("tcp", "udp", "sctp")
HIGHEST = 65535
_RANGE = re.compile(r"(\d+)(?:-(\d+))?", re.ASCII)


def parse_range(text: str) -> tuple[int, int]:
    """Return the first and last port of ``80`` or ``8000-8010``.

    :raises ValueError: it is none.
    """
    found = _RANGE.fullmatch(text)
    if found is None:
        raise ValueError(text)
    first, last = int(found[1]), int(found[2] or found[1])
    if not first <= last <= HIGHEST:
        raise ValueError(text)
    return first, last


def parse_spec(text: str) -> list[tuple[str, PortBinding]]:
    """Return what one ``-p`` binds: a container's port (``80/tcp``) and where, for each port of a range.

    An empty host port is a random one; a range of them for one port of the container is any that is free.

    :raises Invalid: in Docker's words.
    """
    address, host, inside = _parts(text)
    inside, _, protocol = inside.partition("/")
    protocol = protocol or "tcp"
    if not inside:
        raise Invalid(f"no port specified: {text}<empty>", hint="write 8080:80, or 80 for a random port of the host")
    first, last = _read("containerPort", inside)
    host_first, host_last = _read("hostPort", host) if host else (0, 0)
    if host and last - first != host_last - host_first and last != first:
        raise Invalid(f"invalid ranges specified for container and host Ports: {inside} and {host}")
    if protocol.lower() not in PROTOCOLS:
        raise Invalid(f"invalid proto: {protocol}", hint=f"one of {', '.join(PROTOCOLS)}")
    found = []
    for at in range(last - first + 1):
        bound = str(host_first + at) if host else ""
        if host and first == last and host_first != host_last:
            bound = f"{host_first}-{host_last}"
        found.append((f"{first + at}/{protocol.lower()}", PortBinding(host_ip=address, host_port=bound)))
    return found


def _parts(text: str) -> tuple[str, str, str]:
    """Return address, host port and container port; what is not said is empty."""
    outside, _, inside = text.rpartition(":")
    address, _, host = outside.rpartition(":")
    if address.startswith("[") and address.endswith("]"):
        address = address[1:-1]
    if address and not _is_address(address):
        raise Invalid(f"invalid IP address: {address}", hint="write [::1]:8080:80 for an IPv6 address")
    return address, host, inside


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def _read(what: str, text: str) -> tuple[int, int]:
    try:
        return parse_range(text)
    except ValueError:
        raise Invalid(f"invalid {what}: {text}", hint="a number up to 65535, or two with a dash between") from None
