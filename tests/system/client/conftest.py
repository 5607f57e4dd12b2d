"""Every test of live things runs on a real dockerd first (``reference``), then on ours: what holds there must hold here."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import dockerkit as dk


@pytest.fixture(scope="session", params=["reference", "ours"])
def engine_url(request: pytest.FixtureRequest) -> str:
    """One engine after the other."""
    if request.param == "reference":
        return "unix://" + str(request.getfixturevalue("reference_socket"))
    return str(request.getfixturevalue("live_daemon").url)


@pytest.fixture
def either(engine_url: str) -> Iterator[dk.Client]:
    """A client of either engine."""
    with dk.connect(engine_url) as connected:
        yield connected


@pytest.fixture
def up(either: dk.Client) -> Iterator[Callable[..., Any]]:
    """Start containers without network that go after the test; the command sleeps unless it is said."""
    made: list[dk.Container] = []

    def start(*command: str, **options: Any) -> dk.Container:
        wish = either.container("busybox", *(command or ("sleep", "600")), **{"network": "none", **options})
        container = wish.create()
        made.append(container)
        return container.start()

    yield start
    for container in made:
        with contextlib.suppress(dk.errors.NotFound):  # the test has removed it
            container.remove(force=True, volumes=True)


@pytest.fixture
def box(up: Callable[..., Any]) -> Any:
    """A container that runs."""
    return up()
