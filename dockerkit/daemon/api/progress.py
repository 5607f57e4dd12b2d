"""Carries what a verb tells about its progress from its thread to the client, as Docker's stream of JSON lines.

A client that reads too slowly loses intermediate figures, never a status. When it has gone, the verb is told at its next word.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import AsyncGenerator, Callable
from typing import Any

from dockerkit.daemon.api import errors
from dockerkit.errors import Cancelled
from dockerkit.schema import wire

log = logging.getLogger(__name__)
KEPT = 256
"""Messages kept for a slow client before figures are dropped."""


class Progress:
    """A callable for the verb's thread, and a stream for the event loop."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._messages: deque[dict[str, Any]] = deque()
        self._news = asyncio.Event()
        self._gone = False

    def __call__(self, message: dict[str, Any]) -> None:
        """Pass on one message; called on the verb's thread.

        :raises Cancelled: the client has gone, so nobody wants the result.
        """
        if self._gone:
            raise Cancelled("the client that asked for this has gone")
        if len(self._messages) < KEPT or not message.get("progressDetail"):
            self._messages.append(message)
            self._loop.call_soon_threadsafe(self._news.set)

    async def begun(self, work: asyncio.Future[str]) -> None:
        """Return at the first message or at the end of `work`.

        :raises Exception: what `work` raised before its first message.
        """
        self.watch(work)
        try:
            await self._news.wait()
        except asyncio.CancelledError:
            self._gone = True
            raise
        if not self._messages:
            work.result()

    def watch(self, work: asyncio.Future[str]) -> None:
        """Notice the end of `work`: what :meth:`lines` needs where nobody waits for its first message."""
        work.add_done_callback(self._ended)

    async def lines(
        self, work: asyncio.Future[str], last: Callable[[str], dict[str, Any] | None]
    ) -> AsyncGenerator[bytes, None]:
        """Iterate over the messages as lines; the result's own message comes last, or what went wrong.

        :param last: makes the last message from the result of `work`, or None.
        """
        try:
            while not (work.done() and not self._messages):
                await self._news.wait()
                self._news.clear()
                if work.done():
                    self._news.set()
                while self._messages:
                    yield _line(self._messages.popleft())
            ending = _ending(work, last)
            if ending is not None:
                yield _line(ending)
        finally:
            self._gone = True

    def _ended(self, work: asyncio.Future[str]) -> None:
        self._news.set()
        if self._gone and not work.cancelled() and (error := work.exception()):
            log.info("given up, since the client has gone: %s", error)


def _ending(work: asyncio.Future[str], last: Callable[[str], dict[str, Any] | None]) -> dict[str, Any] | None:
    error = work.exception()
    return last(work.result()) if error is None else errors.stream_document(error)


def _line(message: dict[str, Any]) -> bytes:
    return wire.encode(message) + b"\r\n"
