"""One blob is fetched once, whoever wants it at the same time. Never remembers anything that is over."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator

from dockerkit.daemon.registry.errand import Errand

_LOOK = 0.1


class Claims:
    """Digests that are being fetched now. Thread-safe."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._claimed: set[object] = set()

    @contextlib.contextmanager
    def claim(self, blob: object, errand: Errand) -> Iterator[None]:
        """Keep everybody else who claims `blob` waiting while the block runs; wait for them first.

        :raises Cancelled: the errand ended before its turn came.
        """
        with self._changed:
            while blob in self._claimed:
                self._changed.wait(_LOOK)
                errand.check()
            self._claimed.add(blob)
        try:
            yield
        finally:
            with self._changed:
                self._claimed.discard(blob)
                self._changed.notify_all()
