"""Control files beneath an open directory: one write(2) a value, one read a file; errors name the whole path."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(slots=True)
class Tree:
    """A hierarchy held open by descriptor, so that no mount made later can slip in between."""

    directory: str
    controllers: tuple[str, ...]
    descriptor: int

    @classmethod
    def open(cls, directory: str, controllers: tuple[str, ...]) -> Tree:
        """Open the root of a hierarchy; the descriptor closes at exec.

        :raises OSError: it is not there.
        """
        return cls(directory, controllers, os.open(directory, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC))

    def close(self) -> None:
        """Close the descriptor; whoever still uses this tree gets EBADF, never a file that took the number over."""
        descriptor, self.descriptor = self.descriptor, -1
        os.close(descriptor)

    def make(self, path: str) -> None:
        """Make the group `path`; succeeds when it exists."""
        with contextlib.suppress(FileExistsError), self._naming(path):
            os.mkdir(path, 0o755, dir_fd=self.descriptor)

    def unmake(self, path: str) -> None:
        """Remove the group `path`; succeeds when it is gone.

        :raises OSError: EBUSY, processes or groups are inside.
        """
        with contextlib.suppress(FileNotFoundError), self._naming(path):
            os.rmdir(path, dir_fd=self.descriptor)

    def enter(self, path: str) -> int:
        """Return a new descriptor of the group `path`, for calls that take a group by descriptor; it closes at exec.

        :raises OSError: ENOENT, it is gone.
        """
        with self._naming(path):
            return os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=self.descriptor)

    @contextlib.contextmanager
    def opened(self, file: str) -> Iterator[int]:
        """Hold a control file open for reading, to hear of its changes (poll(2), POLLPRI)."""
        with self._naming(file):
            descriptor = os.open(file, os.O_RDONLY | os.O_CLOEXEC, dir_fd=self.descriptor)
            try:
                yield descriptor
            finally:
                os.close(descriptor)

    def write(self, file: str, value: str) -> None:
        """Write one value into a control file, in one call as the kernel demands."""
        with self._naming(file):
            descriptor = os.open(file, os.O_WRONLY | os.O_CLOEXEC, dir_fd=self.descriptor)
            try:
                os.write(descriptor, value.encode())
            finally:
                os.close(descriptor)

    def read(self, file: str) -> str:
        """Return the text of a control file, without surrounding white space."""
        with self._naming(file):
            descriptor = os.open(file, os.O_RDONLY | os.O_CLOEXEC, dir_fd=self.descriptor)
            with open(descriptor, encoding="ascii", errors="replace") as content:
                return content.read().strip()

    def has(self, file: str) -> bool:
        """Return whether a control file or group exists."""
        try:
            os.stat(file, dir_fd=self.descriptor)
        except FileNotFoundError:
            return False
        return True

    def nested(self, path: str) -> list[str]:
        """Return the groups directly inside `path`; none when it is gone."""
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=self.descriptor)
        except FileNotFoundError:
            return []
        try:
            with os.scandir(descriptor) as entries:
                return sorted(f"{path}/{entry.name}" for entry in entries if entry.is_dir(follow_symlinks=False))
        finally:
            os.close(descriptor)

    @contextlib.contextmanager
    def _naming(self, path: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise OSError(error.errno, error.strerror, os.path.join(self.directory, path)) from None
