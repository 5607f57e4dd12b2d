"""Somebody who pulls, and keeps what was said."""

from __future__ import annotations

import pathlib
from typing import Any

from dockerkit.daemon.images.store import PREFIX, Store
from dockerkit.daemon.registry.client import RegistryClient
from dockerkit.daemon.registry.contract import Pulled
from dockerkit.schema.names import parse_reference


class Caller:
    """Pulls, and keeps what it heard."""

    def __init__(self, client: RegistryClient, store: Store) -> None:
        self.client, self.store = client, store
        self.messages: list[dict[str, Any]] = []
        self.arrived: list[tuple[str, int]] = []

    def pull(self, name: str, **more: Any) -> Pulled:
        more.setdefault("progress", self.messages.append)
        more.setdefault("arrived", lambda layer, position: self.arrived.append((layer.digest, position)))
        more.setdefault("blobs", self.store)
        return self.client.pull(parse_reference(name), **more)

    def said(self, *, figures: bool = False) -> list[tuple[str, str]]:
        return [(m["status"], m.get("id", "")) for m in self.messages if "status" in m and (figures or "progress" not in m)]

    def leftovers(self) -> list[str]:
        """Blobs begun and not finished."""
        directory = pathlib.Path(self.store.directory, "blobs", "sha256")
        return [path.name for path in directory.iterdir() if path.name.startswith(PREFIX)]
