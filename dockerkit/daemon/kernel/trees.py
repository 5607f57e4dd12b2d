"""Trees that a container made: removed and measured by descriptor, through no link, whatever their depth.

``shutil.rmtree`` and ``os.fwalk`` call themselves for each level: a thousand directories in one another, which any program can
make, end them with ``RecursionError``, and such a tree would stay on the disk for ever. Never asks what is mounted within:
whoever removes has looked before.
"""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import stat
from collections.abc import Iterator
from itertools import islice

_LEVELS = 64
"""Directories that are open at once while a tree is removed; what is deeper is moved up first."""
_DEEPEST = 500
"""Levels that are measured."""
_BATCH = 4096
"""Entries of a directory that are held at once: a container can make millions."""
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_EXCHANGED = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP)


def remove(path: str, *, dir_fd: int | None = None) -> None:
    """Remove a directory and all beneath it; harmless when it is not there.

    :param dir_fd: of the directory that `path` is relative to.
    :raises OSError: the kernel refused; what was removed by then is gone. ENOTEMPTY: somebody still writes into it.
    """
    try:
        top = os.open(path, _DIRECTORY, dir_fd=dir_fd)
    except FileNotFoundError:
        return
    try:
        while _empty(top, top, _LEVELS):
            continue
    finally:
        os.close(top)
    os.rmdir(path, dir_fd=dir_fd)


def _empty(directory: int, top: int, levels: int) -> bool:
    """Remove what is in a directory, `levels` deep, and move what is deeper into `top`; tell whether anything was moved."""
    moved = False
    with os.scandir(directory) as entries:
        while batch := list(islice(entries, _BATCH)):  # not one by one: a system call for several is cheaper
            for entry in batch:
                if not entry.is_dir(follow_symlinks=False):
                    os.unlink(entry.name, dir_fd=directory)
                elif levels:
                    moved = _remove_below(entry.name, directory, top, levels) or moved
                else:
                    os.rename(entry.name, f"deep-{secrets.token_hex(16)}", src_dir_fd=directory, dst_dir_fd=top)
                    moved = True
    return moved


def _remove_below(name: str, directory: int, top: int, levels: int) -> bool:
    below = os.open(name, _DIRECTORY, dir_fd=directory)
    try:
        moved = _empty(below, top, levels - 1)
    finally:
        os.close(below)
    os.rmdir(name, dir_fd=directory)
    return moved


def files(directory: int) -> Iterator[os.stat_result]:
    """Yield what is known of everything beneath an open directory that is no directory itself, no deeper than 500 levels.

    What goes, or becomes something else, in the meantime is left out: whoever has the tree may go on writing.
    """
    levels = [_level(".", directory)]
    try:
        while levels:
            at, names = levels[-1]
            name = next(names, None)
            if name is None:
                os.close(levels.pop()[0])
                continue
            with contextlib.suppress(FileNotFoundError):
                status = os.stat(name, dir_fd=at, follow_symlinks=False)
                if not stat.S_ISDIR(status.st_mode):
                    yield status
                elif len(levels) < _DEEPEST and (below := _entered(name, at)) is not None:
                    levels.append(below)
    finally:
        for at, _ in levels:
            os.close(at)


def _entered(name: str, directory: int) -> tuple[int, Iterator[str]] | None:
    try:
        return _level(name, directory)
    except OSError as error:
        if error.errno not in _EXCHANGED:
            raise
        return None


def _level(name: str, directory: int) -> tuple[int, Iterator[str]]:
    opened = os.open(name, _DIRECTORY, dir_fd=directory)
    try:
        return opened, iter(os.listdir(opened))
    except BaseException:
        os.close(opened)
        raise
