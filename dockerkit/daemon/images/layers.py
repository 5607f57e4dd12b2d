"""Unpacked layers: ``ROOT/layers/<chain id>/fs`` is one layer's files, made once, stacked by overlay.

A chain id names a layer *and everything beneath it* (OCI image specification, "Layer ChainID"). A directory under its chain id
is whole: it is unpacked under a temporary name, checked against the diff id, then renamed. The temporary one is locked
(flock(2)) while it is being filled, so that a later start can tell a dead one and remove it. Never mounts, never changes a
layer that is there. Layers survive a kill, not a power cut: they are made again from their blobs.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import shutil
import tempfile
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from dockerkit.daemon.images.compression import read_chunks
from dockerkit.daemon.images.store import PREFIX, Store, room_for
from dockerkit.daemon.images.unpack import measure, unpack
from dockerkit.errors import Damaged, NotAllowed

_RECORD = "layer.json"


@dataclass(frozen=True, slots=True)
class Layer:
    """One layer in its place: its chain id (hex), the digest of its plain tar, and of its blob."""

    chain: str
    diff_id: str
    blob: str


def chain_ids(diff_ids: Iterable[str]) -> tuple[str, ...]:
    """Return the chain ids, hex, lowest first (OCI image specification, "Layer ChainID")."""
    chain: list[str] = []
    for diff_id in diff_ids:
        below = f"sha256:{chain[-1]} {diff_id}" if chain else ""
        chain.append(hashlib.sha256(below.encode()).hexdigest() if below else diff_id.removeprefix("sha256:"))
    return tuple(chain)


class Layers:
    """The unpacked layers of one data root. Thread-safe; different layers are unpacked side by side."""

    def __init__(self, directory: str, store: Store) -> None:
        self._directory = directory
        self._store = store
        self._guard = threading.Lock()
        self._locks: dict[str, threading.Lock] = {}
        os.makedirs(directory, mode=0o710, exist_ok=True)

    def path(self, name: str) -> str:
        """Return where a layer's files are, or would be."""
        return os.path.join(self._directory, name, "fs")

    def ensure(self, layer: Layer) -> str:
        """Unpack a layer unless it is there, and return the path of its files.

        :raises Damaged: its blob is malformed, hostile, or not what the image says it is.
        :raises Exhausted: no room.
        :raises NotAllowed: not root, or a file system that cannot hold what a layer needs.
        """
        return self.make(layer.chain, lambda root: self._unpack(layer, root))

    def make(self, name: str, fill: Callable[[int], dict[str, object]]) -> str:
        """Have `fill` fill an empty directory (by descriptor) once, and return its path; a second caller waits for the first.

        `fill` returns what is to be remembered beside it.
        """
        path = self.path(name)
        if os.path.isdir(path):
            return path
        with self._lock(name):
            if not os.path.isdir(path):
                with self._temporary() as (temporary, root), room_for(f"layer {name}"):
                    record = fill(root)
                    with open(os.path.join(temporary, _RECORD), "w") as file:
                        json.dump(record, file)
                    os.rename(temporary, os.path.dirname(path))
        return path

    def size(self, layer: Layer) -> int:
        """Return the bytes of a layer's regular files, from the record made when it was unpacked, else from its blob."""
        try:
            with open(os.path.join(self._directory, layer.chain, _RECORD)) as file:
                return int(json.load(file)["size"])
        except FileNotFoundError:
            with self._store.open(layer.blob) as file:
                return measure(read_chunks(file))

    def names(self) -> list[str]:
        """Return the names of all whole layers here."""
        return [name for name in os.listdir(self._directory) if not name.startswith(PREFIX)]

    def remove(self, names: Sequence[str]) -> None:
        """Remove layers; each loses its name first, so that no half of one is ever found."""
        for name in names:
            with self._lock(name):
                doomed = os.path.join(self._directory, f"{PREFIX}{name}")
                with contextlib.suppress(FileNotFoundError):  # gone already: removing is finished
                    os.rename(os.path.join(self._directory, name), doomed)
                    shutil.rmtree(doomed)

    def remove_unfinished(self) -> None:
        """Remove what a crash left half unpacked or half deleted; what somebody is filling now is left alone."""
        for name in os.listdir(self._directory):
            if name.startswith(PREFIX):
                self._remove_abandoned(os.path.join(self._directory, name))

    def _remove_abandoned(self, path: str) -> None:
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(path)
        except BlockingIOError:
            return  # its maker is alive
        finally:
            os.close(descriptor)

    def _unpack(self, layer: Layer, root: int) -> dict[str, object]:
        try:
            with self._store.open(layer.blob) as file:
                unpacked = unpack(read_chunks(file), root)
        except PermissionError as error:
            raise NotAllowed(
                f"layer {layer.chain[:12]} cannot be unpacked in {self._directory}: {error.strerror}",
                hint="it takes root and a file system with device nodes and trusted.* attributes (not an overlay)",
            ) from None
        if unpacked.diff_id != layer.diff_id:
            raise Damaged(f"layer {layer.blob} unpacks to {unpacked.diff_id}, its image says {layer.diff_id}")
        return {"diffId": unpacked.diff_id, "size": unpacked.size}

    @contextlib.contextmanager
    def _temporary(self) -> Iterator[tuple[str, int]]:
        """Make a locked temporary directory with an empty ``fs`` in it; remove it unless it was renamed."""
        temporary = tempfile.mkdtemp(prefix=PREFIX, dir=self._directory)
        lock = os.open(temporary, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        root = -1
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            os.mkdir("fs", 0o755, dir_fd=lock)
            root = os.open("fs", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=lock)
            os.fchmod(root, 0o755)
            os.fchmod(lock, 0o711)
            yield temporary, root
        finally:
            if root >= 0:
                os.close(root)
            if os.path.exists(temporary):
                shutil.rmtree(temporary)
            os.close(lock)

    def _lock(self, name: str) -> threading.Lock:
        with self._guard:
            return self._locks.setdefault(name, threading.Lock())
