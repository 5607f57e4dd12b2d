"""Unpacked layers: ``ROOT/layers/<chain id>/fs`` is one layer's files, made once, stacked by overlay.

A chain id names a layer *and everything beneath it* (OCI image specification, "Layer ChainID"). A directory under its chain id
is whole: it is unpacked under a temporary name (:mod:`.unfinished`), checked against the diff id, then renamed. Never mounts,
never changes a layer that is there. Layers survive a kill, not a power cut: they are made again from their blobs.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from dockerkit.daemon.images.compression import read_chunks
from dockerkit.daemon.images.store import PREFIX, Store, room_for
from dockerkit.daemon.images.unfinished import RECORD, Unfinished, remove_abandoned
from dockerkit.daemon.images.unpack import Unpacked, measure, unpack
from dockerkit.daemon.kernel import placement, trees
from dockerkit.errors import Damaged, NotAllowed


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
        self.directory = directory
        self._store = store
        self._guard = threading.Lock()
        self._locks: dict[str, threading.Lock] = {}
        os.makedirs(directory, mode=0o710, exist_ok=True)
        placement.spread(directory)

    def path(self, name: str) -> str:
        """Return where a layer's files are, or would be."""
        return os.path.join(self.directory, name, "fs")

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
                with room_for(f"layer {name}"):
                    made = self.begin()
                    try:
                        made.keep(name, fill(made.root))
                    finally:
                        made.discard()
        return path

    def begin(self) -> Unfinished:
        """Return an empty directory that becomes a layer once it is kept under its chain id."""
        return Unfinished(self.directory)

    def adopt(self, layer: Layer, made: Unfinished, unpacked: Unpacked) -> str:
        """Keep as `layer` what was unpacked while its blob came, before its place was known, and return the files' path.

        :raises Damaged: it is not what the image says it is.
        """
        _check(layer, unpacked.diff_id)
        with self._lock(layer.chain):
            made.keep(layer.chain, {"diffId": layer.diff_id, "size": unpacked.size})
        return self.path(layer.chain)

    def has(self, chain: str) -> bool:
        """Tell whether a layer is unpacked here."""
        return os.path.isdir(self.path(chain))

    def size(self, layer: Layer) -> int:
        """Return the bytes of a layer's regular files, from the record made when it was unpacked, else from its blob."""
        try:
            with open(os.path.join(self.directory, layer.chain, RECORD)) as file:
                return int(json.load(file)["size"])
        except FileNotFoundError:
            with self._store.open(layer.blob) as file:
                return measure(read_chunks(file))

    def names(self) -> list[str]:
        """Return the names of all whole layers here."""
        return [name for name in os.listdir(self.directory) if not name.startswith(PREFIX)]

    def remove(self, names: Sequence[str]) -> None:
        """Remove layers; each loses its name first, so that no half of one is ever found."""
        for name in names:
            with self._lock(name):
                doomed = os.path.join(self.directory, f"{PREFIX}{name}")
                with contextlib.suppress(FileNotFoundError):  # gone already: removing is finished
                    os.rename(os.path.join(self.directory, name), doomed)
                    trees.remove(doomed)

    def remove_unfinished(self) -> None:
        """Remove what a crash left half unpacked or half deleted; what somebody is filling now is left alone."""
        remove_abandoned(self.directory)

    def _unpack(self, layer: Layer, root: int) -> dict[str, object]:
        try:
            with self._store.open(layer.blob) as file:
                unpacked = unpack(read_chunks(file), root)
        except PermissionError as error:
            raise refused(layer.blob, self.directory, error) from None
        _check(layer, unpacked.diff_id)
        return {"diffId": unpacked.diff_id, "size": unpacked.size}

    def _lock(self, name: str) -> threading.Lock:
        with self._guard:
            return self._locks.setdefault(name, threading.Lock())


def refused(blob: str, directory: str, error: PermissionError) -> NotAllowed:
    """Return the error of a layer whose files this process, or the file system, may not make."""
    return NotAllowed(
        f"layer {blob} cannot be unpacked in {directory}: {error.strerror}",
        hint="it takes root and a file system with device nodes and trusted.* attributes (not an overlay)",
    )


def _check(layer: Layer, diff_id: str) -> None:
    if diff_id != layer.diff_id:
        raise Damaged(
            f'layer {layer.blob} is not what its image says: invalid diffID: expected "{layer.diff_id}", got "{diff_id}"'
        )
