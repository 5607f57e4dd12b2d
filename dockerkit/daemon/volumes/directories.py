"""The directories of volumes, by descriptor: opened without following any link, made, and taken out of sight.

A container can change what is in a volume and nothing above it; whoever could put a link in place of a volume's directory is
told so and gets nowhere. Nothing here mounts.
"""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import stat

from dockerkit.daemon.kernel import beneath
from dockerkit.errors import Damaged, NotFound

DATA = "_data"
LAYERS = ".layers"
"""No volume's name begins with a dot."""
_DIRECTORY = os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_MODE = 0o755
_LINKED = (errno.ELOOP, errno.ENOTDIR)


class Directories:
    """The volumes of one data root.

    :param root: the data root; its ``volumes`` is made when first needed.
    """

    def __init__(self, root: str) -> None:
        self.path = os.path.join(root, "volumes")
        self._trash = os.path.join(root, "trash")

    def top(self) -> int:
        """Return a descriptor of the directory of all volumes; the caller closes it."""
        with contextlib.suppress(FileNotFoundError):
            return os.open(self.path, _DIRECTORY)
        with contextlib.suppress(FileExistsError):  # another thread was quicker
            os.mkdir(self.path, 0o701)
        return os.open(self.path, _DIRECTORY)

    def open(self, name: str, inside: str = DATA) -> int:
        """Return a descriptor (``O_PATH``) of a volume's directory, or of what is mounted on it.

        :raises NotFound: it is not there.
        :raises Damaged: a link or a file is in its place.
        """
        top = self.top()
        try:
            return beneath.open_in(top, f"{name}/{inside}", os.O_PATH | os.O_DIRECTORY, resolve=beneath.NO_SYMLINKS)
        except FileNotFoundError:
            raise NotFound(f"the directory of volume {name} is not there", hint=f"{self.mountpoint(name)} is missing") from None
        except OSError as error:
            if error.errno not in _LINKED:
                raise
            words = f"the directory of volume {name} is not a directory any more: something was put in its place"
            raise Damaged(words, hint=f"look at {self.mountpoint(name)}") from None
        finally:
            os.close(top)

    def mountpoint(self, name: str) -> str:
        """Return the path that is told to users, and where the volume is mounted."""
        return os.path.join(self.path, name, DATA)

    def make(self, name: str, *inside: str) -> None:
        """Make a volume's directory with `inside` it what it needs; what is there already stays."""
        top = self.top()
        try:
            with contextlib.suppress(FileExistsError):
                os.mkdir(name, 0o701, dir_fd=top)
            own = os.open(name, _DIRECTORY, dir_fd=top)
            try:
                for each in inside or (DATA,):
                    self._make_one(own, each)
            finally:
                os.close(own)
        finally:
            os.close(top)

    def _make_one(self, parent: int, name: str) -> None:
        with contextlib.suppress(FileExistsError):
            os.mkdir(name, _MODE, dir_fd=parent)
            os.chmod(name, _MODE, dir_fd=parent)  # whatever the umask is

    def exists(self, *parts: str) -> bool:
        """Tell whether a directory is there."""
        with contextlib.suppress(FileNotFoundError):
            return stat.S_ISDIR(os.lstat(os.path.join(self.path, *parts)).st_mode)
        return False

    def names(self, inside: str = "") -> list[str]:
        """Return what directories there are: of volumes, or of layers."""
        with contextlib.suppress(FileNotFoundError):
            return [name for name in os.listdir(os.path.join(self.path, inside)) if inside or not name.startswith(".")]
        return []

    def discard(self, *parts: str) -> str:
        """Take a directory out of sight at once; return where it waits to be deleted, ``""`` when it was not there."""
        place = os.path.join(self._trash, f"volume-{secrets.token_hex(8)}")
        try:
            os.rename(os.path.join(self.path, *parts), place)
        except FileNotFoundError:
            return ""
        return place
