"""What was changed in a copy becomes a layer again: names of the same files, and overlay's marks for what is gone.

Reads the copy by descriptor and beneath its root, since a container may run in it. Never copies a file's content, never decides
what has changed.
"""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterable, Sequence

from dockerkit.daemon.images.initial import visible
from dockerkit.daemon.images.snapshots.copying import give_attributes
from dockerkit.daemon.images.tree import Parts, Tree, is_whiteout, make_directory, make_whiteout, split
from dockerkit.daemon.kernel import beneath
from dockerkit.schema.archive import Change, ChangeKind

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def gather(found: Iterable[Change], source: int, target: int, lower: Sequence[str] | None = None) -> None:
    """Bring what was found changed in `source` into the layer `target`, parents first.

    :param lower: what lies below the layer, topmost first; None: all that was deleted is below.
    :raises OSError: no room, or the file system refuses.
    """
    gathering = _Gathering(source, Tree(target), lower)
    try:
        for change in found:
            with contextlib.suppress(FileNotFoundError, NotADirectoryError):  # it went while it was read
                gathering.bring(split(change.path), change.kind)
        gathering.finish()
    finally:
        gathering.tree.close()


class _Gathering:
    """One gathering."""

    def __init__(self, source: int, tree: Tree, lower: Sequence[str] | None) -> None:
        self.tree = tree
        self._source, self._lower = source, lower
        self._directories: list[Parts] = []

    def bring(self, parts: Parts, kind: int) -> None:
        """Bring one change."""
        *above, name = parts
        if kind == ChangeKind.DELETED:
            self._clear(parts)
            if self._is_below(parts):
                make_whiteout(self.tree.directory(tuple(above)), name)
            return
        origin = beneath.open_in(self._source, "/" + "/".join(above), os.O_PATH | os.O_DIRECTORY)
        try:
            if stat.S_ISDIR(os.stat(name, dir_fd=origin, follow_symlinks=False).st_mode):
                self._directory(parts)
            else:
                self._clear(parts)
                parent = self.tree.directory(tuple(above))
                os.link(name, name, src_dir_fd=origin, dst_dir_fd=parent, follow_symlinks=False)
        finally:
            os.close(origin)

    def finish(self) -> None:
        """Give the directories their attributes, which what was made in them has changed."""
        for parts in reversed(self._directories):
            with contextlib.suppress(FileNotFoundError, NotADirectoryError):
                source = beneath.open_in(self._source, "/" + "/".join(parts), os.O_RDONLY | os.O_DIRECTORY)
                try:
                    target = self.tree.find(parts)
                    try:
                        give_attributes(source, target, os.fstat(source))
                    finally:
                        os.close(target)
                finally:
                    os.close(source)

    def _directory(self, parts: Parts) -> None:
        parent, name = self.tree.directory(parts[:-1]), parts[-1]
        status = self.tree.status(parent, name)
        if status is None or not stat.S_ISDIR(status.st_mode):
            if status is not None and not is_whiteout(status):
                self.tree.clear(parent, name, status)
                status = None
            os.close(make_directory(parent, name, replaces=status))
        self._directories.append(parts)

    def _clear(self, parts: Parts) -> None:
        parent = self.tree.directory(parts[:-1])
        if (status := self.tree.status(parent, parts[-1])) is not None:
            self.tree.clear(parent, parts[-1], status)

    def _is_below(self, parts: Parts) -> bool:
        if self._lower is None:
            return True
        below = list(self._lower)
        for part in parts[:-1]:
            below = visible([os.path.join(directory, part) for directory in below])
        for directory in below:
            with contextlib.suppress(FileNotFoundError):
                return not is_whiteout(os.lstat(os.path.join(directory, parts[-1])))
        return False
