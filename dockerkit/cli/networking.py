"""``--network``, ``-p`` and all else that ``run`` and ``create`` say of networks, in Docker's grammar and words. Asks nobody.

What is published here is bound on every address of the host, as Docker has it: only the client's own ``publish()`` takes
127.0.0.1 when nothing was said.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Any

import click

from dockerkit.cli.attachment import Attachment, read_attachment
from dockerkit.cli.sizes import quoted
from dockerkit.cli.word import options
from dockerkit.errors import Invalid
from dockerkit.schema.container import CreateRequest
from dockerkit.schema.network import PortBinding
from dockerkit.schema.ports import parse_range, parse_spec

_LABEL = r"(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])"
_DOMAIN = re.compile(rf"({_LABEL}(?:\.{_LABEL})*)\.?\s*", re.ASCII)
_LONGEST_DOMAIN = 255
GATEWAY = "host-gateway"
"""Docker's word for the host's own address, which the engine knows."""


@dataclass
class Networking:
    """What was said: attachments to networks, ports, names."""

    attachments: list[Attachment]
    links: list[str] = field(default_factory=list)
    ports: dict[str, list[PortBinding] | None] = field(default_factory=dict)
    exposed: list[str] = field(default_factory=list)
    publish_all: bool = False
    search: list[str] = field(default_factory=list)
    resolver: list[str] = field(default_factory=list)
    domain: str = ""

    def apply(self, request: CreateRequest) -> None:
        """Put it into a request."""
        host = request.host_config
        host.network_mode = self.attachments[0].target
        request.networking_config = {"EndpointsConfig": {one.target: one.settings() for one in self.attachments}}
        host.links = self.links or None
        host.port_bindings = self.ports
        if keys := dict.fromkeys([*self.ports, *self.exposed]):
            request.exposed_ports = {key: {} for key in keys}
        host.publish_all_ports = self.publish_all
        host.dns_search, host.dns_options = self.search, self.resolver
        request.domainname = self.domain


def read_networking(said: Mapping[str, Any]) -> Networking:
    """Return what the flags said.

    :raises Invalid: words that contradict each other, or ports that are none; in Docker's words.
    """
    exposed = [key for each in said["expose"] for key in read_expose(each)]
    return Networking(
        _attachments(said),
        list(said["link"]),
        read_ports(said["publish"]),
        exposed,
        said["publish_all_ports"],
        search=list(said["dns_search"]),
        resolver=list(said["dns_options"]),
        domain=said["domainname"],
    )


def _attachments(said: Mapping[str, Any]) -> list[Attachment]:
    wanted = list(said["network"]) or [Attachment("default")]
    wanted[0] = wanted[0].with_flags(said)
    seen: set[str] = set()
    for one in wanted:
        one.check()
        if one.target in seen:
            raise Invalid(f'network "{one.target}" is specified multiple times')
        seen.add(one.target)
    if len({one.of_somebodys_own for one in wanted}) > 1:
        raise Invalid("conflicting options: cannot attach both user-defined and non-user-defined network-modes")
    return wanted


def read_ports(said: Iterable[str]) -> dict[str, list[PortBinding] | None]:
    """Return what ``-p`` binds, by container port.

    :raises Invalid: in Docker's words.
    """
    found: dict[str, list[PortBinding] | None] = {}
    for each in said:
        for key, binding in parse_spec(_short(each) if "=" in each else each):
            found[key] = [*(found.get(key) or []), binding]
    return found


def _short(said: str) -> str:
    """Return ``published=80,target=8080,protocol=udp`` in the usual form."""
    words = {"protocol": "tcp", "published": "", "target": ""}
    for each in said.split(","):
        name, equals, value = each.partition("=")
        if not equals or not name:
            raise Invalid(f"invalid publish opts format (should be name=value but got '{each}')")
        words[name] = value
    return f"{words['published']}:{words['target']}/{words['protocol']}"


def read_expose(said: str) -> list[str]:
    """Return the ports of one ``--expose``: ``80``, ``53/udp``, ``8000-8010``.

    :raises Invalid: in Docker's words.
    """
    if ":" in said:
        raise Invalid(f"invalid port format for --expose: {said}")
    numbers, _, protocol = said.partition("/")
    try:
        first, last = parse_range(numbers)
    except ValueError:
        raise Invalid(f"invalid range format for --expose: {said}, error: {_wrong_with(numbers)}") from None
    return [f"{number}/{protocol or 'tcp'}" for number in range(first, last + 1)]


def _wrong_with(text: str) -> str:
    """Return what Docker says of a port, or a range of them, that is none."""
    for part in text.split("-", 1):
        if not (part.isascii() and part.isdecimal()):
            return f'strconv.ParseUint: parsing "{part}": invalid syntax' if text else "empty string specified for ports"
        if int(part) >= 2**16:
            return f'strconv.ParseUint: parsing "{part}": value out of range'
    return f"invalid range specified for port: {text}"


# the flags whose values are read as they are said


def read_link(said: str) -> str:
    """Return one ``--link``: ``name:alias``, or a name alone for both.

    :raises Invalid: in Docker's words.
    """
    if not said:
        raise Invalid("empty string specified for links")
    if said.count(":") > 1:
        raise Invalid(f"bad format for links: {said}")
    return said


def read_host(said: str) -> str:
    """Return one ``--add-host``, ``name:address`` or ``name=address``, as the engine takes it.

    :raises Invalid: in Docker's words.
    """
    name, _, address = said.partition("=" if "=" in said else ":")
    if not name or ":" in name or not address:
        raise Invalid(f'bad format for add-host: "{said}"')
    if address != GATEWAY:
        address = address[1:-1] if address.startswith("[") and address.endswith("]") else address
        if not _is_address(address):
            raise Invalid(f'invalid IP address in add-host: "{address}"')
    return f"{name}:{address}"


def read_server(said: str) -> str:
    """Return one ``--dns``.

    :raises Invalid: no address; in Docker's words.
    """
    if not _is_address(said.strip()):
        raise Invalid(f"IP address is not correctly formatted: {said}")
    return str(ip_address(said.strip()))


def read_domain(said: str) -> str:
    """Return one ``--dns-search``; a dot alone is none at all.

    :raises Invalid: no domain; in Docker's words.
    """
    text = said.strip(" ")
    if text == ".":
        return text
    found = _DOMAIN.fullmatch(text)
    if found is None or len(found[1]) >= _LONGEST_DOMAIN or not re.search("[a-zA-Z]", text):
        raise Invalid(f"{text} is not a valid domain")
    return found[1]


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def _each(flag: str, word: str, metavar: str, help: str, read: Callable[[str], Any]) -> Callable[[Any], Any]:
    """Return an option that may be said often, each value read at once."""
    names = flag.split("/")

    def checked(ctx: click.Context, parameter: click.Parameter, said: tuple[str, ...]) -> tuple[Any, ...]:
        try:
            return tuple(map(read, said))
        except Invalid as error:
            wrong = next(each for each in said if _refused(read, each))
            words = f'invalid argument {quoted(wrong)} for "{names[0]}" flag: {error.message}'
            raise click.UsageError(words, ctx=ctx) from None

    return click.option(*names, word, metavar=metavar, help=help, multiple=True, callback=checked)


def _refused(read: Callable[[str], Any], said: str) -> bool:
    try:
        read(said)
    except Invalid:
        return True
    return False


network_flags = options(
    _each(
        "--network/--net", "network", "NETWORK", "Connect to this network; name=NAME,alias=…,ip=… says more.", read_attachment
    ),
    click.option(
        "--network-alias", "--net-alias", "network_alias", metavar="NAME", multiple=True, help="Call it so too, on its network."
    ),
    click.option("--ip", metavar="ADDRESS", default="", help="Have this IPv4 address on its network."),
    click.option("--ip6", metavar="ADDRESS", default="", help="Have this IPv6 address on its network."),
    click.option("--mac-address", "mac_address", metavar="ADDRESS", default="", help="Have this MAC address on its network."),
    click.option("--link-local-ip", "link_local_ip", metavar="ADDRESS", multiple=True, help="Have this address, too."),
    _each("--link", "link", "CONTAINER[:ALIAS]", "Know another container by this name.", read_link),
    click.option("-p", "--publish", "publish", metavar="PORTS", multiple=True, help="Make a port reachable from the host."),
    click.option("-P", "--publish-all", "publish_all_ports", is_flag=True, help="Publish all exposed ports, on random ones."),
    click.option("--expose", metavar="PORTS", multiple=True, help="Say that it listens on a port."),
    _each("--add-host", "extra_host", "NAME:ADDRESS", "Write a name into /etc/hosts.", read_host),
    _each("--dns", "dns", "ADDRESS", "Ask this name server.", read_server),
    _each("--dns-search", "dns_search", "DOMAIN", "Look for names in this domain, too.", read_domain),
    click.option(
        "--dns-option", "--dns-opt", "dns_options", metavar="OPTION", multiple=True, help="An option of the resolver's."
    ),
    click.option("--domainname", metavar="NAME", default="", help="Let it think that its host's domain is called so."),
)
"""The flags of ``run`` and ``create`` that are about networks."""
