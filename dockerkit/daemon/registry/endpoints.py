"""A registry's name → where it is asked, in which order, and under which rules. Pure: resolves nothing, connects to nothing.

Docker's rules: ``docker.io`` is ``registry-1.docker.io``; TLS always, except for loopback and for what the operator calls
insecure, where a certificate is not asked for and plain HTTP is tried after HTTPS; mirrors come first, for pulls only. One
difference: on loopback plain HTTP is tried first. It shows nothing to anybody, a TLS server refuses it at once, while a plain
server that waits for the end of a line would leave a TLS greeting hanging.
Source: moby ``registry/service_v2.go``, ``registry/config.go``.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from dockerkit.daemon.registry.settings import Settings
from dockerkit.errors import Invalid
from dockerkit.schema.names import DEFAULT_REGISTRY

HUB = "registry-1.docker.io"
HUB_SEARCH = "index.docker.io"
PORTS = {"https": 443, "http": 80}
_HOST = re.compile(r"[a-z0-9._-]+|[0-9a-f:.]+")
_LOOPBACK = ("127.0.0.0/8", "::1/128")


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One place to ask.

    :param name: the host and port as the operator writes them, which ``certs.d`` directories are named after.
    :param insecure: its certificate is not verified (unless ``certs.d`` has an authority for it).
    :param mirror: it stands in for another registry: it never sees a credential.
    """

    scheme: str
    host: str
    port: int
    name: str
    insecure: bool = False
    mirror: bool = False

    @property
    def base(self) -> str:
        """The URL everything is beneath, without a slash at its end."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}" + ("" if self.port == PORTS[self.scheme] else f":{self.port}")


def endpoints(registry: str, settings: Settings, *, mirrors: bool = False, preferred: str = "") -> list[Endpoint]:
    """Return where a registry is asked, in order.

    :param mirrors: put the registry's mirrors first.
    :param preferred: the scheme that worked last time, where both are permitted.
    :raises Invalid: not a host with an optional port.
    """
    found = [_mirror(url, settings) for url in settings.mirrors.get(registry, ())] if mirrors else []
    own = _schemes(HUB if registry == DEFAULT_REGISTRY else registry, settings)
    first = preferred or ("http" if loopback(own[0].host) else "https")
    return found + sorted(own, key=lambda endpoint: endpoint.scheme != first)


def search_endpoints(registry: str, settings: Settings) -> list[Endpoint]:
    """Return where a registry's index of names is asked."""
    return _schemes(HUB_SEARCH if registry == DEFAULT_REGISTRY else registry, settings)


def may_be_plain(host: str, port: int, settings: Settings) -> bool:
    """Tell whether a host may be spoken to without verified TLS: loopback, or by the operator's permission."""
    bare = host.strip("[]").lower()
    return loopback(bare) or any(_covers(rule, bare, port) for rule in settings.insecure)


def loopback(host: str) -> bool:
    """Tell whether a host is this one, by its name or address."""
    bare = host.strip("[]").lower()
    return bare == "localhost" or bare.endswith(".localhost") or any(_covers(rule, bare, 0) for rule in _LOOPBACK)


def _schemes(name: str, settings: Settings) -> list[Endpoint]:
    host, port = _split(name)
    insecure = may_be_plain(host, port or PORTS["https"], settings)
    https = Endpoint("https", host, port or PORTS["https"], name, insecure)
    return [https, replace(https, scheme="http", port=port or PORTS["http"])] if insecure else [https]


def _mirror(url: str, settings: Settings) -> Endpoint:
    parts = urlsplit(url)
    port = parts.port or PORTS[parts.scheme]
    host = parts.hostname or ""
    return Endpoint(parts.scheme, host, port, parts.netloc, may_be_plain(host, port, settings), mirror=True)


def _split(name: str) -> tuple[str, int]:
    try:
        parts = urlsplit(f"//{name}")
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise Invalid(f"registry name {name!r}: {error}") from None
    if not host or not _HOST.fullmatch(host) or parts.path or parts.query or parts.username is not None:
        raise Invalid(f"registry name {name!r} is no host with an optional port", hint="e.g. registry.example:5000")
    return host, port or 0


def _covers(rule: str, host: str, port: int) -> bool:
    if rule.lower() in (host, f"{host}:{port}", f"[{host}]:{port}"):
        return True
    try:
        return ipaddress.ip_address(host) in ipaddress.ip_network(rule, strict=False)
    except ValueError:  # one of the two is a name
        return False
