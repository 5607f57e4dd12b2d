"""Blobs on their way in: stored, hashed, decompressed and unpacked in one pass, each layer by a thread of its own.

Whether a blob is a layer is seen by its first bytes; where in which image it belongs is not known yet, so its files go into a
directory that gets its name when the image is complete (:meth:`Intake.settle`). The two threads of a layer are a bounded queue
apart: memory does not grow with the layer. Never reads a blob twice, unless it was here before.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Self

from dockerkit.daemon.images.archive import Stream
from dockerkit.daemon.images.compression import decompress, is_compressed, read_chunks
from dockerkit.daemon.images.layers import Layer, Layers, refused
from dockerkit.daemon.images.leases import Lease, LeasedStore
from dockerkit.daemon.images.limits import Meter
from dockerkit.daemon.images.store import BlobWriter, Store, room_for
from dockerkit.daemon.images.unpack import Unpacked, unpack
from dockerkit.errors import Cancelled
from dockerkit.schema.image import Descriptor

_AHEAD = 12
"""Pieces that may wait to be unpacked; a piece is a mebibyte at most."""
_MAGIC, _MAGIC_AT, _HEAD = b"ustar", 257, 512
_PIECE = 1 << 20


def looks_like_a_layer(head: bytes) -> bool:
    """Tell by its first 512 bytes whether a blob is a tar, or something compressed."""
    return is_compressed(head) or head[_MAGIC_AT:].startswith(_MAGIC)


class Unpacking:
    """A layer being unpacked by a thread while its blob comes."""

    def __init__(self, layers: Layers, *, hashed: bool) -> None:
        self.directory = layers.begin()
        self._layers, self._hashed = layers, hashed
        self._pieces: queue.Queue[bytes | None] = queue.Queue(_AHEAD)
        self._given_up = False
        self._result: Unpacked | BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="unpack", daemon=True)
        self._thread.start()

    def feed(self, data: bytes) -> None:
        """Give it the next bytes; waits while it is too far behind."""
        if self._result is None:
            self._pieces.put(data)

    def finish(self) -> None:
        """Say that these were the last bytes, and wait until they are unpacked."""
        self._pieces.put(None)
        self._thread.join()

    def discard(self) -> None:
        """Stop, and remove what was made."""
        self._given_up = True
        self.finish()
        self.directory.discard()

    def result(self, blob: str) -> Unpacked:
        """Return what came of it.

        :param blob: the digest of its bytes, which is the diff id of a layer that is not compressed.
        :raises DockerkitError: why it could not be unpacked.
        """
        if isinstance(self._result, PermissionError):
            raise refused(blob, self._layers.directory, self._result)
        if not isinstance(self._result, Unpacked):
            raise self._result or Cancelled("unpacking was given up")
        return self._result if self._hashed else Unpacked(blob, self._result.size)

    def _run(self) -> None:
        pieces = self._take()
        try:
            with room_for("a layer"):
                self._result = unpack(pieces, self.directory.root, hashed=self._hashed)
        except BaseException as error:  # kept for whoever needs this layer
            self._result = error
        for _ in pieces:
            pass  # whoever feeds shall not wait for a reader that is gone

    def _take(self) -> Iterator[bytes]:
        while (piece := self._pieces.get()) is not None:
            if self._given_up and self._result is None:
                self._drain()
                raise Cancelled("unpacking was given up")
            yield piece

    def _drain(self) -> None:
        while self._pieces.get() is not None:
            pass


class Arriving(BlobWriter):
    """A writer that unpacks what it stores, if that is a layer."""

    def __init__(self, intake: Intake, keep: Callable[[str], None]) -> None:
        super().__init__(intake.blobs, keep)
        self._intake = intake
        self._head: bytes | None = b""
        self._unpacking: Unpacking | None = None

    def write(self, data: bytes) -> int:
        """Append bytes.

        :raises Exhausted: no room.
        """
        if self._head is not None:
            self._look(data)
        else:
            self._pass_on(data)
        return super().write(data)

    def commit(self, media_type: str, *, expected: str = "") -> Descriptor:
        """Keep the blob; its files, if it has any, wait for the image. See ``BlobWriter``."""
        kept = super().commit(media_type, expected=expected)
        if self._unpacking is not None:
            self._unpacking.finish()
            self._intake.took(kept.digest, self._unpacking)
            self._unpacking = None
        return kept

    def __exit__(self, *exception: object) -> None:
        super().__exit__(*exception)
        if self._unpacking is not None:
            self._unpacking.discard()

    def _look(self, data: bytes) -> None:
        head = self._head = (self._head or b"") + data
        if len(head) >= _HEAD or is_compressed(head):
            self._head = None
            if looks_like_a_layer(head):
                self._unpacking = self._intake.unpacking(hashed=is_compressed(head))
                self._pass_on(head)

    def _pass_on(self, data: bytes) -> None:
        if self._unpacking is None:
            return
        for start in range(0, len(data), _PIECE) if len(data) > _PIECE else (0,):
            self._unpacking.feed(data[start : start + _PIECE] if len(data) > _PIECE else data)


def plain_digest(store: Store, blob: str) -> str:
    """Return the diff id of a layer that is in the store."""
    with store.open(blob) as file:
        return Stream(decompress(read_chunks(file), Meter())).finish()


class Intake(LeasedStore):
    """The store as a pull or load sees it: what is written is unpacked too. Thread-safe; a context manager.

    :param lease: of the same piece of work.
    """

    def __init__(self, store: Store, lease: Lease, layers: Layers) -> None:
        super().__init__(store, lease)
        self._layers = layers
        self._waiting: dict[str, Unpacking] = {}
        self._lock = threading.Lock()

    def writer(self, keep: Callable[[str], None] | None = None) -> Arriving:
        """Return a writer for one blob, which is noted before it appears and unpacked while it comes."""
        return Arriving(self, keep or self._lease.hold)

    def plain(self) -> LeasedStore:
        """Return the same store without unpacking: for who unpacks in another way."""
        return LeasedStore(self, self._lease)

    def unpacking(self, *, hashed: bool) -> Unpacking:
        """Begin to unpack a layer."""
        with room_for("a layer"):
            return Unpacking(self._layers, hashed=hashed)

    def took(self, blob: str, unpacking: Unpacking) -> None:
        """Keep unpacked files until it is known where they belong."""
        with self._lock:
            before, self._waiting[blob] = self._waiting.get(blob), unpacking
        if before is not None:
            before.discard()

    def hold(self, name: str) -> None:
        """Keep a layer, by its directory's name, until this work is done."""
        self._lease.hold(name)

    def check(self, blob: str) -> bool:
        """Tell whether a layer's blob came in this work, and was unpacked; False: it was here before.

        :raises DockerkitError: it came, and cannot be unpacked.
        """
        with self._lock:
            came = self._waiting.get(blob)
        return came is not None and came.result(blob) is not None

    def diff_id(self, blob: str) -> str:
        """Return the digest of a layer's plain tar.

        :raises DockerkitError: it cannot be unpacked.
        """
        with self._lock:
            came = self._waiting.get(blob)
        return came.result(blob).diff_id if came is not None else plain_digest(self, blob)

    def settle(self, layers: Iterable[Layer]) -> None:
        """Have these layers unpacked in their places; what came meanwhile is only renamed.

        :raises Damaged: one is malformed, hostile, or not what its image says it is.
        """
        for layer in layers:
            self._lease.hold(layer.chain)
            with self._lock:
                came = self._waiting.pop(layer.blob, None)
            if came is None:
                self._layers.ensure(layer)
                continue
            try:
                self._layers.adopt(layer, came.directory, came.result(layer.blob))
            finally:
                came.discard()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for unpacking in self._waiting.values():
            unpacking.discard()
