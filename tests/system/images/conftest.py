"""A root to unpack into, and beside it something that must not change."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture
def root(tmp_path: Path) -> Iterator[Path]:
    """An empty directory; after the test, nothing beside it may have changed."""
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "secret").write_text("secret")
    made = tmp_path / "root"
    made.mkdir()
    yield made
    assert sorted(os.listdir(tmp_path)) == ["outside", "root"]
    assert os.listdir(tmp_path / "outside") == ["secret"]
    assert (tmp_path / "outside" / "secret").read_text() == "secret"
    assert os.stat(tmp_path / "outside" / "secret").st_nlink == 1
    assert stat.S_IMODE(os.stat(tmp_path / "outside").st_mode) == 0o755
