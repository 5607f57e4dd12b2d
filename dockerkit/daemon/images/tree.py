"""A directory tree written by descriptor: the one place that resolves names from an archive on a real file system.

Every name is walked component by component from the root's descriptor with ``O_NOFOLLOW``; a symbolic link met on the way is
resolved inside the tree, as ``chroot`` would, however it is written. So no name, link or sequence of entries reaches a file
outside (the attack of CVE-2019-14271, CVE-2018-15664 and every "tar slip"). Never follows the last component, never uses a
path of the host.
"""

from __future__ import annotations

import contextlib
import errno
import os
import resource
import stat
from collections import deque

from dockerkit.daemon.kernel import trees
from dockerkit.errors import Damaged

OPAQUE = "trusted.overlay.opaque"
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
STAND_IN = os.makedev(0, (1 << 20) - 1)
"""A device that no kernel has; see :func:`make_whiteout`."""
_DEEPEST = 500
"""Directories in one another: nobody walks deeper ones, and no path leads to the deepest (PATH_MAX)."""
_KEPT = 256
"""Directories that stay open for what comes next: an archive's names need not be in order."""
_SHARE = 64
"""No tree keeps more than this part of the descriptors that the process may have: many layers come at once."""
_LINKS = 40
"""As many symbolic links in one name as the kernel allows (path_resolution(7))."""

Parts = tuple[str, ...]


def split(name: str) -> Parts:
    """Return the components of an archive's name; a leading ``/`` and ``.`` fall away, ``a/../b`` is ``b``.

    :raises Damaged: the name leads out of the tree, or holds a NUL.
    """
    parts: list[str] = []
    for part in name.split("/"):
        if part == ".." and not parts:
            raise Damaged(f"archive is hostile: {name!r} leads out of the tree")
        if part == "..":
            parts.pop()
        elif part not in ("", "."):
            parts.append(part)
    if "\0" in name:
        raise Damaged(f"archive is malformed: NUL in the name {name!r}")
    return tuple(parts)


def is_whiteout(status: os.stat_result) -> bool:
    """Tell whether a status is overlay's mark for "deleted here", a 0/0 character device, or ours where that is refused."""
    return stat.S_ISCHR(status.st_mode) and status.st_rdev in (0, STAND_IN)


def make_whiteout(directory: int, name: str) -> None:
    """Mark a name as deleted.

    A layer on an overlay may have no such mark: it would be that overlay's own. No overlay stands on such a layer, so that
    another one serves.
    """
    try:
        os.mknod(name, stat.S_IFCHR, 0, dir_fd=directory)
    except PermissionError:
        os.mknod(name, stat.S_IFCHR, STAND_IN, dir_fd=directory)


class Tree:
    """A root descriptor and the directories that were written to lately.

    :param root: descriptor of the directory; stays the caller's.
    """

    def __init__(self, root: int) -> None:
        self.root = root
        self._open: dict[Parts, int] = {}
        self._doubtful: list[int] = []
        self._room = max(1, min(_KEPT, resource.getrlimit(resource.RLIMIT_NOFILE)[0] // _SHARE))

    def close(self) -> None:
        """Give back the descriptors kept for speed."""
        self._doubt()
        _close(self._doubtful)

    def directory(self, parts: Parts) -> int:
        """Return the descriptor of a directory, made with its parents (0755, root) where missing.

        It belongs to the tree and is good until the next call.

        :raises Damaged: a component is a file, or links go round in circles.
        """
        if not parts:
            return self.root
        kept = self._open.get(parts)
        if kept is not None:
            return kept
        found = self._walk(parts, create=True)
        _close(self._doubtful)
        if len(self._open) >= self._room:
            os.close(self._open.pop(next(iter(self._open))))
        self._open[parts] = found
        return found

    def find(self, parts: Parts) -> int:
        """Return a new descriptor of an existing directory; the caller closes it.

        :raises Damaged: it is not there, or not a directory.
        """
        return self._walk(parts, create=False)

    def status(self, directory: int, name: str) -> os.stat_result | None:
        """Return the status of a name, links not followed, or None."""
        try:
            return os.stat(name, dir_fd=directory, follow_symlinks=False)
        except FileNotFoundError:
            return None

    def is_mark(self, status: os.stat_result) -> bool:
        """Tell whether a name is free although something bears it: overlay's mark for "deleted here"."""
        return is_whiteout(status)

    def clear(self, directory: int, name: str, status: os.stat_result) -> None:
        """Remove what bears a name, with everything beneath it."""
        if stat.S_ISDIR(status.st_mode):
            self._doubt()
            trees.remove(name, dir_fd=directory)
        else:
            if stat.S_ISLNK(status.st_mode):
                self._doubt()
            os.unlink(name, dir_fd=directory)

    def _doubt(self) -> None:
        """Forget where names lead, since a part of one is taken away; the descriptors stay for now: one may be in use."""
        self._doubtful += self._open.values()
        self._open.clear()

    def _walk(self, parts: Parts, *, create: bool) -> int:
        stack = [os.dup(self.root)]
        names, links = deque(parts), 0
        try:
            while names:
                name = names.popleft()
                if name in ("", "."):
                    continue
                if name == "..":
                    if len(stack) > 1:
                        os.close(stack.pop())
                    continue
                if len(stack) > _DEEPEST:
                    raise Damaged(f"archive is hostile: more than {_DEEPEST} directories in one another, at {name!r}")
                target = self._enter(stack, name, create=create)
                if target is not None:
                    links += 1
                    if links > _LINKS:
                        raise Damaged(f"archive is hostile: too many links in {'/'.join(parts)!r}")
                    if target.startswith("/"):
                        _close(stack, down_to=1)
                    names.extendleft(reversed(target.split("/")))
            return stack.pop()
        finally:
            _close(stack)

    def _enter(self, stack: list[int], name: str, *, create: bool) -> str | None:
        """Push the directory `name`, or return the target of the link that bears this name."""
        top = stack[-1]
        try:
            stack.append(os.open(name, _DIRECTORY, dir_fd=top))
        except OSError as error:
            if error.errno == errno.ENAMETOOLONG:
                raise Damaged(f"archive is malformed: the name {name[:40]!r}… is longer than a file name may be") from None
            if error.errno not in (errno.ENOENT, errno.ENOTDIR, errno.ELOOP):
                raise
        else:
            return None
        status = self.status(top, name)
        if status is not None and stat.S_ISLNK(status.st_mode):
            return os.readlink(name, dir_fd=top)
        if not create or (status is not None and not self.is_mark(status)):
            raise Damaged(f"archive is hostile: {name!r} is used as a directory and is not one")
        stack.append(make_directory(top, name, replaces=status))
        return None


def make_directory(parent: int, name: str, *, replaces: os.stat_result | None) -> int:
    """Make a directory (0755) and return its descriptor; one that replaces a whiteout hides what lies below (opaque)."""
    if replaces is not None:
        os.unlink(name, dir_fd=parent)
    os.mkdir(name, 0o700, dir_fd=parent)
    made = os.open(name, _DIRECTORY, dir_fd=parent)
    os.fchmod(made, 0o755)
    if replaces is not None:
        set_opaque(made)
    return made


def set_opaque(directory: int) -> None:
    """Mark a directory as hiding everything of its name in lower layers (overlayfs, kernel documentation)."""
    os.setxattr(directory, OPAQUE, b"y")


def _close(stack: list[int], *, down_to: int = 0) -> None:
    while len(stack) > down_to:
        with contextlib.suppress(OSError):  # close(2) of a directory opened for reading: the descriptor is gone either way
            os.close(stack.pop())
