"""One thread that hears all keepers: an exit is passed on, and the end of a keeper is taken care of. Starts nothing."""

from __future__ import annotations

import contextlib
import logging
import os
import selectors
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass

from dockerkit.daemon.runtime import wire
from dockerkit.daemon.runtime.exits import Exit
from dockerkit.daemon.runtime.keepers import Keeper
from dockerkit.daemon.runtime.process import Process

log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Watched:
    keeper: Keeper
    told: bool = False
    pidfd: int = -1


class Watcher:
    """Hears keepers.

    :param ended: called on the watcher's thread with a keeper and its container's exit.
    :param died: called on it when a keeper went without a word; cleans up after it and returns the exit.
    :param left: called on it when a keeper has gone, and whether nothing is left behind.
    :param detached: called on it when a client typed its detach keys.
    """

    def __init__(
        self,
        *,
        ended: Callable[[Keeper, Exit], None],
        died: Callable[[Keeper], Exit],
        left: Callable[[Keeper, bool], None],
        detached: Callable[[Keeper], None],
    ) -> None:
        self._ended, self._died, self._left, self._detached = ended, died, left, detached
        self._selector = selectors.DefaultSelector()
        self._wake, self._bell = socket.socketpair()
        self._wake.setblocking(False)
        self._selector.register(self._wake, selectors.EVENT_READ)
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="dockerkit-keepers", daemon=True)

    def start(self) -> None:
        """Begin to hear; repeating it changes nothing."""
        if self._thread.ident is None:
            self._thread.start()

    def watch(self, keeper: Keeper) -> None:
        """Hear this keeper from now on."""
        self._selector.register(keeper.connection, selectors.EVENT_READ, _Watched(keeper))
        self._bell.send(b".")

    def follow(self, process: Process) -> None:
        """Hear this process's end."""
        self._selector.register(process.connection, selectors.EVENT_READ, process)
        self._bell.send(b".")

    def stop(self) -> None:
        """Hear nobody any more; keepers are left alone. Waits for a callback that is running."""
        self._stopping = True
        self._bell.send(b".")
        if self._thread.ident is not None and self._thread is not threading.current_thread():
            self._thread.join()
        for key in tuple(self._selector.get_map().values()):
            if isinstance(key.data, _Watched):
                key.data.keeper.disconnect()
            elif isinstance(key.data, Process):
                key.data.disconnect()
        self._selector.close()
        self._wake.close()
        self._bell.close()

    def _run(self) -> None:
        while not self._stopping:
            for key, _ in self._selector.select():
                if key.data is None:
                    self._wake.recv(4096)
                elif isinstance(key.data, Process):
                    self._exited(key.data)
                elif key.data.pidfd >= 0:
                    self._gone(key.data)
                else:
                    self._hear(key.data)

    def _exited(self, process: Process) -> None:
        self._selector.unregister(process.connection)
        try:
            process.hear()
        except Exception:  # as with a container's end
            log.exception("process %d: its end could not be taken care of", process.pid)

    def _hear(self, watched: _Watched) -> None:
        try:
            message, fds = wire.receive(watched.keeper.connection)
        except (OSError, ValueError):  # ECONNRESET: it was killed with our messages unread
            message, fds = None, []
        if message is None:
            self._closed(watched)
        elif (verb := message.pop("verb")) == "exit":
            watched.told = True
            watched.pidfd, *_ = fds
            self._selector.unregister(watched.keeper.connection)
            self._selector.register(watched.pidfd, selectors.EVENT_READ, watched)
            self._pass_on(watched.keeper, Exit(**message))
        else:
            wire.close(fds)
            if verb == "detached":
                self._pass_on_detached(watched.keeper)

    def _closed(self, watched: _Watched) -> None:
        self._selector.unregister(watched.keeper.connection)
        if not watched.told:
            self._pass_on(watched.keeper, self._died(watched.keeper))
        self._finish(watched, cleaned=not watched.told)

    def _pass_on(self, keeper: Keeper, ended: Exit) -> None:
        try:
            self._ended(keeper, ended)
        except Exception:  # one caller's mistake must not make the ends of all other containers unheard
            log.exception("container %s: its end could not be taken care of", keeper.id)

    def _pass_on_detached(self, keeper: Keeper) -> None:
        try:
            self._detached(keeper)
        except Exception:  # as with an end
            log.exception("container %s: a client's leaving could not be taken care of", keeper.id)

    def _gone(self, watched: _Watched) -> None:
        self._selector.unregister(watched.pidfd)
        os.close(watched.pidfd)
        self._finish(watched, cleaned=_says_cleaned(watched.keeper))

    def _finish(self, watched: _Watched, *, cleaned: bool) -> None:
        try:
            self._left(watched.keeper, cleaned)
        except Exception:  # as with an end
            log.exception("container %s: what its keeper left could not be cleaned up", watched.keeper.id)
        watched.keeper.disconnect()
        watched.keeper.gone.set_result(None)


def _says_cleaned(keeper: Keeper) -> bool:
    """Return whether the last words of a keeper that has gone were that it left nothing behind."""
    cleaned = False
    with contextlib.suppress(OSError, ValueError):
        while message := wire.receive(keeper.connection)[0]:
            cleaned |= message["verb"] == "cleaned"
    return cleaned
