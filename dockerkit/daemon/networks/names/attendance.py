"""The name server as the daemon has it: started when it is needed first or found again, and replaced when it dies.

Knows nothing of names: whoever has it says everything again to each new one.
"""

from __future__ import annotations

import contextlib
import logging
import select
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Sequence

from dockerkit.daemon.networks.companion.process import connect, start
from dockerkit.daemon.networks.names import words

log = logging.getLogger(__name__)
_PATIENCE = 5.0
"""Seconds the server may take to answer; it takes less than one millisecond."""
_NOT_SOONER = 1.0
"""Seconds between two servers: one that dies at once is not started in a circle."""


class Attendance:
    """One server at a time.

    :param place: ``ROOT/run``, and the data root's identity.
    :param lock: held by whoever calls, and taken by the thread that watches.
    :param say_everything: called for each new server, to say by :meth:`tell` what it is to know.
    :param needed: whether one that died is to be replaced at once.
    """

    def __init__(
        self,
        place: tuple[str, str],
        lock: threading.RLock,
        *,
        say_everything: Callable[[], None],
        needed: Callable[[], bool],
    ) -> None:
        self._place, self._lock = place, lock
        self._say_everything, self._needed = say_everything, needed
        self._server: socket.socket | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._watcher: threading.Thread | None = None
        self._started = -_NOT_SOONER
        self._closed = threading.Event()

    @property
    def there(self) -> bool:
        """Whether there is a server, as far as one knows."""
        return self._server is not None

    def tell(self, message: words.Message, fds: Sequence[int] = ()) -> None:
        """Say something that `say_everything` would say too: a server that is new, or made because one died, hears it so.

        :raises OSError: none can be started, or it does not listen.
        """
        if self._server is None:
            self.start()
            return
        try:
            words.send(self._server, message, fds)
        except (BrokenPipeError, ConnectionResetError):
            if time.monotonic() > self._started + _NOT_SOONER:
                self._replace()  # else the watcher does, in a moment

    def start(self) -> None:
        """Have a server; nothing happens when there is one.

        :raises OSError: it cannot be started.
        """
        if self._server is None:
            self._server, self._process = start(words.KIND, *self._place)
            self._started = time.monotonic()
            self._server.settimeout(_PATIENCE)
            self._say_everything()
            self._watch()

    def adopt(self) -> Iterator[tuple[words.Message, list[int]]]:
        """Find the server of an earlier daemon; return what it holds, and descriptors, one by one.

        :raises OSError: there is one, and it does not answer.
        """
        self._server = connect(words.KIND, self._place[0])
        if self._server is None:
            return
        self._server.settimeout(_PATIENCE)
        words.send(self._server, {"verb": "adopt"})
        while True:
            message, fds = words.receive(self._server)
            if message is None or message["verb"] != "holds":
                break
            yield message, fds
        self._watch()

    def close(self, *, stop: bool, idle: bool) -> None:
        """Let go; called without the lock.

        :param stop: have it end now.
        :param idle: it ends by itself.
        """
        self._closed.set()
        with self._lock:
            server, self._server = self._server, None
        if server is not None:
            with contextlib.suppress(OSError):  # it has ended already
                if stop:
                    words.send(server, {"verb": "stop"})
                else:
                    server.shutdown(socket.SHUT_RDWR)
        if self._watcher is not None:
            self._watcher.join(_PATIENCE)
        if server is not None:
            server.close()
        if self._process and (idle or stop):
            self._process.wait(_PATIENCE)

    def _replace(self) -> None:
        log.warning("the name server has died")
        if self._server is not None:
            self._server.close()
        if self._process is not None:
            self._process.wait(_PATIENCE)
        self._server = self._process = None
        if self._needed():
            self.start()

    def _watch(self) -> None:
        assert self._server is not None
        arguments = (self._server, self._server.dup())
        self._watcher = threading.Thread(target=self._wait_for_its_end, args=arguments, name="names", daemon=True)
        self._watcher.start()

    def _wait_for_its_end(self, server: socket.socket, watched: socket.socket) -> None:
        with watched:
            waiting = select.poll()
            waiting.register(watched.fileno(), select.POLLIN)
            waiting.poll()
        if self._closed.wait(max(0.0, self._started + _NOT_SOONER - time.monotonic())):
            return
        with self._lock:
            if self._server is not server:
                return
            try:
                self._replace()
            except OSError:
                log.exception("there is no name server: names are not answered until the next container starts")
