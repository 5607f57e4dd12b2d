"""One timer for all streams of stats: once a second each container that somebody watches is sampled once, for all of them.

The timer runs only while somebody watches. A viewer that reads too slowly misses samples, never gets old ones.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from dockerkit.errors import NotFound
from dockerkit.schema import wire

log = logging.getLogger(__name__)
PERIOD = 1.0
Sample = Callable[[str], dict[str, Any]]
Run = Callable[[Callable[[], dict[str, bytes | None]]], "asyncio.Future[dict[str, bytes | None]]"]


class Watcher:
    """One viewer of one container."""

    def __init__(self) -> None:
        self._line: bytes | None = b""
        self._news = asyncio.Event()

    def tell(self, line: bytes | None) -> None:
        """Show the newest sample; None: the container is gone."""
        self._line = line
        self._news.set()

    async def next(self) -> bytes | None:
        """Return the next sample as a line; None when there will be none."""
        await self._news.wait()
        self._news.clear()
        return self._line


class Sampling:
    """The viewers of one event loop.

    :param sample: the engine's verb; blocking, called on a thread.
    :param run: calls a blocking function on a thread.
    """

    def __init__(self, sample: Sample, run: Run) -> None:
        self._sample, self._run = sample, run
        self._watchers: dict[str, set[Watcher]] = {}
        self._task: asyncio.Task[None] | None = None

    @contextmanager
    def watching(self, id: str) -> Iterator[Watcher]:
        """Give a watcher of container `id`, as long as the block lasts."""
        watcher = Watcher()
        self._watchers.setdefault(id, set()).add(watcher)
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._tick())
        try:
            yield watcher
        finally:
            self._watchers[id].discard(watcher)
            if not self._watchers[id]:
                del self._watchers[id]
            if not self._watchers and self._task is not None:
                self._task.cancel()
                self._task = None

    async def _tick(self) -> None:
        loop = asyncio.get_running_loop()
        due = loop.time()
        while True:
            due = max(due + PERIOD, loop.time())
            await asyncio.sleep(due - loop.time())
            ids = list(self._watchers)
            for id, line in (await self._run(lambda ids=ids: self._take(ids))).items():  # type: ignore[misc]
                for watcher in self._watchers.get(id, ()):
                    watcher.tell(line)

    def _take(self, ids: Iterable[str]) -> dict[str, bytes | None]:
        return {id: self._line(id) for id in ids}

    def _line(self, id: str) -> bytes | None:
        try:
            return wire.encode(self._sample(id)) + b"\n"
        except NotFound:
            return None
        except Exception:  # one container's trouble must not end the figures of the others
            log.exception("no sample of %s", id)
            return None
