"""What all connections of one server share: the engine, the routes, the threads, and who is connected.

Never touches a socket.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from contextlib import contextmanager
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, ParamSpec, Protocol, TypeVar

from dockerkit.daemon.api.answers import Pending
from dockerkit.daemon.api.doorbell import Doorbell
from dockerkit.daemon.api.listener import Encoder
from dockerkit.daemon.api.router import Router
from dockerkit.daemon.api.sampling import Sampling

if TYPE_CHECKING:
    from dockerkit.daemon.api.call import Call
    from dockerkit.daemon.api.verbs import Engine

log = logging.getLogger(__name__)
P = ParamSpec("P")
T = TypeVar("T")
SCRATCH = 64 * 1024


class Member(Protocol):
    """Somebody connected: an HTTP connection or a session."""

    def finish(self) -> None:
        """Close when nothing is under way, else when that has been answered."""

    def abort(self) -> None:
        """Close now."""


class Handovers:
    """Sockets on their way to a container, so that a start waits for the attach that was answered before it."""

    def __init__(self) -> None:
        self._under_way: dict[str, set[asyncio.Future[None]]] = {}

    @contextmanager
    def holding(self, key: str) -> Iterator[None]:
        """Make :meth:`settled` of `key` wait until the block is left."""
        future = asyncio.get_running_loop().create_future()
        self._under_way.setdefault(key, set()).add(future)
        try:
            yield
        finally:
            future.set_result(None)
            self._under_way[key].discard(future)
            if not self._under_way[key]:
                del self._under_way[key]

    @property
    def any(self) -> bool:
        """Whether some socket is on its way."""
        return bool(self._under_way)

    async def settled(self, key: str) -> None:
        """Return when no socket is on its way to `key`."""
        waiting = self._under_way.get(key)
        if waiting:
            await asyncio.wait(set(waiting))


class Application:
    """Shared by the connections of one event loop; none of its methods may be called from another thread.

    :param verbs: runs the engine's blocking verbs; bounded.
    :param transfers: runs those that last as long as a download, so that they never keep a quick verb waiting.
    :param bodies: runs those that read or write a client's socket, and so last as long as the client likes.
    """

    def __init__(self, engine: Engine, router: Router, verbs: Executor, transfers: Executor, bodies: Executor) -> None:
        self.engine = engine
        self.members: set[Member] = set()
        self.last_activity = time.monotonic()
        self.handovers = Handovers()
        self.scratch = memoryview(bytearray(SCRATCH))
        self._router = router
        self._verbs = verbs
        self._transfers = transfers
        self._bodies = bodies
        self.sampling = Sampling(engine.containers.stats, self.run)
        self.events = Encoder()
        self._empty: asyncio.Event | None = None
        self._background: set[asyncio.Future[Any]] = set()

    @cached_property
    def doorbell(self) -> Doorbell:
        """How other threads wake handlers."""
        return Doorbell(asyncio.get_running_loop())

    def answer(self, call: Call) -> Pending:
        """Find and call the handler of a request.

        :raises NotFound: no route. Any other error is the handler's.
        """
        match = self._router.find(call.method, call.path)
        call.parameters, call.version = match.parameters, match.version
        return match.handler(call)

    def run(self, verb: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> asyncio.Future[T]:
        """Call a blocking verb on a thread of the pool."""
        return self._call(self._verbs, partial(verb, *args, **kwargs))

    def transfer(self, verb: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> asyncio.Future[T]:
        """Call a verb that may last minutes on a thread of its own kind."""
        return self._call(self._transfers, partial(verb, *args, **kwargs))

    def transfer_body(self, work: Callable[[], T]) -> asyncio.Future[T]:
        """Call what reads or writes a client's socket on a thread of its own kind."""
        return self._call(self._bodies, work)

    def _call(self, executor: Executor, work: Callable[[], T]) -> asyncio.Future[T]:
        """As ``run_in_executor``, with one future instead of two chained ones, and one wake-up for all results at hand."""
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        executor.submit(_work, self.doorbell, work, future)
        return future

    def background(self, work: asyncio.Future[T], what: str) -> None:
        """See `work` through although nobody waits for it any more; a failure is logged."""

        def done(future: asyncio.Future[T]) -> None:
            self._background.discard(future)
            if not future.cancelled() and (error := future.exception()):
                log.error("%s failed", what, exc_info=error)

        self._background.add(work)
        work.add_done_callback(done)

    def touch(self) -> None:
        """Note that somebody has just asked for something."""
        self.last_activity = time.monotonic()

    def joined(self, member: Member) -> None:
        """Count `member` in."""
        self.members.add(member)
        self.touch()

    def left(self, member: Member) -> None:
        """Count `member` out; the idle time starts here."""
        self.members.discard(member)
        self.touch()
        if not self.members and self._empty is not None:
            self._empty.set()

    async def empty(self) -> None:
        """Return when nobody is connected."""
        self._empty = asyncio.Event()
        if self.members:
            await self._empty.wait()

    async def settle(self) -> None:
        """Return when no work is left that nobody waits for."""
        while self._background:
            await asyncio.wait(self._background)


def _work(doorbell: Doorbell, work: Callable[[], T], future: asyncio.Future[T]) -> None:
    """Do `work` on this thread, unless nobody waits any more, and have its result told on the loop."""
    if future.cancelled():
        return
    try:
        result = work()
    except BaseException as error:
        # a future cannot hold StopIteration: it would end whoever awaits it as if that were done
        told = RuntimeError(f"{work} raised StopIteration") if isinstance(error, StopIteration) else error
        doorbell.ring(lambda: None if future.done() else future.set_exception(told))
    else:
        doorbell.ring(lambda: None if future.done() else future.set_result(result))
