"""A volume plugin as a driver, and all of them by name. Speaks the protocol; keeps nothing but what was activated."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from dockerkit.daemon.volumes.plugins.discovery import Address, Directory
from dockerkit.daemon.volumes.plugins.wire import ask
from dockerkit.errors import Damaged, DockerkitError, Failed, NotFound

IMPLEMENTS = "VolumeDriver"
_LONGEST = 4096


@dataclass(frozen=True, slots=True)
class Kept:
    """A volume as its plugin tells of it; ``mountpoint`` is empty while it is mounted nowhere."""

    name: str
    mountpoint: str = ""
    status: dict[str, Any] = field(default_factory=dict)
    created: str = ""


class Plugin:
    """One volume plugin that was activated. Every method asks it; see :func:`~dockerkit.daemon.volumes.plugins.wire.ask`."""

    def __init__(self, address: Address) -> None:
        self.name = address.name
        self._address = address
        self._scope = ""

    @property
    def scope(self) -> str:
        """``local`` or ``global``, as it says; ``local`` when it says nothing."""
        if not self._scope:
            try:
                told = self._ask("Capabilities")
            except Failed:  # older plugins have no such word
                told = {}
            said = (told.get("Capabilities") or {}) if isinstance(told.get("Capabilities"), dict) else {}
            scope = str(said.get("Scope") or "local").lower()
            self._scope = scope if scope in ("local", "global") else "local"
        return self._scope

    def create(self, name: str, options: Mapping[str, str]) -> None:
        """Make a volume."""
        self._ask("Create", Name=name, Opts=dict(options))

    def remove(self, name: str) -> None:
        """Remove a volume."""
        self._ask("Remove", Name=name)

    def path(self, name: str) -> str:
        """Return where it is mounted, ``""`` when it is nowhere."""
        return self._mountpoint("Path", self._ask("Path", Name=name), may_be_empty=True)

    def mount(self, name: str, user: str) -> str:
        """Have it mounted for `user`; return where."""
        return self._mountpoint("Mount", self._ask("Mount", Name=name, ID=user))

    def unmount(self, name: str, user: str) -> None:
        """Tell that `user` has no more need of it."""
        self._ask("Unmount", Name=name, ID=user)

    def get(self, name: str) -> Kept:
        """Return what it tells of a volume.

        :raises NotFound: it has none of this name, in whatever words it says so.
        """
        try:
            told = self._ask("Get", Name=name).get("Volume")
        except Failed as refusal:
            raise NotFound(f"get {name}: {refusal.message}") from None
        if not isinstance(told, dict) or told.get("Name") != name:
            raise NotFound(f"get {name}: no such volume")
        return self._kept(told)

    def list(self) -> list[Kept]:
        """Return all its volumes."""
        told = self._ask("List").get("Volumes") or []
        if not isinstance(told, list):
            raise Damaged(f'plugin "{self.name}" answered VolumeDriver.List with what is not a list')
        return [self._kept(each) for each in told if isinstance(each, dict) and each.get("Name")]

    def _kept(self, told: Mapping[str, Any]) -> Kept:
        status = told.get("Status")
        place = told.get("Mountpoint")
        return Kept(
            name=str(told["Name"]),
            mountpoint=place if isinstance(place, str) and place.startswith("/") else "",
            status=status if isinstance(status, dict) else {},
            created=str(told.get("CreatedAt") or ""),
        )

    def _mountpoint(self, method: str, told: Mapping[str, Any], *, may_be_empty: bool = False) -> str:
        place = told.get("Mountpoint") or ""
        if may_be_empty and place == "":
            return ""
        if not isinstance(place, str) or not place.startswith("/") or "\0" in place or len(place) > _LONGEST:
            raise Damaged(f'plugin "{self.name}" answered VolumeDriver.{method} with no absolute path: {str(place)[:60]!r}')
        return place

    def _ask(self, method: str, **body: Any) -> dict[str, Any]:
        return ask(self._address, f"{IMPLEMENTS}.{method}", body)


class Plugins:
    """The volume plugins of this machine; each is activated when it is first needed."""

    def __init__(self, directory: Directory | None = None) -> None:
        self._directory = directory or Directory()
        self._active: dict[str, Plugin] = {}
        self._lock = threading.Lock()

    def get(self, name: str) -> Plugin:
        """Return a plugin, activated.

        :raises NotFound: nobody knows of it, or it keeps no volumes; in Docker's words.
        :raises Unavailable: it cannot be reached; likewise TimedOut and Damaged.
        """
        with self._lock:
            known = self._active.get(name)
        if known is not None:
            return known
        prefix = f"error looking up volume plugin {name}: "
        try:
            address = self._directory.find(name)
            made = _activated(address)
        except DockerkitError as error:
            error.message = prefix + error.message
            error.args = (error.message, *error.args[1:])
            raise
        with self._lock:
            return self._active.setdefault(name, made)

    def forget(self, name: str) -> None:
        """Have a plugin looked up and activated anew at its next use: it cannot be reached any more."""
        with self._lock:
            self._active.pop(name, None)

    def active(self) -> list[Plugin]:
        """Return the plugins that were used so far."""
        with self._lock:
            return list(self._active.values())

    def names(self) -> list[str]:
        """Return the names of the plugins that files tell of, used or not."""
        return self._directory.names()


def _activated(address: Address) -> Plugin:
    implements = ask(address, "Plugin.Activate", {}).get("Implements")
    if not isinstance(implements, list) or IMPLEMENTS not in implements:
        raise NotFound(f'plugin "{address.name}" does not implement the requested interface: it is no {IMPLEMENTS}')
    return Plugin(address)
