"""The private dockerd itself: it works apart from the machine, and nothing of it is left."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.parity import reference as private
from tests.parity.engines import Box, EngineUnderTest


def test_a_reference_comes_and_goes_without_a_trace(tmp_path: Path) -> None:
    if reason := private.why_not():
        pytest.skip(reason)
    before = _traces()
    with private.Reference(str(tmp_path / "r")) as running:
        box = Box(EngineUnderTest("reference", running.socket, "1.41"))
        id = box.up("sleep", "1000", StopTimeout=0)
        pid = box.state(id)["Pid"]
        assert os.path.isdir(f"/proc/{pid}")
        assert _mounts(str(tmp_path)) == []  # its mounts are in a namespace of its own
    assert not os.path.exists(f"/proc/{pid}")
    assert _traces() == before
    assert list(tmp_path.iterdir()) == []


def test_a_reference_that_cannot_start_says_why_and_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if reason := private.why_not():
        pytest.skip(reason)
    before = _traces()
    monkeypatch.setenv("DOCKERD_FLAGS", "--no-such-flag")
    with pytest.raises(RuntimeError, match="no-such-flag"):
        private.Reference(str(tmp_path / "r")).__enter__()
    assert _traces() == before
    assert list(tmp_path.iterdir()) == []


def _traces() -> dict[str, set[str]]:
    groups = {top for top, _, _ in os.walk("/sys/fs/cgroup") if f"dockerkit-reference-{os.getpid()}" in top}
    folders = {f"{parent}/{name}" for parent in private.PRIVATE if os.path.isdir(parent) for name in os.listdir(parent)}
    return {"cgroups": groups, "folders": folders}


def _mounts(folder: str) -> list[str]:
    return [line for line in Path("/proc/self/mountinfo").read_text().splitlines() if folder in line]
