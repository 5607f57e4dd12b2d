"""A package's files put where dpkg would put them: into a tree that grows on top of others. Runs none of its scripts.

As dpkg: a directory that is there keeps its attributes, one that is a link is followed, paths that are excluded
(:mod:`.slim`) stay away but are listed. Times of directories are nobody's business here: :mod:`.tidying` sets them.
"""

from __future__ import annotations

import hashlib
import os
import stat
import tarfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from dockerkit.daemon.images.archive import Stream, members
from dockerkit.daemon.images.bootstrap.union import Union
from dockerkit.daemon.images.making import Maker
from dockerkit.daemon.images.tree import Parts, Tree, split

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
Excluded = Callable[[str], bool]
"""An absolute path → whether it stays away."""


@dataclass(frozen=True, slots=True)
class Unpacked:
    """What a package has brought.

    :param paths: its files and directories as it names them, ``/.`` first, excluded ones too.
    :param places: where the files are that were written: path as named → path in the tree, without a leading ``/``.
    """

    paths: tuple[str, ...]
    places: dict[str, str]


class Unpacker:
    """Unpacks one package after another.

    :param root: path of the tree.
    :param below: the layers below it, topmost first.
    """

    def __init__(self, root: str, below: Sequence[str], excluded: Excluded) -> None:
        self._root = root
        self._descriptor = os.open(root, _DIRECTORY)
        self.union = Union((root, *below))
        self._excluded = excluded
        self._made: set[Parts] = {()}

    def close(self) -> None:
        """Give back the root's descriptor."""
        os.close(self._descriptor)

    def unpack(self, data: Sequence[bytes]) -> Unpacked:
        """Put a package's files into the tree.

        :raises Damaged: the archive is malformed.
        :raises OSError: the file system refuses.
        """
        tree, stream = Tree(self._descriptor), Stream(data, hashed=False)
        maker = _Maker(tree, stream, self)
        try:
            for member in members(stream):
                maker.apply(member)
        finally:
            tree.close()
        return Unpacked(tuple(maker.paths), maker.places)

    def write(self, path: str, content: bytes, mode: int = 0o644) -> None:
        """Write a file of our own, its directories as they are in the layers below.

        :param path: absolute, as it is seen inside.
        """
        parts = split(path)
        parent = self.ensure(Tree(self._descriptor), self.union.resolve(parts[:-1]))
        descriptor = os.open(f".new-{parts[-1]}", os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600, dir_fd=parent)
        with open(descriptor, "wb") as file:
            os.fchmod(descriptor, mode)
            file.write(content)
        os.rename(f".new-{parts[-1]}", parts[-1], src_dir_fd=parent, dst_dir_fd=parent)
        os.close(parent)

    def link(self, path: str, target: str) -> None:
        """Make a symbolic link unless something of its name is there."""
        parts = split(path)
        parent = self.ensure(Tree(self._descriptor), self.union.resolve(parts[:-1]))
        try:
            if not os.path.lexists(f"/proc/self/fd/{parent}/{parts[-1]}"):
                os.symlink(target, parts[-1], dir_fd=parent)
        finally:
            os.close(parent)

    def md5(self, place: str) -> str:
        """Return the MD5 of a file that was written (dpkg's word for "as it was delivered")."""
        with open(os.path.join(self._root, place), "rb") as file:
            return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()

    def excluded(self, path: str) -> bool:
        """Tell whether a path stays away."""
        return self._excluded(path)

    def ensure(self, tree: Tree, parts: Parts) -> int:
        """Return a new descriptor of a directory, made with its parents, each as the layers below have it."""
        for length in range(1, len(parts) + 1):
            if parts[:length] not in self._made:
                self._inherit(tree, parts[:length])
        return tree.find(parts)

    def _inherit(self, tree: Tree, parts: Parts) -> None:
        made, below = tree.directory(parts), self.union.below(parts)
        if below is not None:
            status = os.lstat(below)
            os.fchown(made, status.st_uid, status.st_gid)
            os.fchmod(made, stat.S_IMODE(status.st_mode))
        self._made.add(parts)

    def knows(self, parts: Parts) -> bool:
        """Tell whether a directory is there, in the tree or below, and note it."""
        return parts in self._made or self.union.below(parts) is not None

    def note(self, parts: Parts) -> None:
        """Remember that a directory is there with its attributes."""
        self._made.add(parts)


class _Maker(Maker):
    """The members of one package."""

    def __init__(self, tree: Tree, stream: Stream, unpacker: Unpacker) -> None:
        super().__init__(tree, stream)
        self._unpacker = unpacker
        self.paths: list[str] = []
        self.places: dict[str, str] = {}

    def _apply(self, parts: Parts, member: tarfile.TarInfo) -> None:
        named = f"/{'/'.join(parts)}" if parts else "/."
        self.paths.append(named)
        if not parts or self._unpacker.excluded(named):
            return
        above = self._unpacker.union.resolve(parts[:-1])
        place = self._unpacker.union.resolve(parts) if member.isdir() else (*above, parts[-1])
        if member.isdir():
            if self._unpacker.knows(place):
                return
            os.close(self._unpacker.ensure(self.tree, place[:-1]))
            super()._apply(place, member)
            self._unpacker.note(place)
            return
        os.close(self._unpacker.ensure(self.tree, above))
        if member.islnk():
            target = split(member.linkname)
            member.linkname = "/".join((*self._unpacker.union.resolve(target[:-1]), *target[-1:]))
        super()._apply(place, member)
        self.places[named] = "/".join(place)
