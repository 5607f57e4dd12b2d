"""An answer that goes on, until Ctrl-C; one that is pressed just before the waiting begins counts too.

A blocking read would miss that one: the signal's handler runs only when the interpreter is back, so here it is waited for.
"""

from __future__ import annotations

import select
import signal
from collections.abc import Iterator

from dockerkit.cli.terminal import Signals
from dockerkit.client.transport.http import Response


def followed(answer: Response) -> Iterator[bytes]:
    """Yield the pieces of an answer as they come.

    :raises KeyboardInterrupt: Ctrl-C.
    """
    with Signals((signal.SIGINT,)) as interrupts:
        poll = select.poll()
        poll.register(interrupts.fileno(), select.POLLIN)
        poll.register(answer.fileno(), select.POLLIN)
        while (piece := answer.now()) is not None:
            if piece:
                yield piece
            if answer.fileno() >= 0 and any(ready == interrupts.fileno() for ready, _ in poll.poll()):
                raise KeyboardInterrupt
