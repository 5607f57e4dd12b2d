"""Files beneath one directory, by its descriptor: no link is followed, and what is written is there whole or not at all.

Paths are relative, made of checked names (:mod:`.grammar`). A name that starts with ``.tmp-`` is being written, or was when
somebody died; :meth:`Tree.names` does not see it. Never knows what a file means. Source: openat2(2), rename(2), fsync(2).
"""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import stat
from collections.abc import Iterator

from dockerkit.daemon.kernel.beneath import NO_SYMLINKS, make_directory, open_in

PREFIX = ".tmp-"
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY


class Tree:
    """A directory and all that is in it. Thread-safe.

    :param path: made when missing.
    :param durable: what was written survives a power cut; without, only the end of a process.
    """

    def __init__(self, path: str, *, durable: bool = True) -> None:
        os.makedirs(path, mode=0o700, exist_ok=True)
        self.durable = durable
        self.root = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)

    def close(self) -> None:
        """Let go of the directory."""
        os.close(self.root)

    def open(self, path: str, flags: int = os.O_RDONLY) -> int:
        """Return a descriptor of what is there already.

        :raises OSError: ENOENT, ENOTDIR; ELOOP where a link is in the way.
        """
        return open_in(self.root, path, flags, resolve=NO_SYMLINKS)

    def read(self, path: str) -> bytes:
        """Return a small file's content.

        :raises FileNotFoundError: it is not there.
        """
        with open(self.open(path), "rb") as file:
            return file.read()

    def stat(self, path: str) -> os.stat_result | None:
        """Return what is known of a file; None when it is not there."""
        try:
            descriptor = self.open(path, os.O_PATH)
        except (FileNotFoundError, NotADirectoryError):
            return None
        try:
            return os.fstat(descriptor)
        finally:
            os.close(descriptor)

    def names(self, path: str) -> list[str]:
        """Return the names in a directory, sorted; none when it is not there."""
        try:
            directory = self.open(path, _DIRECTORY)
        except (FileNotFoundError, NotADirectoryError):
            return []
        try:
            return sorted(name for name in os.listdir(directory) if not name.startswith(PREFIX))
        finally:
            os.close(directory)

    def write(self, path: str, content: bytes) -> None:
        """Replace a small file's content, or make it, with its directory: the old bytes or the new are there, never a part."""
        with self.temporary(path.rpartition("/")[0]) as (descriptor, name):
            with open(descriptor, "wb", closefd=False) as file:
                file.write(content)
            self.rename(name, path, descriptor)

    @contextlib.contextmanager
    def temporary(self, directory: str) -> Iterator[tuple[int, str]]:
        """Make a file that goes with the block unless it was renamed; yield its descriptor and path."""
        name = f"{PREFIX}{secrets.token_hex(12)}"
        descriptor = self.create(f"{directory}/{name}")
        try:
            yield descriptor, f"{directory}/{name}"
        finally:
            os.close(descriptor)
            self.remove(f"{directory}/{name}")

    def create(self, path: str) -> int:
        """Make an empty file, with its directory, and return a descriptor to write to it.

        :raises FileExistsError: something is there.
        """
        with self._parent(path, make=True) as (directory, name):
            return os.open(name, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600, dir_fd=directory)

    def rename(self, source: str, target: str, descriptor: int) -> None:
        """Give a file its name, which exists from now on whole, whenever the machine stops.

        :param descriptor: of the file.
        """
        if self.durable:
            os.fsync(descriptor)
        with self._parent(source) as (one, old), self._parent(target, make=True) as (other, new):
            os.rename(old, new, src_dir_fd=one, dst_dir_fd=other)
            if self.durable:
                os.fsync(other)

    def remove(self, path: str) -> bool:
        """Remove a file; tell whether it was there."""
        try:
            with self._parent(path) as (directory, name):
                os.unlink(name, dir_fd=directory)
        except (FileNotFoundError, NotADirectoryError):
            return False
        return True

    def remove_empty(self, path: str) -> bool:
        """Remove a directory if nothing is in it; tell whether it went."""
        try:
            with self._parent(path) as (directory, name):
                os.rmdir(name, dir_fd=directory)
        except OSError as error:
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST, errno.ENOENT, errno.ENOTDIR):
                raise
            return False
        return True

    def touch(self, path: str) -> bool:
        """Note that a file was asked for now; tell whether it is there."""
        try:
            with self._parent(path) as (directory, name):
                os.utime(name, dir_fd=directory, follow_symlinks=False)
        except (FileNotFoundError, NotADirectoryError):
            return False
        return True

    def remove_unfinished(self, path: str = ".") -> None:
        """Remove what somebody who died was writing. To be called when nobody writes."""
        directory = self.open(path, _DIRECTORY)
        try:
            for entry in os.scandir(directory):
                if entry.name.startswith(PREFIX):
                    os.unlink(entry.name, dir_fd=directory)
                elif stat.S_ISDIR(entry.stat(follow_symlinks=False).st_mode):
                    self.remove_unfinished(f"{path}/{entry.name}")
        finally:
            os.close(directory)

    @contextlib.contextmanager
    def _parent(self, path: str, *, make: bool = False) -> Iterator[tuple[int, str]]:
        above, _, name = path.rpartition("/")
        try:
            directory = self.open(above or ".", _DIRECTORY)
        except FileNotFoundError:
            if not make:
                raise
            os.close(make_directory(self.root, above, 0o700))
            directory = self.open(above, _DIRECTORY)
        try:
            yield directory, name
        finally:
            os.close(directory)
