"""One ``--network``: a name, or ``name=NAME,alias=…,ip=…``; and what flags beside it say of the first. Asks nobody.

Source: ``NetworkOpt`` of the docker program, whose words the refusals have.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from msgspec import to_builtins

from dockerkit.errors import Invalid
from dockerkit.schema.network import EndpointIPAMConfig, EndpointSettings

_LONG = re.compile(r"\w+=\w+(,\w+=\w+)*", re.ASCII)
_MAC = re.compile(r"(?:[0-9a-f]{2}([:-]))(?:[0-9a-f]{2}\1){4}[0-9a-f]{2}|(?:[0-9a-f]{4}\.){2}[0-9a-f]{4}", re.IGNORECASE)
_ENGINES_OWN = ("default", "bridge", "host", "none", "nat")


@dataclass(frozen=True)
class Attachment:
    """A network that a container is to be on, and as what."""

    target: str
    aliases: tuple[str, ...] = ()
    links: tuple[str, ...] = ()
    ip: str = ""
    ip6: str = ""
    mac: str = ""
    link_local: tuple[str, ...] = ()
    driver_options: Mapping[str, str] = field(default_factory=dict)
    priority: int = 0

    @property
    def of_somebodys_own(self) -> bool:
        """Whether it is none of Docker's own networks, and not another container's."""
        return self.target not in _ENGINES_OWN and not self.target.startswith("container:")

    def with_flags(self, said: Mapping[str, Any]) -> Attachment:
        """Return it with what ``--network-alias``, ``--ip`` and their like say; a link is one only on networks with names.

        :raises Invalid: the same was said here and there; in Docker's words.
        """
        told = {
            "aliases": (tuple(said["network_alias"]), "--network-alias", "alias"),
            "ip": (said["ip"], "--ip", "IPv4 address"),
            "ip6": (said["ip6"], "--ip6", "IPv6 address"),
            "mac": (said["mac_address"], "--mac-address", "MAC address"),
            "link_local": (tuple(said["link_local_ip"]), "--link-local-ip", "link-local IP addresses"),
        }
        for name, (value, flag, what) in told.items():
            if value and getattr(self, name):
                raise Invalid(f"conflicting options: cannot specify both {flag} and per-network {what}")
        changed: dict[str, Any] = {name: value for name, (value, _, _) in told.items() if value}
        if said["link"] and self.of_somebodys_own:
            changed["links"] = tuple(said["link"])
        return replace(self, **changed)

    def check(self) -> None:
        """Refuse what cannot be, before any engine is asked.

        :raises Invalid: in Docker's words.
        """
        if not self.target.strip():
            raise Invalid("no name set for network")
        if self.aliases and not self.of_somebodys_own:
            raise Invalid("network-scoped aliases are only supported for user-defined networks")
        if self.mac:
            valid_mac(self.mac)

    def settings(self) -> dict[str, Any]:
        """Return it as the engine takes it."""
        addresses = EndpointIPAMConfig(ipv4_address=self.ip, ipv6_address=self.ip6, link_local_ips=list(self.link_local))
        wish = EndpointSettings(
            ipam_config=addresses if self.ip or self.ip6 or self.link_local else None,
            links=list(self.links) or None,
            aliases=list(self.aliases) or None,
            driver_opts=dict(self.driver_options) or None,
            mac_address=self.mac,
            gw_priority=self.priority,
        )
        said: dict[str, Any] = to_builtins(wish)
        return {name: value for name, value in said.items() if value}


def valid_mac(text: str) -> str:
    """Return a MAC address.

    :raises Invalid: it is none; in Docker's words.
    """
    if not _MAC.fullmatch(text.strip()):
        raise Invalid(f"{text} is not a valid mac address", hint="write 02:42:ac:11:00:02")
    return text


def read_attachment(said: str) -> Attachment:
    """Return what one ``--network`` says.

    :raises Invalid: in Docker's words.
    """
    if not _LONG.search(said):
        return Attachment(said)
    words: dict[str, Any] = {}
    for each in next(csv.reader([said])):
        key, equals, value = each.lower().partition("=")
        key, value = key.strip(), value.strip()
        if not equals or not key:
            raise Invalid(f"invalid field {each}")
        if key not in _KEYS:
            raise Invalid(f"invalid field key {key}")
        _KEYS[key](words, value)
    if not words.get("target"):
        raise Invalid("network name/id is not specified")
    return Attachment(**words)


def _one(name: str) -> Callable[[dict[str, Any], str], None]:
    return lambda words, value: words.__setitem__(name, value)


def _more(name: str) -> Callable[[dict[str, Any], str], None]:
    return lambda words, value: words.__setitem__(name, (*words.get(name, ()), value))


def _option(words: dict[str, Any], value: str) -> None:
    name, equals, rest = value.partition("=")
    if not equals or not name:
        raise Invalid("invalid key value pair format in driver options")
    words["driver_options"] = {**words.get("driver_options", {}), name.strip(): rest.strip()}


def _priority(words: dict[str, Any], value: str) -> None:
    try:
        words["priority"] = int(value)
    except ValueError:
        raise Invalid(f"invalid gw-priority ({value}): invalid syntax") from None


_KEYS: dict[str, Callable[[dict[str, Any], str], None]] = {
    "name": _one("target"),
    "alias": _more("aliases"),
    "ip": _one("ip"),
    "ip6": _one("ip6"),
    "mac-address": _one("mac"),
    "link-local-ip": _more("link_local"),
    "driver-opt": _option,
    "gw-priority": _priority,
}
