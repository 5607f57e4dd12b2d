"""``diff``: how a container's files differ from its image's.

The container's own layer is compared with the layers below, name by name, as dockerd does: a directory is modified when its
owner or mode is, or anything in it; a file also when its size or time is. The upper layer may change meanwhile (a container
runs on it), so it is read by descriptor, links not followed; the layers below never change. Never looks at mounts: what is
bound over the files is not the container's.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field

from dockerkit.daemon.images.initial import visible
from dockerkit.daemon.images.tree import OPAQUE, is_whiteout
from dockerkit.errors import Failed
from dockerkit.schema.archive import Change, ChangeKind

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_CAPABILITIES = "security.capability"
_DEEPEST = 500
"""Directories in one another: each is a descriptor, and a path as long as all above it; a container can make any number."""


@dataclass(slots=True)
class _Level:
    """A directory of the upper layer, what overlay merges it with, and the changes found in it."""

    path: str
    directory: int
    below: list[str]
    names: Iterator[str]
    kind: ChangeKind | None
    found: list[Change] = field(default_factory=list)


def compare(upper: str, lower: list[str], *, whole: bool = False) -> list[Change]:
    """Return how the overlay of `upper` on `lower` (topmost first) differs from `lower` alone; a deleted directory is one line.

    :param whole: `upper` is no layer but all there is: what it has not was deleted, and nothing in it is a mark.
    :raises Failed: too many directories in one another.
    """
    top = _level("", os.open(upper, _DIRECTORY), lower, None, whole=whole)
    levels = [top]
    try:
        while levels:
            name = next(levels[-1].names, None)
            if name is None:
                _finish(levels)
            else:
                _enter(levels, name, whole=whole)
    finally:
        for level in levels:
            os.close(level.directory)
    return sorted(top.found, key=lambda change: change.path.split("/"))


def _level(path: str, directory: int, below: list[str], kind: ChangeKind | None, *, whole: bool) -> _Level:
    level = _Level(path, directory, below, iter(sorted(os.listdir(directory))), kind)
    opaque = path and not whole and _is_opaque(directory)
    if whole or opaque:
        level.found += [Change(path=f"{path}/{name}", kind=ChangeKind.DELETED) for name in _hidden(level)]
    if opaque:
        level.below = []
    return level


def _finish(levels: list[_Level]) -> None:
    """Close a directory: it is modified when something in it is, whatever it looks like itself."""
    level = levels.pop()
    os.close(level.directory)
    if levels:
        kind = ChangeKind.MODIFIED if level.kind is None and level.found else level.kind
        levels[-1].found += ([] if kind is None else [Change(path=level.path, kind=kind)]) + level.found


def _enter(levels: list[_Level], name: str, *, whole: bool) -> None:
    level = levels[-1]
    path, below = f"{level.path}/{name}", [os.path.join(directory, name) for directory in level.below]
    with contextlib.suppress(FileNotFoundError):  # removed since its directory was read
        status = os.stat(name, dir_fd=level.directory, follow_symlinks=False)
        if is_whiteout(status) and not whole:
            level.found += [Change(path=path, kind=ChangeKind.DELETED)]
            return
        before = _topmost(below)
        kind = (
            ChangeKind.ADDED
            if before is None
            else None
            if _same(level.directory, name, status, before)
            else ChangeKind.MODIFIED
        )
        if stat.S_ISDIR(status.st_mode):
            if len(levels) > _DEEPEST:
                raise Failed(f"{path[:200]!r}: more than {_DEEPEST} directories in one another cannot be compared")
            with contextlib.suppress(NotADirectoryError):  # replaced by a file: its parent's next reading will tell
                below = visible(below)
                levels.append(_level(path, os.open(name, _DIRECTORY, dir_fd=level.directory), below, kind, whole=whole))
        elif kind is not None:
            level.found += [Change(path=path, kind=kind)]


def _topmost(candidates: list[str]) -> tuple[str, os.stat_result] | None:
    """Return what overlay would show of these paths, or None."""
    for path in candidates:
        with contextlib.suppress(FileNotFoundError):
            status = os.lstat(path)
            return None if is_whiteout(status) else (path, status)
    return None


def _same(directory: int, name: str, now: os.stat_result, before: tuple[str, os.stat_result]) -> bool:
    path, then = before
    if any(getattr(now, fact) != getattr(then, fact) for fact in ("st_mode", "st_uid", "st_gid", "st_rdev")):
        return False
    if stat.S_ISDIR(now.st_mode):
        return True
    if (now.st_size, now.st_mtime_ns) != (then.st_size, then.st_mtime_ns):
        return False
    return not stat.S_ISREG(now.st_mode) or _capabilities(f"/proc/self/fd/{directory}/{name}") == _capabilities(path)


def _capabilities(path: str) -> bytes:
    try:
        return os.getxattr(path, _CAPABILITIES, follow_symlinks=False)
    except OSError as error:
        if error.errno not in (errno.ENODATA, errno.ENOTSUP):
            raise
        return b""


def _hidden(level: _Level) -> list[str]:
    """Return the names that the layers below have in an opaque directory and it has not: they were deleted with it."""
    own = set(os.listdir(level.directory))
    names = {name for directory in level.below for name in os.listdir(directory)} - own
    return sorted(name for name in names if _topmost([os.path.join(directory, name) for directory in level.below]))


def _is_opaque(directory: int) -> bool:
    with contextlib.suppress(OSError):  # ENODATA: it has no such attribute
        return os.getxattr(directory, OPAQUE) == b"y"
    return False
