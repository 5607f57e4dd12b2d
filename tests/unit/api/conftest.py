"""A server of the API with a pretend engine behind it, for each test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from api_client import Api
from pretend_engine import PretendEngine
from pretended_server import Pretended, serve_in_thread


@pytest.fixture
def pretended(tmp_path) -> Iterator[Pretended]:
    yield from serve_in_thread(PretendEngine(), str(tmp_path / "d.sock"))


@pytest.fixture
def api(pretended) -> Api:
    """What the contract suite talks to."""
    return pretended.api
