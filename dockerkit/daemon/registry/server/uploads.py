"""Uploads: bytes that come in pieces, each appended where the last one ended, and become a blob when their digest is right.

What is here of an upload is a file, so it survives the registry; the running hash is kept in memory, and computed anew from the
file where it was lost. One request at a time writes to an upload. Never lets a byte of a refused chunk stay.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import secrets
import threading
import time
from collections.abc import Callable, Iterable, Iterator

from dockerkit.daemon.registry.server.grammar import check_digest
from dockerkit.daemon.registry.server.refusals import Refusal
from dockerkit.daemon.registry.server.shelves import UPLOADS, Shelves, path_of, write_all

MOST = 4096
"""Uploads that may be open at once."""
TURN = 10.0
"""Seconds a request waits for one that writes to the same upload: its client broke it off, and nobody has noticed yet."""
_ID = re.compile(r"[0-9a-f]{32}")
_PIECE = 1 << 20


class _State:
    """What is known of an upload beyond its file."""

    def __init__(self) -> None:
        self.turn = threading.Lock()
        self.hash = hashlib.sha256()
        self.hashed = 0

    def back_to(self, descriptor: int, size: int) -> None:
        """Take back what was appended. The running hash has seen those bytes: it is of no use any more."""
        self.hashed = -1
        os.ftruncate(descriptor, size)


class Uploads:
    """The uploads of one registry. Thread-safe.

    :param shelves: where blobs go.
    :param place: how a refusal says where an upload goes on: name, id, size → headers.
    """

    def __init__(self, shelves: Shelves, place: Callable[[str, str, int], list[tuple[str, str]]]) -> None:
        self._shelves = shelves
        self._tree = shelves.tree
        self._place = place
        self._lock = threading.Lock()
        self._states: dict[str, _State] = {}

    def begin(self, name: str) -> str:
        """Begin an upload and return its id.

        :raises Refusal: TOOMANYREQUESTS: too many are open.
        """
        id = secrets.token_hex(16)
        path = _path(name, id)
        with self._lock:
            if len(self._states) >= MOST:
                raise Refusal("TOOMANYREQUESTS", f"more than {MOST} uploads are open", headers=[("Retry-After", "60")])
            self._states[path] = _State()
        try:
            with self._shelves.changing:
                os.close(self._tree.create(path))
        except OSError:  # a full disk must not use the places up
            self._forget(path)
            raise
        return id

    def size(self, name: str, id: str) -> int:
        """Return how many bytes of an upload are here.

        :raises Refusal: BLOB_UPLOAD_UNKNOWN.
        """
        found = self._tree.stat(_path(name, id))
        if found is None:
            raise _unknown(id)
        return found.st_size

    def append(self, name: str, id: str, pieces: Iterable[bytes], chunk: tuple[int, int] | None) -> int:
        """Append what comes, and return how many bytes are here then.

        What came of a body that broke off stays: its sender asks how much that is, and goes on. A body that is not what its
        range says leaves nothing.

        :param chunk: the first and last byte, as the client counts.
        :raises Refusal: 416 for a chunk that does not begin where the last one ended; SIZE_INVALID for one of another length.
        """
        with self._writing(name, id) as (descriptor, state):
            start = os.lseek(descriptor, 0, os.SEEK_END)
            if chunk is not None and chunk[0] != start:
                raise self._misplaced(name, id, start)
            most = None if chunk is None else chunk[1] - chunk[0] + 1
            end = self._take(descriptor, state, start, pieces, most)
            if most is not None and end != start + most:
                state.back_to(descriptor, start)
                raise Refusal("SIZE_INVALID", "the chunk is not as long as its Content-Range says")
            return end

    def finish(self, name: str, id: str, digest: str, pieces: Iterable[bytes], chunk: tuple[int, int] | None) -> None:
        """Append what comes, and make the upload a blob of the repository.

        :raises Refusal: DIGEST_INVALID: the bytes are others than the digest says; the upload is over.
        """
        check_digest(digest)
        self.append(name, id, pieces, chunk)
        with self._writing(name, id) as (descriptor, state):
            if self._digest(descriptor, state, digest) != digest:
                self._remove(name, id)
                raise Refusal("DIGEST_INVALID", detail={"digest": digest})
            self._keep(name, id, digest, descriptor)
            self._forget(_path(name, id))

    def cancel(self, name: str, id: str) -> None:
        """Remove an upload; a request that writes to it loses its bytes.

        :raises Refusal: BLOB_UPLOAD_UNKNOWN.
        """
        if not self._remove(name, id):
            raise _unknown(id)

    def expire(self, name: str, seconds: float) -> None:
        """Remove the uploads of a repository that nothing was added to for so long."""
        for id in self._tree.names(path_of(name, UPLOADS)):
            found = self._tree.stat(path_of(name, UPLOADS, id))
            if found is not None and time.time() - found.st_mtime > seconds:
                self._remove(name, id)

    def _keep(self, name: str, id: str, digest: str, descriptor: int) -> None:
        try:
            with self._shelves.changing:
                self._shelves.adopt(_path(name, id), digest, descriptor)
                self._shelves.add_blob(name, digest)
        except FileNotFoundError:  # cancelled meanwhile
            raise _unknown(id) from None

    def _take(self, descriptor: int, state: _State, start: int, pieces: Iterable[bytes], most: int | None) -> int:
        end = start
        for piece in pieces:
            if most is not None and end - start + len(piece) > most:
                state.back_to(descriptor, start)
                raise Refusal("SIZE_INVALID", "the chunk is longer than its Content-Range says")
            write_all(descriptor, piece)
            if state.hashed == end:
                state.hash.update(piece)
                state.hashed += len(piece)
            end += len(piece)
        return end

    def _digest(self, descriptor: int, state: _State, wanted: str) -> str:
        """Compute the digest, from what was hashed on the way where that is all of it."""
        size = os.fstat(descriptor).st_size
        if wanted.startswith("sha256:") and state.hashed == size:
            return f"sha256:{state.hash.hexdigest()}"
        algorithm = wanted.partition(":")[0]
        found, offset = hashlib.new(algorithm), 0
        while piece := os.pread(descriptor, _PIECE, offset):
            found.update(piece)
            offset += len(piece)
        return f"{algorithm}:{found.hexdigest()}"

    @contextlib.contextmanager
    def _writing(self, name: str, id: str) -> Iterator[tuple[int, _State]]:
        path = _path(name, id)
        state = self._state(path)
        if not state.turn.acquire(timeout=TURN):
            raise Refusal("BLOB_UPLOAD_INVALID", "another request writes to this upload", status=409)
        try:
            descriptor = self._tree.open(path, os.O_RDWR | os.O_APPEND)
        except FileNotFoundError:
            self._forget(path)
            raise _unknown(id) from None
        else:
            try:
                yield descriptor, state
            finally:
                os.close(descriptor)
        finally:
            state.turn.release()

    def _state(self, path: str) -> _State:
        """Return an upload's state; one from before a restart has hashed nothing yet.

        By its path, not its id alone: asked for under another name it is not found, and nothing of it is forgotten.
        """
        with self._lock:
            return self._states.setdefault(path, _State())

    def _remove(self, name: str, id: str) -> bool:
        """Remove an upload; the file first: whoever holds its turn writes to a file that nothing leads to any more."""
        gone = self._tree.remove(_path(name, id))
        self._forget(_path(name, id))
        return gone

    def _forget(self, path: str) -> None:
        with self._lock:
            self._states.pop(path, None)

    def _misplaced(self, name: str, id: str, size: int) -> Refusal:
        return Refusal(
            "BLOB_UPLOAD_INVALID",
            f"the chunk does not begin at byte {size}, where the last one ended",
            status=416,
            headers=self._place(name, id, size),
        )


def _path(name: str, id: str) -> str:
    if not _ID.fullmatch(id):
        raise _unknown(id)
    return path_of(name, UPLOADS, id)


def _unknown(id: str) -> Refusal:
    return Refusal("BLOB_UPLOAD_UNKNOWN", detail={"upload": id[:64]})
