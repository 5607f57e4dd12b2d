"""A tar from outside is put into a live tree: the way in of ``docker cp``.

Unlike a layer's, names of whiteouts are names like others, what is there already may belong to somebody, and the tree may be a
running container's, changed while it is written. Names are walked from the tree's own root, so a link of the container leads
where it leads inside the container and never out (CVE-2018-15664). Docker's own rules are kept: no member and no link may point
out of the destination, and with ``noOverwriteDirNonDir`` no directory becomes a file or the other way round.
"""

from __future__ import annotations

import errno
import os
import stat
import tarfile
from collections.abc import Iterable

from dockerkit.daemon.images.archive import Stream, members
from dockerkit.daemon.images.compression import decompress
from dockerkit.daemon.images.making import Maker
from dockerkit.daemon.images.tree import Parts, Tree, split
from dockerkit.daemon.kernel import mounts
from dockerkit.errors import Damaged, NotAllowed

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


class Destination(Tree):
    """A directory inside a tree: names start there, links are taken from the tree's root.

    :param root: descriptor of the tree's root.
    :param base: the directory, as components from the root.
    :param hidden: devices (``st_dev``) in which nothing is written: the kernel's own file systems.
    """

    def __init__(self, root: int, base: Parts, hidden: frozenset[int]) -> None:
        super().__init__(root)
        self.base = base
        self.hidden = hidden

    def directory(self, parts: Parts) -> int:
        """See :class:`~dockerkit.daemon.images.tree.Tree`.

        :raises NotAllowed: the directory is of one of the hidden file systems.
        """
        found = super().directory(self.base + parts)
        if os.fstat(found).st_dev in self.hidden:
            raise NotAllowed(f"/{'/'.join(self.base + parts)} belongs to the kernel: nothing can be copied into it")
        return found

    def find(self, parts: Parts) -> int:
        """See :class:`~dockerkit.daemon.images.tree.Tree`."""
        return super().find(self.base + parts)

    def clear(self, directory: int, name: str, status: os.stat_result) -> None:
        """See :class:`~dockerkit.daemon.images.tree.Tree`.

        :raises OSError: EBUSY, something is mounted on the name or, it being a directory, within.
        """
        # the kernel forbids removing a mount point in one's own mount namespace only; in a container's it would unmount it
        entry = os.open(name, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=directory)
        try:
            if mounts.number(entry) != mounts.number(directory) or (stat.S_ISDIR(status.st_mode) and _holds_mounts(entry)):
                raise OSError(errno.EBUSY, os.strerror(errno.EBUSY), name)
        finally:
            os.close(entry)
        super().clear(directory, name, status)

    def is_mark(self, status: os.stat_result) -> bool:
        """Tell that nothing here is overlay's mark: a live tree shows none, and a 0/0 device is a device."""
        return False


def _holds_mounts(directory: int) -> bool:
    """Whether something is mounted within: it must not be removed with the rest. However deep: one descriptor at a time.

    :raises OSError: EBUSY, somebody moves directories of it meanwhile.
    """
    own = mounts.number(directory)
    at = os.open(".", _DIRECTORY, dir_fd=directory)
    try:
        levels = [_Level(at)]
        while levels:
            entry = next(levels[-1].entries, None)
            if entry is not None and mounts.number(at, entry[0]) != own:
                return True
            if entry is None:
                levels.pop()
                at = _moved(at, "..", levels[-1].identity) if levels else at
            elif entry[1]:
                at = _moved(at, entry[0])
                levels.append(_Level(at))
        return False
    finally:
        os.close(at)


class _Level:
    """A directory on the way down: which it is, and its entries that are still to be looked at."""

    def __init__(self, directory: int) -> None:
        self.identity = _identity(directory)
        with os.scandir(directory) as entries:
            self.entries = iter([(entry.name, entry.is_dir(follow_symlinks=False)) for entry in entries])


def _identity(directory: int) -> tuple[int, int]:
    status = os.fstat(directory)
    return status.st_dev, status.st_ino


