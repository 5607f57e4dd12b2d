"""Notices that a client which had only closed its sending half has now gone altogether.

Never reads or writes the socket.
"""

from __future__ import annotations

import asyncio
import select
from collections.abc import Callable


class HangUp:
    """Watches a descriptor for hang-up alone (epoll(7): EPOLLHUP is reported even when no event is asked for).

    An event loop stops watching a socket that has seen its end of file: the end of file would be reported for ever.
    On a unix socket EPOLLHUP means that the peer has closed; on TCP it comes with the reset that answers our next write.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, descriptor: int, gone: Callable[[], None]) -> None:
        self._loop = loop
        self._gone = gone
        self._epoll = select.epoll()
        self._epoll.register(descriptor, 0)
        loop.add_reader(self._epoll.fileno(), self._ready)

    def close(self) -> None:
        """Stop watching; a second call does nothing."""
        if not self._epoll.closed:
            self._loop.remove_reader(self._epoll.fileno())
            self._epoll.close()

    def _ready(self) -> None:
        self.close()
        self._gone()
