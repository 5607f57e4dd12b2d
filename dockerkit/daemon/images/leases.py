"""Leases: what a pull, load or build under way has written or counts on, and nobody may collect until it has its name.

A lease is a file in ``images/leases`` that its taker keeps locked (flock(2)); each line is a blob's digest or the name of an
unpacked layer. So a crash leaves none: a file whose lock is free is nobody's, and the next collection removes it. Two examples:

* A pull takes a lease, writes three blobs (each noted *before* it appears in the store), names the image, gives the lease back.
  A collection in between keeps all three; one that comes after finds them by the name.
* A load finds a blob that no image needs any more. It notes it while no collection is under way, so the blob stays.

Never decides what else is needed: that is reachability's part (:mod:`.collecting`).
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import threading
from collections.abc import Callable, Iterator
from typing import BinaryIO

from dockerkit.daemon.images.store import BlobWriter, Store, room_for, temporary


class Lease:
    """One piece of work under way. Thread-safe.

    :param file: locked, unbuffered.
    :param quiet: held while something is collected.
    """

    def __init__(self, file: int, quiet: threading.RLock) -> None:
        self._file = file
        self.quiet = quiet

    def hold(self, name: str) -> None:
        """Keep a blob (``sha256:…``) or a layer (its directory's name), whether it is here already or about to be.

        :raises Exhausted: no room for the note.
        """
        with room_for("a lease"):
            os.write(self._file, f"{name}\n".encode())


class Leases:
    """The leases of one data root. Thread-safe.

    :param directory: of the OCI layout; ``leases`` is made in it.
    """

    def __init__(self, directory: str) -> None:
        self._directory = os.path.join(directory, "leases")
        self._quiet = threading.RLock()
        os.makedirs(self._directory, mode=0o700, exist_ok=True)

    @contextlib.contextmanager
    def take(self) -> Iterator[Lease]:
        """Give a lease for the length of the block.

        :raises Exhausted: no room.
        """
        with self._quiet, room_for("a lease"):  # a collection takes one that is not yet locked for nobody's
            file, path = temporary(self._directory)
        try:
            yield Lease(file, self._quiet)
        finally:
            os.unlink(path)
            os.close(file)

    @contextlib.contextmanager
    def collecting(self) -> Iterator[frozenset[str]]:
        """Yield all that is held; until the block is left nothing is added that was here before."""
        with self._quiet:
            yield frozenset(line for name in os.listdir(self._directory) for line in self._lines(name))

    def _lines(self, name: str) -> list[str]:
        """Return what a lease holds; one that is nobody's is removed."""
        path = os.path.join(self._directory, name)
        try:
            with open(path, "rb") as file:
                if not _is_held(file):
                    os.unlink(path)
                    return []
                return file.read().decode().splitlines()
        except FileNotFoundError:  # given back in this moment
            return []


def _is_held(file: BinaryIO) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    return False


class LeasedStore(Store):
    """The content store as one piece of work sees it: what it writes there, or finds, stays until the work is done."""

    def __init__(self, store: Store, lease: Lease) -> None:
        super().__init__(store.directory)
        self._lease = lease

    def has(self, digest: str) -> bool:
        """Tell whether a blob is here; from then on it stays."""
        with self._lease.quiet:
            found = super().has(digest)
            if found:
                self._lease.hold(digest)
        return found

    def writer(self, keep: Callable[[str], None] | None = None) -> BlobWriter:
        """Return a writer whose blob is noted before it appears."""
        return super().writer(keep or self._lease.hold)
