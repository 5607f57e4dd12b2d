"""What a program can leave behind: thousands of directories in one another, names that lead elsewhere, files that go."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from dockerkit.daemon.engine.changes import compare
from dockerkit.daemon.engine.removal import remove_tree
from dockerkit.daemon.engine.roots import tree_size
from dockerkit.daemon.images import Images
from dockerkit.daemon.images.store import PREFIX
from dockerkit.daemon.kernel import trees
from dockerkit.daemon.volumes.local import Local
from dockerkit.errors import Failed

DEPTH = 1200


def deepen(top: Path, depth: int = DEPTH) -> None:
    """Make directories in one another, with a file in each: a path as no system call takes it."""
    top.mkdir(parents=True, exist_ok=True)
    at = os.open(top, os.O_RDONLY | os.O_DIRECTORY)
    for _ in range(depth):
        for name in ("d", "e"):
            os.mkdir(name, dir_fd=at)
        os.close(os.open("file", os.O_CREAT | os.O_WRONLY, dir_fd=at))
        below = os.open("d", os.O_RDONLY | os.O_DIRECTORY, dir_fd=at)
        os.close(at)
        at = below
    os.close(at)


def test_container_without_end_is_removed_and_measured(tmp_path: Path) -> None:
    """Else it stayed on the disk for ever, and no ``ps --size`` or ``system df`` was answered while it was there."""
    deepen(tmp_path / "upper")
    (tmp_path / "upper" / "d" / "ten").write_bytes(b"x" * 10)
    before = len(os.listdir("/proc/self/fd"))
    assert tree_size(str(tmp_path / "upper")) == 10
    remove_tree(str(tmp_path / "upper"))
    assert not (tmp_path / "upper").exists()
    assert len(os.listdir("/proc/self/fd")) == before
    remove_tree(str(tmp_path / "upper"))  # harmless


def test_volume_without_end_is_removed_and_measured(tmp_path: Path) -> None:
    local = Local(str(tmp_path))
    (tmp_path / "trash").mkdir()
    local.create("deep")
    deepen(Path(local.mountpoint("deep")))
    assert local.size("deep") == 0
    local.delete(local.remove("deep"))
    assert os.listdir(tmp_path / "trash") == []


def test_links_are_removed_and_not_followed(tmp_path: Path) -> None:
    (tmp_path / "elsewhere" / "sub").mkdir(parents=True)
    (tmp_path / "elsewhere" / "kept").write_bytes(b"12345")
    deepen(tmp_path / "tree", 70)
    at = tmp_path / "tree"
    for depth in range(70):
        (at / "out").symlink_to(tmp_path / "elsewhere")
        (at / f"many{depth}").touch()
        at = at / "d"
    link = len(str(tmp_path / "elsewhere"))
    assert tree_size(str(tmp_path / "tree")) == 70 * link
    remove_tree(str(tmp_path / "tree"))
    assert sorted(os.listdir(tmp_path / "elsewhere")) == ["kept", "sub"]
    os.symlink(tmp_path / "elsewhere", tmp_path / "tree")
    with pytest.raises(OSError, match="Not a directory"):
        remove_tree(str(tmp_path / "tree"))
    assert (tmp_path / "elsewhere" / "kept").exists()


def test_more_entries_than_are_held_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trees, "_BATCH", 7)
    for number in range(100):
        (tmp_path / "wide" / str(number)).mkdir(parents=True)
        (tmp_path / "wide" / f"{number}.txt").touch()
    remove_tree(str(tmp_path / "wide"))
    assert not (tmp_path / "wide").exists()


def test_what_goes_while_it_is_measured_is_left_out(tmp_path: Path) -> None:
    for name in ("a", "b", "c"):
        (tmp_path / "tree" / name).mkdir(parents=True)
        (tmp_path / "tree" / name / "file").write_bytes(b"123")
    at = os.open(tmp_path / "tree", os.O_RDONLY | os.O_DIRECTORY)
    try:
        found = trees.files(at)
        assert next(found).st_size == 3
        remove_tree(str(tmp_path / "tree"))
        assert list(found) == []
    finally:
        os.close(at)


def test_half_unpacked_layer_without_end_does_not_keep_a_daemon_from_starting(tmp_path: Path) -> None:
    Images(str(tmp_path))
    deepen(tmp_path / "layers" / f"{PREFIX}left")
    Images(str(tmp_path))
    assert os.listdir(tmp_path / "layers") == []


def test_container_without_end_cannot_be_compared(tmp_path: Path) -> None:
    """Every level is a descriptor of the daemon's, and a path as long as all levels above it."""
    deepen(tmp_path / "upper")
    before = len(os.listdir("/proc/self/fd"))
    with pytest.raises(Failed, match="more than 500 directories in one another"):
        compare(str(tmp_path / "upper"), [])
    assert len(os.listdir("/proc/self/fd")) == before
    remove_tree(str(tmp_path / "upper"))
