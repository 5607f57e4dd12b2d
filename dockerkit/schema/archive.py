"""What ``docker cp`` and ``docker diff`` speak of: one path of a container, and one change.

Source: Engine API 1.51, ``GET``/``HEAD /containers/{id}/archive`` (header ``X-Docker-Container-Path-Stat``: this JSON in
base64) and ``GET /containers/{id}/changes``; Go's ``os.FileMode`` for the bits of ``mode``. Never touches a file.
"""

from __future__ import annotations

import stat
from enum import IntEnum

from msgspec import Struct

from dockerkit.schema.wire import Model

_KINDS = {
    stat.S_IFDIR: 1 << 31,
    stat.S_IFLNK: 1 << 27,
    stat.S_IFBLK: 1 << 26,
    stat.S_IFCHR: 1 << 26 | 1 << 21,
    stat.S_IFIFO: 1 << 25,
    stat.S_IFSOCK: 1 << 24,
}
_SPECIAL = {stat.S_ISUID: 1 << 23, stat.S_ISGID: 1 << 22, stat.S_ISVTX: 1 << 20}


class PathStat(Struct, kw_only=True, rename="camel"):
    """One path of a container. ``mode`` has Go's bits, ``mtime`` is RFC 3339, ``link_target`` a link's end inside."""

    name: str
    size: int
    mode: int
    mtime: str
    link_target: str = ""


class ChangeKind(IntEnum):
    """How a path differs from the image."""

    MODIFIED = 0
    ADDED = 1
    DELETED = 2


class Change(Model):
    """One path that differs from the image."""

    path: str
    kind: int


def go_mode(mode: int) -> int:
    """Return ``st_mode`` as Go's ``os.FileMode``."""
    special = sum(bit for ours, bit in _SPECIAL.items() if mode & ours)
    return stat.S_IMODE(mode) & 0o777 | _KINDS.get(stat.S_IFMT(mode), 0) | special
