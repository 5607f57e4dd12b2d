"""The API's contract suite over a live daemon: the suite itself lies with the unit tests."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "unit" / "api"))

from api_client import Api


@pytest.fixture
def api(live_daemon) -> Api:
    """A client of a live daemon, which has the image busybox and, before and after, no container."""
    client = Api(live_daemon.socket)
    status, _, body = client.request("POST", "/images/create?fromImage=busybox&tag=latest")
    assert status == 200, body
    assert client.json("GET", "/containers/json?all=1") == []
    yield client
    for row in client.json("GET", "/containers/json?all=1"):
        client.request("DELETE", f"/containers/{row['Id']}?force=1")
