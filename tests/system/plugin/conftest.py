"""Projects that use the suite's live daemon, and the check that they leave nothing on it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.livedaemon import LiveDaemon
from tests.unit.plugin.suites import Suite


@pytest.fixture
def suite(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, live_daemon: LiveDaemon) -> Suite:
    """A project that is told of the live daemon."""
    return Suite(pytester, monkeypatch, live_daemon.url)


@pytest.fixture
def leaves_nothing(client: Any) -> Iterator[None]:
    """Afterwards the engine has the containers that it had before."""
    before = {container.id for container in client.containers.list(all=True)}
    yield
    left = [c.inspect()["Name"] for c in client.containers.list(all=True) if c.id not in before]
    assert not left
