"""Advice to the file system is given where it is taken, and harms nothing where it is not."""

from __future__ import annotations

import fcntl
import os
import struct
from pathlib import Path

import pytest

from dockerkit.daemon.kernel import placement

FLAGS, TOP = 0x80086601, 0x00020000


def test_directories_that_are_spread_stay_so_and_keep_their_other_flags(tmp_path: Path) -> None:
    descriptor = os.open(tmp_path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        before = fcntl.ioctl(descriptor, FLAGS, bytes(4))
    except OSError:
        os.close(descriptor)
        pytest.skip("this file system has no flags")
    placement.spread(str(tmp_path))
    placement.spread(str(tmp_path))
    (after,) = struct.unpack("i", fcntl.ioctl(descriptor, FLAGS, bytes(4)))
    os.close(descriptor)
    assert after & ~TOP == struct.unpack("i", before)[0] & ~TOP
    (tmp_path / "new").mkdir()
    assert os.listdir(tmp_path) == ["new"]


def test_a_file_system_without_such_flags_is_left_alone() -> None:
    placement.spread("/proc")


def test_a_directory_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        placement.spread(str(tmp_path / "nosuch"))
