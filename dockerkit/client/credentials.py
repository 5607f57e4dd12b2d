"""Logins to registries: what one is, where docker keeps it, and how an engine is shown it.

The docker command and this client share one memory of logins: docker's ``config.json`` and the credential helpers it names.
A secret is in no text that a login is turned into; only :meth:`Login.header` and :meth:`Login.body` carry it.
"""

from __future__ import annotations

import base64
import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass, field

import msgspec

from dockerkit.errors import DockerkitError
from dockerkit.schema.names import DEFAULT_REGISTRY

HUB = "https://index.docker.io/v1/"
"""The key under which docker keeps the login to Docker Hub."""
AUTH_HEADER = "X-Registry-Auth"
_HUBS = frozenset({"", DEFAULT_REGISTRY, "index.docker.io", "registry-1.docker.io", HUB, HUB.rstrip("/")})
_log = logging.getLogger("dockerkit")


@dataclass(frozen=True)
class Login:
    """A login to one registry.

    :param server: the key under which docker keeps it: a host with its port, or :data:`HUB`.
    :param identity_token: stands for a password; registries that have them give one out at login.
    :param registry_token: a bearer token, shown as it is.
    """

    server: str
    username: str = field(default="", repr=False)
    password: str = field(default="", repr=False)
    identity_token: str = field(default="", repr=False)
    registry_token: str = field(default="", repr=False)

    def __bool__(self) -> bool:
        """Tell whether there is anything to show."""
        return bool(self.username or self.password or self.identity_token or self.registry_token)

    def body(self) -> dict[str, str]:
        """Return it as Docker's ``AuthConfig``, without what is empty."""
        said = {
            "username": self.username,
            "password": self.password,
            "serveraddress": self.server,
            "identitytoken": self.identity_token,
            "registrytoken": self.registry_token,
        }
        return {word: value for word, value in said.items() if value}

    def header(self) -> tuple[str, str]:
        """Return it as the header that pull, push and search carry."""
        return AUTH_HEADER, base64.urlsafe_b64encode(msgspec.json.encode(self.body())).decode()


ANONYMOUS = (AUTH_HEADER, base64.urlsafe_b64encode(b"{}").decode())
"""The header that shows nothing, for engines that insist on one."""


def key_of(registry: str) -> str:
    """Return the key under which docker keeps a registry's login: its host and port, or :data:`HUB`.

    :param registry: as people write it: ``""``, ``docker.io``, ``registry.example.org:5000``, ``https://host/v1/``.
    """
    return HUB if registry in _HUBS else host_of(registry)


def host_of(address: str) -> str:
    """Return host and port of a registry's address, without scheme and path."""
    for scheme in ("https://", "http://"):
        address = address.removeprefix(scheme)
    return address.partition("/")[0]


def stored_login(registry: str, environ: Mapping[str, str] = os.environ) -> Login | None:
    """Return the login docker keeps for a registry; None when there is none.

    :raises Invalid: the configuration cannot be read, or names a helper that cannot be.
    :raises Failed: the helper failed.
    :raises TimedOut: the helper needed too long.
    """
    from dockerkit.client.credentials_store import Store  # noqa: PLC0415 (most programs never log in)

    return Store.of(environ).get(key_of(registry))


def shown_to(registry: str) -> list[tuple[str, str]]:
    """Return the headers that show an engine the login to a registry; none when there is none.

    Memory that cannot be read is a warning, and the engine goes on without a login, as docker's command does.
    """
    try:
        found = stored_login(registry)
    except DockerkitError as error:
        _log.warning("going on without a login to %s: %s", registry, error.message)
        return []
    return [found.header()] if found else []
