"""The public names as a strict type checker sees them."""

from __future__ import annotations

import pathlib
import subprocess
import sys

import pytest

HERE = pathlib.Path(__file__).resolve().parent


def test_example_is_fully_typed() -> None:
    pytest.importorskip("mypy", reason='the checker; pip install "dockerkit[check]"')
    root = HERE.parents[2]
    command = [sys.executable, "-m", "mypy", "--strict", str(HERE / "typed_example.py")]
    checked = subprocess.run(command, capture_output=True, text=True, cwd=root, check=False)
    assert checked.returncode == 0, checked.stdout
