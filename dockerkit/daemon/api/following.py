"""Logs that go on: the container's keeper sends what was and is written to one end of a socket pair, we read the other.

Attach gives the client's own socket away; here the client gets chunked HTTP, so the bytes pass through us, at its pace.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import AsyncGenerator, Callable

from dockerkit.daemon.api.call import Call
from dockerkit.daemon.runtime.launch import Attachment
from dockerkit.errors import DockerkitError

log = logging.getLogger(__name__)
READ = 64 * 1024
Kept = Callable[[], AsyncGenerator[bytes, None]]


async def follow(call: Call, id: str, attachment: Attachment, kept: Kept) -> AsyncGenerator[bytes, None]:
    """Iterate over what container `id` wrote and writes, until it ends.

    :param attachment: what is wanted; it gets its descriptor here.
    :param kept: iterates over the log as it is; complete once the container has ended. Asked when the container ended before
        its keeper took the attachment: then not one byte has come, otherwise the keeper sends everything before it closes.
    """
    silent = True
    with await _attached(call, id, attachment) as ours:
        if call.engine.containers.inspect(id).state.running:
            while chunk := await asyncio.get_running_loop().sock_recv(ours, READ):
                silent = False
                yield chunk
    if silent:
        await asyncio.wrap_future(await call.run(call.engine.containers.wait, id))
        async for chunk in kept():
            yield chunk


async def _attached(call: Call, id: str, attachment: Attachment) -> socket.socket:
    """Return our end of a pair whose other end has been attached; it is at its end when the container could not take it."""
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    attachment.fd = theirs.detach()
    try:
        await asyncio.shield(call.run(call.engine.containers.attach, id, attachment))
    except (DockerkitError, OSError) as error:
        log.info("container %s ended while its log was to be followed: %s", id, error)
    except BaseException:
        ours.close()
        raise
    return ours
