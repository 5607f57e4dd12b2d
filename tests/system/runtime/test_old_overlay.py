"""The way older kernels need: mount(2), and off the host again."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from dockerkit.daemon.runtime.keeper.roots import old_overlay
from dockerkit.daemon.runtime.launch import Rootfs
from tests.leftovers import mounts_of

pytestmark = pytest.mark.system


@pytest.mark.parametrize("layers", [1, 120])
def test_the_old_way_makes_the_same_root_and_leaves_no_mount(tmp_path: Path, layers: int) -> None:
    paths = []
    for number in range(layers):
        place = tmp_path / f"layer,with:odd name {number}" / ("long" * 30)
        place.mkdir(parents=True)
        (place / f"file{number}").write_text(str(number))
        paths.append(str(place))
    for name in ("upper", "work"):
        (tmp_path / name).mkdir()
    opened = [os.open(path, os.O_PATH) for path in (*paths, str(tmp_path / "upper"), str(tmp_path / "work"))]
    rootfs = Rootfs(tuple(paths), str(tmp_path / "upper"), str(tmp_path / "work"))
    root = old_overlay(rootfs, opened[:-2], opened[-2], opened[-1], str(tmp_path / "merged"))
    try:
        fd = os.open(".", os.O_RDONLY | os.O_DIRECTORY, dir_fd=root)
        assert sorted(os.listdir(fd)) == sorted(f"file{number}" for number in range(layers))
        os.close(os.open("new", os.O_CREAT | os.O_WRONLY, dir_fd=fd))
        os.close(fd)
    finally:
        for descriptor in (root, *opened):
            os.close(descriptor)
    assert (tmp_path / "upper/new").exists()
    assert not (tmp_path / "merged").exists()
    assert mounts_of(str(tmp_path)) == []
