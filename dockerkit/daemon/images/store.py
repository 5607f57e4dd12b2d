"""Content-addressed blobs in an OCI image layout: what is written is checked while written, and never changes afterwards.

Source: OCI image specification, "Image Layout". Layout: ``oci-layout``, ``index.json`` (see :mod:`.index`) and
``blobs/sha256/<hex>``. A blob appears under its name only when it is whole and on disk, so a crash at any moment leaves a
readable store (and a power cut too, once :meth:`Store.flush` was called); an unfinished one is a ``.tmp-`` file that the next
start removes. Never knows what a blob means.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import os
import tempfile
from collections.abc import Callable, Iterator
from typing import BinaryIO, Self

from dockerkit.daemon.images.compression import read_chunks
from dockerkit.errors import Damaged, Exhausted, NotFound
from dockerkit.schema.image import Descriptor

PREFIX = ".tmp-"
LAYOUT = b'{"imageLayoutVersion":"1.0.0"}'
DOCUMENT_LIMIT = 4 << 20
"""Largest manifest, config or index that is read into memory (distribution's own limit for manifests)."""


@contextlib.contextmanager
def room_for(subject: str) -> Iterator[None]:
    """Turn a full disk (or quota) inside the block into an error that names what there was no room for.

    :raises Exhausted: no space or no inodes left.
    """
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise Exhausted(
            f"no room for {subject}: {error.strerror}", hint="free space under the data root, or remove images"
        ) from None


def write_file(path: str, content: bytes) -> None:
    """Replace a file's content at once: it holds the old bytes or, some seconds later at the most, the new, whenever the
    machine stops.

    :raises Exhausted: no room.
    """
    directory = os.path.dirname(path)
    with room_for(path):
        descriptor, unfinished = temporary(directory)
        try:
            with open(descriptor, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(descriptor)
            os.chmod(unfinished, 0o644)
            os.rename(unfinished, path)
        except BaseException:
            os.unlink(unfinished)
            raise


def sync_directory(path: str) -> None:
    """Make renames in a directory survive a power cut (fsync(2) of the directory)."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


class BlobWriter:
    """One blob on its way in; a context manager that leaves nothing unless :meth:`commit` was called.

    :param keep: told the digest just before the blob appears under it.
    """

    def __init__(self, directory: str, keep: Callable[[str], None] | None = None) -> None:
        self._directory = directory
        self._keep = keep
        self._hash = hashlib.sha256()
        self.size = 0
        descriptor, self._temporary = temporary(directory)
        self._file: BinaryIO = open(descriptor, "wb")  # noqa: SIM115 (closed by __exit__)

    def write(self, data: bytes) -> int:
        """Append bytes.

        :raises Exhausted: no room.
        """
        with room_for("a blob"):
            self._file.write(data)
        self._hash.update(data)
        self.size += len(data)
        return len(data)

    @property
    def digest(self) -> str:
        """Digest of what was written so far."""
        return f"sha256:{self._hash.hexdigest()}"

    def commit(self, media_type: str, *, expected: str = "") -> Descriptor:
        """Give the blob its name and return its descriptor.

        :raises Damaged: the digest is not the expected one; nothing is kept.
        :raises Exhausted: no room.
        """
        if expected and expected != self.digest:
            raise Damaged(f"blob {expected} arrived as {self.digest} ({self.size} bytes)", hint="fetch it again")
        with room_for(f"blob {self.digest}"):
            self._file.flush()
            os.fsync(self._file.fileno())
        if self._keep is not None:
            self._keep(self.digest)
        os.fchmod(self._file.fileno(), 0o644)
        os.rename(self._temporary, os.path.join(self._directory, self.digest.removeprefix("sha256:")))
        self._temporary = ""
        return Descriptor(media_type=media_type, digest=self.digest, size=self.size)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(OSError):  # flushing a file that is being thrown away may meet the full disk once more
            self._file.close()
        if self._temporary:
            os.unlink(self._temporary)


class Store:
    """The blobs beneath one OCI layout directory, which is made when missing.

    :param directory: e.g. ``/var/lib/dockerkit/images``.
    """

    def __init__(self, directory: str) -> None:
        self.directory = directory
        self.blobs = os.path.join(directory, "blobs", "sha256")
        os.makedirs(self.blobs, mode=0o755, exist_ok=True)
        layout = os.path.join(directory, "oci-layout")
        if not os.path.exists(layout):
            write_file(layout, LAYOUT)

    def writer(self, keep: Callable[[str], None] | None = None) -> BlobWriter:
        """Return a writer for a blob whose digest is not known yet; `keep` is told it just before the blob appears."""
        return BlobWriter(self.blobs, keep)

    def write(self, content: bytes, media_type: str) -> Descriptor:
        """Store bytes and return their descriptor; storing the same bytes twice is one blob.

        :raises Exhausted: no room.
        """
        with self.writer() as blob:
            blob.write(content)
            return blob.commit(media_type)

    def flush(self) -> None:
        """Make sure that all blobs are found after a power cut: called before one of them gets a name."""
        sync_directory(self.blobs)

    def has(self, digest: str) -> bool:
        """Tell whether a blob is here."""
        return os.path.exists(self._path(digest))

    def open(self, digest: str) -> BinaryIO:
        """Open a blob for reading, its bytes not checked: for layers, whose diff id is checked as they are unpacked.

        :raises NotFound: it is not here.
        """
        try:
            return open(self._path(digest), "rb")
        except FileNotFoundError:
            raise NotFound(f"blob {digest} is not in {self.directory}", hint="remove the image and get it again") from None

    def read(self, digest: str) -> bytes:
        """Return a document blob, checked.

        :raises NotFound: it is not here.
        :raises Damaged: its bytes do not match its digest, or it is larger than any document.
        """
        with self.open(digest) as file:
            content = file.read(DOCUMENT_LIMIT + 1)
        if len(content) > DOCUMENT_LIMIT:
            raise Damaged(f"blob {digest} is no document: larger than {DOCUMENT_LIMIT} bytes")
        _compare(digest, hashlib.sha256(content).hexdigest())
        return content

    def verify(self, digest: str) -> None:
        """Read a blob and compare.

        :raises NotFound: it is not here.
        :raises Damaged: its bytes do not match its digest.
        """
        found = hashlib.sha256()
        with self.open(digest) as file:
            for chunk in read_chunks(file):
                found.update(chunk)
        _compare(digest, found.hexdigest())

    def digests(self) -> list[str]:
        """Return the digests of all blobs here."""
        return [f"sha256:{name}" for name in os.listdir(self.blobs) if not name.startswith(PREFIX)]

    def delete(self, digest: str) -> None:
        """Remove a blob; one that is gone already is no error."""
        with contextlib.suppress(FileNotFoundError):  # deleting is finished when it is not there
            os.unlink(self._path(digest))

    def remove_unfinished(self) -> None:
        """Remove what a crash left half written; what somebody is writing now is left alone."""
        for directory in (self.blobs, self.directory):
            for name in os.listdir(directory):
                if name.startswith(PREFIX):
                    _remove_abandoned(os.path.join(directory, name))

    def _path(self, digest: str) -> str:
        algorithm, _, digits = digest.partition(":")
        if algorithm != "sha256" or len(digits) != 64 or not set(digits) <= set("0123456789abcdef"):
            raise Damaged(f"digest {digest!r} is malformed or of an unknown algorithm")
        return os.path.join(self.blobs, digits)


def temporary(directory: str) -> tuple[int, str]:
    """Make and open a temporary file whose lock (flock(2)) says that its writer is alive."""
    descriptor, path = tempfile.mkstemp(prefix=PREFIX, dir=directory)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    return descriptor, path


def _remove_abandoned(path: str) -> None:
    with open(path, "rb") as file, contextlib.suppress(BlockingIOError):  # locked: its writer is alive
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.unlink(path)


def _compare(digest: str, found: str) -> None:
    if digest != f"sha256:{found}":
        raise Damaged(f"blob {digest} is damaged: its bytes hash to sha256:{found}", hint="remove the image and get it again")
