"""Sessions: who owns containers, and what happens when they are gone.

A session is a client's open connection and its process. When either ends, for whatever reason, what the session owns is
killed and removed. Sessions are written down; those of a daemon that ended are closed by the next one.
"""

from __future__ import annotations

import logging
import os
import secrets
import select
import threading
from dataclasses import dataclass

from msgspec.structs import replace

from dockerkit.daemon.engine.core import Core
from dockerkit.daemon.engine.entries import Entry
from dockerkit.daemon.engine.removal import remove
from dockerkit.daemon.state import sessions as stored
from dockerkit.errors import DockerkitError, NotFound

log = logging.getLogger(__name__)
RECLAIM_SECONDS = 5.0
"""How long the sessions of the daemon before have, to come back."""


@dataclass(frozen=True, slots=True)
class Session:
    """One owner: its process. What it owns is written in the containers' records."""

    pid: int
    pidfd: int | None = None


class Sessions:
    """All sessions of this engine."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._sessions: dict[str, Session] = {}
        self._lock = threading.Lock()
        self._watch = select.epoll()
        self._by_pidfd: dict[int, str] = {}
        threading.Thread(target=self._watch_processes, name="sessions", daemon=True).start()

    def open(self, pidfd: int | None, pid: int) -> str:
        """Begin a session for process `pid`; it ends with :meth:`close` or when `pidfd` says that the process is gone.

        :param pidfd: ownership passes to the session; None when the process cannot be seen from here.
        :returns: the session's id.
        """
        id = secrets.token_hex(16)
        with self._core.database.transaction() as tx:
            stored.put(tx, id, pid)
        with self._lock:
            self._sessions[id] = Session(pid, pidfd)
            if pidfd is not None:
                self._by_pidfd[pidfd] = id
        if pidfd is not None:
            self._watch.register(pidfd, select.EPOLLIN | select.EPOLLONESHOT)
        return id

    def close(self, id: str) -> None:
        """End a session: what it owns is killed and removed. Harmless when it is unknown."""
        with self._lock:
            session = self._sessions.pop(id, None)
            if session is None:
                return
            if session.pidfd is not None:
                del self._by_pidfd[session.pidfd]
                os.close(session.pidfd)
        for entry in self._core.entries.all():
            if entry.record.session == id:
                self._remove(entry)
        with self._core.database.transaction() as tx:
            stored.delete(tx, id)

    def check(self, id: str) -> None:
        """Make sure that a session is open.

        :raises NotFound: it is not (any more).
        """
        if id not in self._sessions:
            raise NotFound(f"No such session: {id}", hint="the session ended; open another")

    def own(self, id: str, ref: str) -> None:
        """Make the session the owner of a container, instead of whoever it was.

        :raises NotFound: no such session, no such container.
        """
        entry = self._core.entries.resolve(ref)
        with entry.lock:
            self._core.commit(entry, replace(entry.record, session=id))
        try:
            self.check(id)
        except NotFound:
            self.disown(id, ref)
            raise

    def disown(self, id: str, ref: str) -> None:
        """Let a container outlive the session; harmless when another owns it."""
        entry = self._core.entries.resolve(ref)
        with entry.lock:
            if entry.record.session == id:
                self._core.commit(entry, replace(entry.record, session=""))

    def recover(self) -> None:
        """Take up the sessions of the daemon before: their containers go after five seconds."""
        for id, pid in stored.everything(self._core.database).items():
            with self._lock:
                self._sessions[id] = Session(pid)
            owns = any(entry.record.session == id for entry in self._core.entries.all())
            timer = threading.Timer(RECLAIM_SECONDS if owns else 0, self.close, (id,))
            timer.daemon = True
            timer.start()

    def _remove(self, entry: Entry) -> None:
        try:
            remove(self._core, entry, force=True)
        except DockerkitError:
            log.exception("container %s outlived its session", entry.record.id)

    def _watch_processes(self) -> None:
        while True:
            for pidfd, _ in self._watch.poll():
                id = self._by_pidfd.get(pidfd)
                if id is not None:
                    self.close(id)
