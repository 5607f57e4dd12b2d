"""A scripted engine for each test that wants one."""

from __future__ import annotations

import pathlib
from collections.abc import Iterator

import pytest
from pretendengine import PretendEngine

from dockerkit.client.client import Client


@pytest.fixture
def engine(tmp_path: pathlib.Path) -> Iterator[PretendEngine]:
    """A scripted engine that answers nothing yet."""
    pretend = PretendEngine(str(tmp_path / "e.sock"))
    yield pretend
    pretend.close()


@pytest.fixture
def to(engine: PretendEngine) -> Iterator[Client]:
    """A client of the scripted engine."""
    with Client(engine.url, timeout=10) as client:
        yield client
