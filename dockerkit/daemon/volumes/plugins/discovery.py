"""Where a plugin listens: a socket of its name, else what a ``.spec`` or ``.json`` of its name says. Connects to nothing.

Looked up anew each time, in Docker's order: ``/run/docker/plugins``, then ``/etc/docker/plugins`` and
``/usr/lib/docker/plugins``.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from dockerkit.errors import Damaged, NotFound

SOCKETS = "DOCKERKIT_PLUGIN_SOCKETS"
SPECS = "DOCKERKIT_PLUGIN_SPECS"
"""Directories instead of Docker's, with colons between."""
_NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.:-]*")
_LARGEST = 64 * 1024


@dataclass(frozen=True, slots=True)
class Tls:
    """How a plugin behind TLS is to be believed, and how it is told who asks: paths of PEM files."""

    ca: str = ""
    certificate: str = ""
    key: str = ""
    insecure: bool = False


@dataclass(frozen=True, slots=True)
class Address:
    """Where a plugin listens: ``unix:///…``, ``tcp://host:port`` or ``https://host:port``."""

    name: str
    url: str
    tls: Tls | None = None


class Directory:
    """The plugins of one machine, as files tell of them."""

    def __init__(self, environment: Mapping[str, str] = os.environ) -> None:
        self._sockets = (environment.get(SOCKETS) or "/run/docker/plugins").split(":")
        self._specs = (environment.get(SPECS) or "/etc/docker/plugins:/usr/lib/docker/plugins").split(":")

    def find(self, name: str) -> Address:
        """Return where a plugin listens.

        :raises NotFound: nothing tells of it; in Docker's words.
        :raises Damaged: what tells of it cannot be read.
        """
        if _NAME.fullmatch(name):
            for place in self._sockets:
                for path in (f"{place}/{name}.sock", f"{place}/{name}/{name}.sock"):
                    if _is_socket(path):
                        return Address(name, f"unix://{path}")
            for path, kind in self._told(name):
                if os.path.isfile(path):
                    return _read(name, path, kind)
        raise NotFound(f'plugin "{name}" not found', hint=f"plugins are sockets NAME.sock in {', '.join(self._sockets)}")

    def _told(self, name: str) -> Iterator[tuple[str, str]]:
        for place in self._specs:
            for kind in ("spec", "json"):
                yield f"{place}/{name}.{kind}", kind
                yield f"{place}/{name}/{name}.{kind}", kind

    def names(self) -> list[str]:
        """Return the names of all plugins that files tell of."""
        found = set()
        for place, kinds in [(place, (".sock",)) for place in self._sockets] + [(p, (".spec", ".json")) for p in self._specs]:
            for entry in _listed(place):
                name, kind = os.path.splitext(entry)
                if kind in kinds and _NAME.fullmatch(name):
                    found.add(name)
                elif any(os.path.exists(f"{place}/{entry}/{entry}{kind}") for kind in kinds):
                    found.add(entry)
        return sorted(found)


def _listed(place: str) -> list[str]:
    try:
        return os.listdir(place)
    except OSError:  # no such folder: no plugins there
        return []


def _is_socket(path: str) -> bool:
    try:
        return stat.S_ISSOCK(os.stat(path).st_mode)
    except OSError:
        return False


def _read(name: str, path: str, kind: str) -> Address:
    with open(path, "rb") as file:
        text = file.read(_LARGEST)
    if kind == "spec":
        return Address(name, _checked(name, path, text.decode(errors="replace").strip()))
    try:
        told = msgspec.json.decode(text)
        tls = told.get("TLSConfig")
        return Address(name, _checked(name, path, str(told["Addr"])), _tls(tls) if tls else None)
    except (msgspec.DecodeError, KeyError, AttributeError, TypeError) as error:
        raise Damaged(f'plugin "{name}": {path} is not the description of a plugin: {error}') from None


def _tls(told: Mapping[str, Any]) -> Tls:
    return Tls(
        ca=str(told.get("CAFile") or ""),
        certificate=str(told.get("CertFile") or ""),
        key=str(told.get("KeyFile") or ""),
        insecure=bool(told.get("InsecureSkipVerify")),
    )


def _checked(name: str, path: str, url: str) -> str:
    if not url.startswith(("unix://", "tcp://", "http://", "https://")):
        raise Damaged(f'plugin "{name}": {path} says {url[:80]!r}, which is no address', hint="unix:///PATH or tcp://HOST:PORT")
    return url
