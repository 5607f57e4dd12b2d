"""A log's files: ``log`` is written to; when it is full it becomes ``log.1``, that one ``log.2``, and the oldest goes.

A record is never split between files. The writer makes the new file before it moves any, so a full disk leaves the old one in
place; between the two moves there is for a moment no ``log``. Standard library only; there is one writer.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator

from dockerkit.daemon.logs import records

_NEXT = ".next"
_ATTEMPTS = 16


def rotate(path: str, files: int) -> int:
    """Make room for a new ``log`` among at most `files` and return its descriptor, to append to and read from.

    :raises OSError: ENOSPC and the like; then nothing was moved.
    """
    made = path + _NEXT
    fresh = os.open(made, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND | os.O_CLOEXEC, 0o600)
    for number in range(max(files - 1, 0), 0, -1):
        with contextlib.suppress(FileNotFoundError):  # there are not so many yet, or somebody took one away
            os.rename(path if number == 1 else f"{path}.{number - 1}", f"{path}.{number}")
    os.rename(made, path)
    number = max(files, 1)
    with contextlib.suppress(FileNotFoundError):  # the end; there are some when it was told to keep more before
        while True:
            os.unlink(f"{path}.{number}")
            number += 1
    return fresh


def chain(path: str) -> list[str]:
    """Return the files of a log, oldest first; the last is `path` itself, whether it exists or not."""
    found = [path]
    while os.path.exists(older := f"{path}.{len(found)}"):
        found.insert(0, older)
    return found


def read_all(path: str) -> Iterator[records.Record]:
    """Yield all records of a log, those of its older files first, to the end as it is when it is reached.

    A rotation meanwhile loses and repeats nothing: the files are open by then, and what is begun later is not read.

    :raises OSError: as open(2) and pread(2).
    :raises ValueError: a file is not a log.
    """
    opened = _open_all(path)
    try:
        for descriptor in opened:
            yield from records.read(descriptor)
    finally:
        for descriptor in opened:
            os.close(descriptor)


def _open_all(path: str) -> list[int]:
    """Open the files of a log, oldest first, all of one moment: again, when there was a rotation in between."""
    for _ in range(_ATTEMPTS):
        opened: list[int] = []
        for name in chain(path):
            with contextlib.suppress(FileNotFoundError):
                opened.append(os.open(name, os.O_RDONLY | os.O_CLOEXEC))
        if _is_newest(path, opened):
            break
        for descriptor in opened:
            os.close(descriptor)
    return opened


def _is_newest(path: str, opened: list[int]) -> bool:
    """Return whether `opened` is still the whole chain: its last file is the newest, and none was opened twice."""
    inodes = [os.fstat(descriptor).st_ino for descriptor in opened]
    try:
        newest = os.stat(path).st_ino
    except FileNotFoundError:
        return not opened
    return bool(inodes) and inodes[-1] == newest and len(set(inodes)) == len(inodes) == len(chain(path))
