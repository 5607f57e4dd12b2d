"""A client in a hurry, a registry that does as it is told, and a store to pull into."""

from __future__ import annotations

import pathlib
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from dockerkit.daemon.images.store import Store
from dockerkit.daemon.registry.client import RegistryClient
from dockerkit.daemon.registry.settings import Settings
from tests.unit.registry.badregistry import BadRegistry
from tests.unit.registry.caller import Caller
from tests.unit.registry.ourregistry import OurRegistry

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


@pytest.fixture
def caller(hurried: RegistryClient, store: Store) -> Caller:
    return Caller(hurried, store)


@pytest.fixture
def ours(tmp_path: pathlib.Path) -> Iterator[OurRegistry]:
    with OurRegistry(tmp_path / "registry") as registry:
        yield registry
