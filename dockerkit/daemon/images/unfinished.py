"""A directory of the layer store that is being filled: nobody finds it before it is whole, and a crash leaves only its remains.

It is locked (flock(2)) by whoever fills it, so that a later start can tell a dead one from one that is being filled. Never
knows what goes in.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import tempfile
from collections.abc import Mapping

from dockerkit.daemon.images.store import PREFIX
from dockerkit.daemon.kernel import trees

RECORD = "layer.json"
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC


class Unfinished:
    """One such directory, with an empty ``fs`` in it; belongs to its maker until kept or discarded.

    :param directory: the layer store.
    """

    def __init__(self, directory: str) -> None:
        self._directory = directory
        self._path = tempfile.mkdtemp(prefix=PREFIX, dir=directory)
        self._lock = os.open(self._path, _DIRECTORY)
        self.root = -1
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX)
            os.mkdir("fs", 0o755, dir_fd=self._lock)
            self.root = os.open("fs", _DIRECTORY, dir_fd=self._lock)
            os.fchmod(self.root, 0o755)
            os.fchmod(self._lock, 0o711)
        except BaseException:
            self.discard()
            raise

    def keep(self, name: str, record: Mapping[str, object]) -> None:
        """Give the directory its name; when it is taken, what is there is as good and stays."""
        with open(os.path.join(self._path, RECORD), "w") as file:
            json.dump(record, file)
        with contextlib.suppress(FileExistsError):  # somebody was quicker: discarded below
            _rename(self._path, os.path.join(self._directory, name))
            self._path = ""
        self.discard()

    def discard(self) -> None:
        """Remove the directory unless it was kept; idempotent."""
        for descriptor in (self.root, self._lock):
            if descriptor >= 0:
                os.close(descriptor)
        self.root = self._lock = -1
        if self._path:
            trees.remove(self._path)
        self._path = ""


def _rename(source: str, target: str) -> None:
    """Rename a directory, and never over another one: rename(2) replaces an empty directory silently."""
    if os.path.isdir(target):
        raise FileExistsError(target)
    os.rename(source, target)


def remove_abandoned(directory: str) -> None:
    """Remove what a crash left half unpacked or half deleted; what somebody is filling now is left alone."""
    for name in os.listdir(directory):
        if name.startswith(PREFIX):
            _remove_abandoned(os.path.join(directory, name))


def _remove_abandoned(path: str) -> None:
    descriptor = os.open(path, _DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        trees.remove(path)
    except BlockingIOError:
        return  # its maker is alive
    except OSError as error:
        # the container in which a system was being configured outlived the daemon, and still writes: recovery kills it, and
        # the next start removes what is left
        if error.errno != errno.ENOTEMPTY:
            raise
    finally:
        os.close(descriptor)
