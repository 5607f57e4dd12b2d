"""The driver ``local``: a volume is a directory of the data root, or a file system mounted on one while somebody uses it.

Never decides who uses a volume, and never deletes a directory on which something is mounted.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from dockerkit.daemon.kernel import trees
from dockerkit.daemon.volumes import mounting
from dockerkit.daemon.volumes.copying import copy_tree, shares_blocks
from dockerkit.daemon.volumes.directories import DATA, LAYERS, Directories
from dockerkit.daemon.volumes.layers import DEEPEST, Layers
from dockerkit.daemon.volumes.names import check_volume_name
from dockerkit.daemon.volumes.options import check_options, read_options
from dockerkit.errors import Conflict, Exhausted

_NO_ROOM = (errno.ENOSPC, errno.EDQUOT)


@dataclass(frozen=True, slots=True)
class Shelf:
    """What ``local`` has to know of a volume: its name, its options, and the layers it stands on, the topmost first."""

    name: str
    options: Mapping[str, str] = field(default_factory=dict)
    layers: Sequence[str] = ()

    @property
    def mountable(self) -> bool:
        """Whether something is mounted on its directory while it is used."""
        return "type" in self.options or bool(self.layers)


class Local:
    """The volumes of one data root that need no program of others."""

    scope = "local"

    def __init__(self, root: str) -> None:
        self.directories = Directories(root)
        self.layers = Layers(self.directories)
        self._shares: bool | None = None
        self._stacks: bool | None = None

    def check(self, name: str, options: Mapping[str, str]) -> None:
        """Refuse a name or options that cannot be.

        :raises Invalid: in Docker's words.
        """
        check_volume_name(name)
        check_options(options)

    def create(self, name: str) -> None:
        """Make a volume's directory; harmless when it is there.

        :raises Exhausted: no room.
        """
        try:
            self.directories.make(name)
        except OSError as error:
            if error.errno in _NO_ROOM:
                raise Exhausted(f"error while creating volume root path '{self.mountpoint(name)}': {error.strerror}") from error
            raise

    def mountpoint(self, name: str) -> str:
        """Return where the volume's files are, when it is mounted or needs not be."""
        return self.directories.mountpoint(name)

    def open(self, name: str) -> int:
        """Return a descriptor (``O_PATH``) of what is in a volume; it has to be mounted, if it is of that kind."""
        return self.directories.open(name)

    def mount(self, shelf: Shelf) -> None:
        """Mount a volume on its directory, if it is of that kind; harmless when something is mounted there.

        :raises Failed: it cannot be mounted; in dockerd's words.
        """
        if not shelf.mountable or mounting.mounted_beneath(self.mountpoint(shelf.name)):
            return
        if shelf.layers:
            self.layers.mount(shelf.name, shelf.layers)
        elif wanted := read_options(shelf.options):
            mounting.mount_file_system(self.directories, shelf.name, wanted)

    def unmount(self, name: str) -> None:
        """Take what is mounted on a volume's directory off it; harmless when nothing is."""
        mounting.unmount(self.mountpoint(name))

    def mounted(self) -> list[str]:
        """Return the names of the volumes on whose directories something is mounted."""
        top = self.directories.path
        points = (os.path.relpath(point, top).split(os.sep) for point in mounting.mounted_beneath(top))
        return sorted({parts[0] for parts in points if parts[1:] == [DATA]})

    def remove(self, name: str) -> str:
        """Take a volume out of sight; return where it waits to be deleted.

        :raises Conflict: something is mounted within: its files would be deleted.
        """
        self.unmount(name)
        place = os.path.join(self.directories.path, name)
        if within := mounting.mounted_beneath(place):
            raise Conflict(f"remove {name}: {within[-1]} is mounted within it", hint=f"umount {within[-1]}, then try again")
        return self.directories.discard(name)

    def delete(self, place: str) -> None:
        """Delete what was taken out of sight, by descriptor and never through a link."""
        if place:
            trees.remove(place)

    def size(self, name: str) -> int:
        """Return the bytes of all its files, those with several names once; of a clone, those that are its own."""
        total, seen = 0, set()
        inside = "upper" if self.directories.exists(name, "upper") else DATA
        top = self.directories.open(name, inside)
        try:
            for status in trees.files(top):
                if (status.st_dev, status.st_ino) not in seen:
                    total += status.st_size
                    seen.add((status.st_dev, status.st_ino))
        finally:
            os.close(top)
        return total

    def way_to_clone(self, shelf: Shelf) -> str:
        """Return how a volume is cloned here: ``reflink`` (blocks are shared), ``overlay`` (layers are), or ``copy``."""
        if shelf.layers or not self._sharing():
            self._stacks = self.layers.possible() if self._stacks is None else self._stacks
            return "overlay" if self._stacks and len(shelf.layers) < DEEPEST else "copy"
        return "reflink"

    def _sharing(self) -> bool:
        if self._shares is None:
            top = self.directories.top()
            try:
                reading = os.open(".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=top)
                self._shares = shares_blocks(reading)
                os.close(reading)
            finally:
                os.close(top)
        return self._shares

    def copy(self, source: str, target: str) -> None:
        """Copy what is in one volume into another, which is empty; blocks are shared where they can be."""
        reading, writing = self.open(source), self.open(target)
        try:
            copy_tree(reading, writing)
        finally:
            os.close(reading)
            os.close(writing)

    def stray(self, known: Mapping[str, object]) -> list[str]:
        """Return names of directories that no record speaks of: of volumes that were half made or half removed."""
        return [name for name in self.directories.names() if name not in known]

    def stray_layers(self) -> list[str]:
        """Return the layers there are."""
        return self.directories.names(LAYERS)
