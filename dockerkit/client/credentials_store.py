"""Where a login is kept: in docker's file, or with the helper that the file names for its registry.

``credHelpers`` names one for a registry, ``credsStore`` for all. ``DOCKER_AUTH_CONFIG``, a JSON text with ``auths`` in the
environment, is read first and never written, as docker's command has it.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import msgspec

from dockerkit.client import credentials_file as files
from dockerkit.client.credentials import Login, host_of
from dockerkit.client.credentials_helper import Helper
from dockerkit.errors import Invalid

VARIABLE = "DOCKER_AUTH_CONFIG"


class Store:
    """The logins of one configuration.

    :param path: of ``config.json``.
    :param given: the text of :data:`VARIABLE`.
    """

    def __init__(self, path: str, given: str = "") -> None:
        self.path = path
        self._given = given

    @classmethod
    def of(cls, environ: Mapping[str, str] = os.environ) -> Store:
        """Return that of an environment."""
        return cls(files.config_path(environ), environ.get(VARIABLE, ""))

    def get(self, server: str) -> Login | None:
        """Return the login to a server; None when there is none.

        :param server: the key, see :func:`dockerkit.client.credentials.key_of`.
        :raises DockerkitError: see :func:`dockerkit.client.credentials.stored_login`.
        """
        if found := _found(self._environments(), server, f"${VARIABLE}"):
            return found
        document = files.read(self.path)
        helper = _helper(document, server)
        if helper is not None and (kept := helper.get(server)):
            return kept
        return _found(document.get("auths"), server, self.path)

    def keep(self, login: Login) -> str:
        """Keep a login; return the path of the file that now has its secret in plain sight.

        :returns: "" when a helper has it, or when it was kept already.

        :raises DockerkitError: it could not be kept.
        """
        helper = _helper(files.read(self.path), login.server)
        if helper is not None:
            helper.store(login)
        entry = files.entry_of(login) if helper is None else {}
        if _auths(files.read(self.path)).get(login.server) == entry:
            return ""
        files.change(self.path, lambda document: _auths(document).update({login.server: entry}))
        return self.path if helper is None else ""

    def forget(self, server: str) -> bool:
        """Forget the login to a server, and tell whether there was one.

        :raises DockerkitError: it could not be forgotten.
        """
        document = files.read(self.path)
        helper = _helper(document, server)
        known = _entry(document.get("auths"), server) is not None
        if helper is not None:
            known = helper.get(server) is not None or known
            helper.erase(server)
        files.change(self.path, lambda document: _forget(_auths(document), server))
        return known

    def _environments(self) -> Any:
        if not self._given:
            return None
        try:
            return msgspec.json.decode(self._given, type=dict).get("auths")
        except msgspec.DecodeError:
            raise Invalid(f"${VARIABLE} is not a JSON object") from None


def _helper(document: files.Document, server: str) -> Helper | None:
    own = document.get("credHelpers")
    name = own.get(server) if isinstance(own, dict) else None
    name = name or document.get("credsStore")
    return Helper(str(name)) if name else None


def _auths(document: files.Document) -> dict[str, Any]:
    auths = document.get("auths")
    if not isinstance(auths, dict):
        auths = document["auths"] = {}
    return auths


def _entry(auths: Any, server: str) -> Any:
    """Return what is kept for a server, under its key or, as old clients wrote it, under an address of the same host."""
    if not isinstance(auths, dict):
        return None
    if server in auths:
        return auths[server]
    return next((entry for address, entry in auths.items() if host_of(address) == server), None)


def _found(auths: Any, server: str, where: str) -> Login | None:
    entry = _entry(auths, server)
    return (files.login_of(server, entry, where) or None) if entry is not None else None


def _forget(auths: dict[str, Any], server: str) -> None:
    for address in [address for address in auths if address == server or host_of(address) == server]:
        del auths[address]
