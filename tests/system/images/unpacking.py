"""Unpacking a tar made by hand."""

from __future__ import annotations

import os
import stat
import tarfile
from pathlib import Path

from dockerkit.daemon.images.unpack import Unpacked, unpack
from tests.unit.images.imagematerial import Member, tar


def put(root: Path, *members: Member, format: int = tarfile.PAX_FORMAT) -> Unpacked:
    return put_bytes(root, tar(*members, format=format))


def put_bytes(root: Path, data: bytes) -> Unpacked:
    descriptor = os.open(root, os.O_RDONLY | os.O_DIRECTORY)
    before = os.listdir("/proc/self/fd")
    try:
        return unpack([data], descriptor)
    finally:
        assert len(os.listdir("/proc/self/fd")) == len(before), "descriptors leaked"
        os.close(descriptor)


def is_whiteout(path: Path) -> bool:
    status = os.lstat(path)
    return stat.S_ISCHR(status.st_mode) and status.st_rdev == 0
