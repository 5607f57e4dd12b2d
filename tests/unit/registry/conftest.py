"""A client in a hurry, a registry that does as it is told, and a store to pull into."""

from __future__ import annotations

import pathlib
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from dockerkit.daemon.images.store import PREFIX, Store
from dockerkit.daemon.registry.client import RegistryClient
from dockerkit.daemon.registry.contract import Pulled
from dockerkit.daemon.registry.settings import Settings
from dockerkit.schema.names import parse_reference
from tests.unit.registry.badregistry import BadRegistry

HURRY = {"certificates": (), "silence": 0.4, "document_within": 1.0, "backoff": 0.01, "attempts": 3, "connect_within": 1.0}


@pytest.fixture
def bad() -> Iterator[BadRegistry]:
    registry = BadRegistry()
    yield registry
    registry.close()


@pytest.fixture
def another() -> Iterator[BadRegistry]:
    registry = BadRegistry()
    yield registry
    registry.close()


@pytest.fixture
def make_client() -> Iterator[Callable[..., RegistryClient]]:
    made: list[RegistryClient] = []

    def make(**settings: Any) -> RegistryClient:
        made.append(RegistryClient(Settings(**{**HURRY, **settings})))
        return made[-1]

    yield make
    for one in made:
        one.close()
    left = [thread.name for thread in threading.enumerate() if thread.name.startswith("registry")]
    assert not left, f"threads of a verb that is over: {left}"


@pytest.fixture
def hurried(make_client: Callable[..., RegistryClient]) -> RegistryClient:
    return make_client()


@pytest.fixture
def store(tmp_path: pathlib.Path) -> Store:
    return Store(str(tmp_path / "store"))


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


@pytest.fixture
def caller(hurried: RegistryClient, store: Store) -> Caller:
    return Caller(hurried, store)
