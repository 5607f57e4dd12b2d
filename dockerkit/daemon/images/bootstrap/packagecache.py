"""Files of the distribution's archive that were fetched once: by their SHA-256, checked at every use, bounded in size.

Lies beneath the data root, or where ``DOCKERKIT_CACHE`` says, so that several data roots (and a machine that tests) download
once. Several processes may use it at a time: a file appears whole or not at all. Losing any of it costs a download.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
import tempfile
import time

VARIABLE = "DOCKERKIT_CACHE"
LIMIT = 1 << 30
"""Bytes that are kept; what was not used for the longest time goes first."""
_PREFIX = ".tmp-"
_log = logging.getLogger(__name__)


def directory(root: str) -> str:
    """Return where the cache of a data root is."""
    return os.path.join(os.environ.get(VARIABLE) or os.path.join(root, "cache"), "packages")


class PackageCache:
    """A directory of files named by their digests.

    :param path: the directory, made when something is put there; ``""``: nothing is kept.
    """

    def __init__(self, path: str, *, limit: int = LIMIT) -> None:
        self._path, self._limit = path, limit

    def get(self, sha256: str) -> bytes | None:
        """Return a file's bytes if they are here and whole; a spoiled one is removed."""
        if not self._path:
            return None
        path = os.path.join(self._path, sha256)
        try:
            with open(path, "rb") as file:
                data = file.read()
            os.utime(path)
        except OSError:
            return None
        if hashlib.sha256(data).hexdigest() != sha256:
            _log.warning("%s is spoiled and is fetched again", path)
            with contextlib.suppress(OSError):  # not ours to remove: it is overwritten or passed over
                os.unlink(path)
            return None
        return data

    def put(self, sha256: str, data: bytes) -> None:
        """Keep bytes that were checked; a cache that cannot be written is no error, and is logged."""
        self._write(os.path.join(self._path, sha256), data)

    def _write(self, path: str, data: bytes) -> None:
        if not self._path:
            return
        try:
            os.makedirs(self._path, mode=0o700, exist_ok=True)
            descriptor, temporary = tempfile.mkstemp(prefix=_PREFIX, dir=self._path)
            try:
                with open(descriptor, "wb") as file:
                    file.write(data)
                os.rename(temporary, path)
            except BaseException:
                os.unlink(temporary)
                raise
        except OSError as error:
            _log.warning("%s cannot be cached: %s", path, error)

    def noted(self, url: str) -> tuple[bytes, float] | None:
        """Return what :meth:`note` was given last for a URL, and its age in seconds; nobody has checked it."""
        try:
            with open(self._note(url), "rb") as file:
                return file.read(), time.time() - os.fstat(file.fileno()).st_mtime
        except OSError:
            return None

    def note(self, url: str, data: bytes) -> None:
        """Keep what a URL gave; whoever takes it out checks it."""
        self._write(self._note(url), data)

    def _note(self, url: str) -> str:
        return os.path.join(self._path, f"index-{hashlib.sha256(url.encode()).hexdigest()}") if self._path else ""

    def prune(self) -> None:
        """Remove what was not used for the longest time, down to the limit."""
        try:
            entries = [(entry.stat().st_mtime_ns, entry.stat().st_size, entry.path) for entry in os.scandir(self._path)]
        except OSError:  # nothing was ever kept, or another process prunes at this moment
            return
        excess = sum(size for _, size, _ in entries) - self._limit
        for _, size, path in sorted(entries):
            if excess <= 0:
                return
            with contextlib.suppress(OSError):  # gone already
                os.unlink(path)
                excess -= size
