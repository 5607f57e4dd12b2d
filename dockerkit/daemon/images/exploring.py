"""What is in an image, layer by layer: files added, changed and removed, and how much of it nobody can see any more.

Efficiency is computed as ``dive`` does: of each file the least that any layer brought (nothing, where one removes it), by all
that was brought. What is between the two is wasted. Unlike there a removed directory counts by the files in it. Reads unpacked
layers only; never follows a link.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from dockerkit.daemon.images.initial import is_opaque
from dockerkit.daemon.images.tree import is_whiteout

ADDED, CHANGED, REMOVED = "added", "changed", "removed"


@dataclass(frozen=True, slots=True)
class Entry:
    """One name in a layer.

    :param kind: added, changed, removed.
    :param size: bytes; of what is removed: that it had.
    """

    path: str
    kind: str
    size: int
    type: str = "file"


@dataclass(frozen=True, slots=True)
class Waste:
    """One file that was brought more than once, or brought and removed.

    :param size: bytes that nobody can see any more.
    """

    path: str
    count: int
    size: int


@dataclass(slots=True)
class Explored:
    """An image, layer by layer, lowest first.

    :param size: bytes of all layers' files.
    :param efficiency: between 0 and 1.
    """

    layers: list[list[Entry]] = field(default_factory=list)
    wasted: list[Waste] = field(default_factory=list)
    size: int = 0
    efficiency: float = 1.0

    @property
    def wasted_bytes(self) -> int:
        """Bytes that nobody can see any more."""
        return sum(waste.size for waste in self.wasted)


@dataclass(slots=True)
class _History:
    """What one path has been through: how often it was brought or removed, and how large it was."""

    count: int = 0
    total: int = 0
    least: int = -1

    def met(self, size: int) -> None:
        self.count += 1
        self.total += size
        self.least = size if self.least < 0 else min(self.least, size)


def explore(directories: Sequence[str]) -> Explored:
    """Look through unpacked layers.

    :param directories: their files, lowest first.
    """
    looking = _Looking()
    layers = [list(looking.layer(directory)) for directory in directories]
    histories = looking.histories
    again = [Waste(path, one.count, one.total - one.least) for path, one in histories.items() if one.count > 1]
    total = sum(one.total for one in histories.values())
    return Explored(
        layers=layers,
        wasted=sorted((waste for waste in again if waste.size), key=lambda waste: (-waste.size, waste.path)),
        size=total,
        efficiency=sum(one.least for one in histories.values()) / total if total else 1.0,
    )


class _Looking:
    """The paths met so far, from the lowest layer up.

    ``seen`` is what can be seen above the layers looked through: path → size, or None for a directory.
    """

    def __init__(self) -> None:
        self.seen: dict[str, int | None] = {}
        self._within: dict[str, dict[str, None]] = {}
        self.histories: dict[str, _History] = {}

    def layer(self, directory: str) -> Iterator[Entry]:
        """Yield what one layer does, by name."""
        for path, full, status in _walk(directory):
            if is_whiteout(status):
                yield from self._removed(path)
            elif stat.S_ISDIR(status.st_mode):
                yield from self._directory(path, full)
            else:
                yield self._file(path, status)

    def _directory(self, path: str, full: str) -> Iterator[Entry]:
        if path in self.seen and is_opaque(full):
            yield from self._removed(path, itself=False)
        kind = CHANGED if path in self.seen else ADDED
        if path in self.seen and self.seen[path] is not None:
            yield from self._removed(path)
        self._see(path, None)
        yield Entry(path, kind, 0, "directory")

    def _file(self, path: str, status: os.stat_result) -> Entry:
        size = status.st_size if stat.S_ISREG(status.st_mode) else 0
        kind = CHANGED if path in self.seen else ADDED
        if self.seen.get(path, 0) is None:
            for below in self._below(path):
                self._forget(below)
        self._see(path, size)
        self.histories.setdefault(path, _History()).met(size)
        return Entry(path, kind, size, _type(status.st_mode))

    def _removed(self, path: str, *, itself: bool = True) -> Iterator[Entry]:
        """Yield a name's end, and that of everything beneath it."""
        gone = [*([path] if itself and path in self.seen else []), *self._below(path)]
        for name in gone:
            size = self._forget(name)
            if size is not None:
                self.histories[name].met(0)
            yield Entry(name, REMOVED, size or 0, "directory" if size is None else "file")

    def _see(self, path: str, size: int | None) -> None:
        self.seen[path] = size
        self._within.setdefault(path.rpartition("/")[0], {})[path] = None

    def _forget(self, path: str) -> int | None:
        self._within[path.rpartition("/")[0]].pop(path)
        return self.seen.pop(path)

    def _below(self, path: str) -> list[str]:
        """Return everything beneath a directory, parents first."""
        found = list(self._within.get(path, ()))
        for name in found:  # grows while it is gone through
            found += self._within.get(name, ())
        return found


def _walk(directory: str) -> Iterator[tuple[str, str, os.stat_result]]:
    """Yield everything in a layer as (path in the image, path on the host, status), by name."""
    waiting = [("", directory)]
    while waiting:
        inside, outside = waiting.pop()
        with os.scandir(outside) as entries:
            found = sorted(entries, key=lambda entry: entry.name)
        below = []
        for entry in found:
            status = entry.stat(follow_symlinks=False)
            path = f"{inside}/{entry.name}"
            yield path, entry.path, status
            if stat.S_ISDIR(status.st_mode):
                below.append((path, entry.path))
        waiting.extend(reversed(below))


def _type(mode: int) -> str:
    kinds = {stat.S_IFREG: "file", stat.S_IFLNK: "link", stat.S_IFIFO: "pipe"}
    return kinds.get(stat.S_IFMT(mode), "device")
