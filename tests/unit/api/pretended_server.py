"""A server of the API with a pretend engine behind it, on a unix socket, in a thread of its own."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from dataclasses import dataclass

from api_client import Api
from pretend_engine import PretendEngine

from dockerkit.daemon.api.server import Server


@dataclass
class Pretended:
    """A running server: its loop, its engine, and a client for it."""

    server: Server
    engine: PretendEngine
    loop: asyncio.AbstractEventLoop
    api: Api

    def call(self, coroutine):
        """Run a coroutine on the server's loop and return its result."""
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(20)

    def connections(self) -> int:
        """How many clients the server counts, asked on its own loop."""

        async def count() -> int:
            return self.server.connections

        return self.call(count())


def serve_in_thread(engine: PretendEngine, path: str) -> Iterator[Pretended]:
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()

    async def build() -> Server:
        server = Server(engine)
        await server.listen_unix(path)
        return server

    server = asyncio.run_coroutine_threadsafe(build(), loop).result(20)
    yield Pretended(server, engine, loop, Api(path))
    engine.containers.clear()
    engine.machine.clear()
    asyncio.run_coroutine_threadsafe(server.close(), loop).result(20)
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()