def _moved(at: int, name: str, expected: tuple[int, int] | None = None) -> int:
    """Return a directory opened from another one, which is closed then."""
    found = os.open(name, _DIRECTORY, dir_fd=at)
    if expected is not None and _identity(found) != expected:
        os.close(found)
        raise OSError(errno.EBUSY, os.strerror(errno.EBUSY), name)
    os.close(at)
    return found


def extract(
    chunks: Iterable[bytes],
    destination: Destination,
    *,
    keep_kinds: bool = False,
    owner: tuple[int, int] | None = None,
    own_root: bool = False,
) -> None:
    """Put an archive, compressed or not, into a directory; what was put when something fails stays.

    :param keep_kinds: refuse to replace a directory by something else, or something else by a directory.
    :param owner: uid and gid that everything gets; None: as the archive says.
    :param own_root: the destination itself gets the owner and mode of the archive's ``.``: it is a whole, not a part of one.
    :raises Damaged: the archive is malformed, cut short or hostile, or `keep_kinds` is violated.
    :raises NotAllowed: a name leads into the kernel's own file systems.
    :raises OSError: the file system refuses; ``filename`` is the last component.
    """
    stream = Stream(decompress(chunks), hashed=False)
    extractor = _Extractor(destination, stream, keep_kinds=keep_kinds, owner=owner, own_root=own_root)
    try:
        for member in members(stream):
            extractor.apply(member)
        extractor.finish()
    finally:
        destination.close()
    stream.finish()


class _Extractor(Maker):
    """The members of an archive from outside."""

    tree: Destination

    def __init__(
        self, tree: Destination, stream: Stream, *, keep_kinds: bool, owner: tuple[int, int] | None, own_root: bool
    ) -> None:
        super().__init__(tree, stream)
        self._own_root = own_root
        self._keep_kinds = keep_kinds
        self._everybody = owner

    def _apply(self, parts: Parts, member: tarfile.TarInfo) -> None:
        if member.issym():
            self._check_link(parts, member)
        if self._keep_kinds and parts:
            self._check_kind(parts, member)
        super()._apply(parts, member)

    def _root(self, member: tarfile.TarInfo) -> None:
        super()._root(member)
        if self._own_root:
            root = os.open(".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=self.tree.directory(()))
            try:
                os.fchown(root, *self._owner(member))
                os.fchmod(root, stat.S_IMODE(member.mode))
            finally:
                os.close(root)

    def _directory(self, parts: Parts, member: tarfile.TarInfo) -> None:
        status = self.tree.status(self.tree.directory(parts[:-1]), parts[-1])
        if status is None or not stat.S_ISDIR(status.st_mode) or status.st_dev not in self.tree.hidden:
            super()._directory(parts, member)  # else a mount of the kernel's, which keeps its attributes

    def _owner(self, member: tarfile.TarInfo) -> tuple[int, int]:
        return self._everybody or super()._owner(member)

    def _check_link(self, parts: Parts, member: tarfile.TarInfo) -> None:
        if member.linkname.startswith("/"):
            return  # taken from the container's root by whoever follows it, as dockerd lets it
        try:
            split("/".join((*parts[:-1], member.linkname)))
        except Damaged:
            raise Damaged(f'invalid symlink "{self._shown(parts)}" -> "{member.linkname}"') from None

    def _check_kind(self, parts: Parts, member: tarfile.TarInfo) -> None:
        status = self.tree.status(self.tree.directory(parts[:-1]), parts[-1])
        if status is None or stat.S_ISDIR(status.st_mode) == member.isdir():
            return
        kinds = ("non-directory", "directory") if member.isdir() else ("directory", "non-directory")
        raise Damaged(f'cannot overwrite {kinds[0]} "{self._shown(parts)}" with {kinds[1]} "{self._shown(())}"')

    def _shown(self, parts: Parts) -> str:
        return "/" + "/".join(self.tree.base + parts)
