"""Sessions: who owns containers, networks and volumes, and what happens when they are gone.

A session is a client's open connection and its process. When either ends, for whatever reason, what the session owns is
killed and removed. Sessions are written down: when it was the daemon that ended, their clients have some seconds to come back
to the next one and reclaim them; those whose process is gone have none.
"""

from __future__ import annotations

import logging
import os
import secrets
import select
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial

from msgspec.structs import replace

from dockerkit.daemon.engine.core import Core
from dockerkit.daemon.engine.entries import Entry
from dockerkit.daemon.engine.networks import owning
from dockerkit.daemon.engine.removal import remove
from dockerkit.daemon.engine.timers import Timer
from dockerkit.daemon.state import sessions as stored
from dockerkit.errors import DockerkitError, Exhausted, NotFound

log = logging.getLogger(__name__)
RECLAIM_SECONDS = 5.0
"""How long the sessions of the daemon before have, to come back."""


@dataclass(frozen=True, slots=True, eq=False)
class Session:
    """One owner: its process. What it owns is written in the records of what is owned.

    :param expiry: ends it unless it is reclaimed until then; None once somebody holds it.
    """

    pid: int
    pidfd: int | None = None
    expiry: Timer | None = None


class Sessions:
    """All sessions of this engine."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._sessions: dict[str, Session] = {}
        self._lock = threading.Lock()
        self._watch = select.epoll()
        self._by_pidfd: dict[int, str] = {}
        self._bell = os.eventfd(0, os.EFD_CLOEXEC)
        self._watch.register(self._bell, select.EPOLLIN)
        self._thread = threading.Thread(target=self._watch_processes, name="sessions", daemon=True)
        self._thread.start()

    def open(self, pidfd: int | None, pid: int, reclaim: str = "") -> str:
        """Begin a session for process `pid`; it ends with :meth:`close` or when `pidfd` says that the process is gone.

        :param pidfd: ownership passes to the session; None when the process cannot be seen from here.
        :param reclaim: the session that the same process had with the daemon before, to go on with.
        :returns: the session's id.
        :raises NotFound: there is nothing to reclaim (any more): it has ended, with all it owned.
        """
        try:
            id = self._reclaim(reclaim, pidfd, pid) if reclaim else self._begin(pidfd, pid)
        except BaseException:
            if pidfd is not None:
                os.close(pidfd)
            raise
        self._observe(pidfd)
        return id

    def _begin(self, pidfd: int | None, pid: int) -> str:
        id = secrets.token_hex(16)
        with self._core.database.transaction() as tx:
            stored.put(tx, id, pid)
        self._hold(id, Session(pid, pidfd))
        return id

    def _reclaim(self, id: str, pidfd: int | None, pid: int) -> str:
        with self._lock:
            before = self._sessions.get(id)
            if before is None or before.expiry is None or before.pid != pid:
                raise NotFound(f"No such session: {id}", hint="it ended, or another process has it; open another")
            before.expiry.cancel()
            self._let_go(before)
            self._sessions[id] = Session(pid, pidfd)
            if pidfd is not None:
                self._by_pidfd[pidfd] = id
        return id

    def _hold(self, id: str, session: Session) -> None:
        with self._lock:
            self._sessions[id] = session
            if session.pidfd is not None:
                self._by_pidfd[session.pidfd] = id

    def _let_go(self, session: Session) -> None:
        """Close a session's pidfd, which also ends its being watched. The lock is held."""
        if session.pidfd is not None:
            del self._by_pidfd[session.pidfd]
            os.close(session.pidfd)

    def _observe(self, pidfd: int | None) -> None:
        with self._lock:  # it may be another's by now, or nobody's
            if pidfd in self._by_pidfd:
                self._watch.register(pidfd, select.EPOLLIN | select.EPOLLONESHOT)

    def close(self, id: str) -> None:
        """End a session: what it owns is killed and removed. Harmless when it is unknown."""
        with self._lock:
            session = self._sessions.pop(id, None)
            if session is None:
                return
            self._let_go(session)
        if session.expiry is not None:
            session.expiry.cancel()
        owned = [entry for entry in self._core.entries.all() if entry.record.session == id]
        going = [removal for entry in owned if (removal := self._remove(entry)) is not None]
        self._core.volumes.orphan(id)
        when_all(going, partial(self._core.pool.submit, self._end, id) if going else partial(self._end, id))

    def _end(self, id: str) -> None:
        """Let the session's networks go, now that its containers have; then it is forgotten."""
        owning.orphan(self._core, id)
        try:
            with self._core.database.transaction() as tx:
                stored.delete(tx, id)
        except Exhausted as error:  # it owns nothing any more; the next daemon ends it once again
            log.warning("the end of a session is not written down: %s", error)

    def stop(self) -> None:
        """Watch processes no more; sessions stay, for the next daemon to take up."""
        os.eventfd_write(self._bell, 1)
        self._thread.join()
        self._watch.close()
        os.close(self._bell)

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

    def own_volume(self, id: str, name: str) -> None:
        """Make the session the owner of a volume, which goes when the session and all containers that have it are gone.

        :raises NotFound: no such session, no such volume.
        """
        self.check(id)
        self._core.volumes.own(name, id)
        try:
            self.check(id)
        except NotFound:
            self._core.volumes.orphan(id)
            raise

    def disown_volume(self, id: str, name: str) -> None:
        """Let a volume outlive the session; harmless when another owns it."""
        if self._core.volumes.get(name).session == id:
            self._core.volumes.own(name, "")

    def own_network(self, id: str, ref: str) -> None:
        """Make the session the owner of a network, which goes when the session and its containers are gone.

        :raises NotFound: no such session, no such network. :raises NotAllowed: the network is one of the engine's own.
        """
        self.check(id)
        owning.own(self._core, self._core.networks.resolve(ref), id)
        try:
            self.check(id)
        except NotFound:
            owning.orphan(self._core, id)
            raise

    def disown_network(self, id: str, ref: str) -> None:
        """Let a network outlive the session; harmless when another owns it."""
        entry = self._core.networks.resolve(ref)
        if entry.record.session == id:
            owning.own(self._core, entry, "")

    def recover(self) -> None:
        """Take up the sessions of the daemon before: they end in five seconds unless reclaimed, or with their process."""
        for id, pid in stored.everything(self._core.database).items():
            pidfd, ended = _find(pid)
            expiry = self._core.timers.after(
                0.0 if ended else RECLAIM_SECONDS, partial(self._core.pool.submit, self._expire, id)
            )
            self._hold(id, Session(pid, pidfd, expiry))
            self._observe(pidfd)

    def _expire(self, id: str) -> None:
        with self._lock:
            session = self._sessions.get(id)
            if session is None or session.expiry is None:  # reclaimed this moment
                return
        self.close(id)

    def _remove(self, entry: Entry) -> Future[None] | None:
        try:
            return remove(self._core, entry, force=True, volumes=True)  # also when it is let go of this very moment
        except DockerkitError:
            log.exception("container %s outlived its session", entry.record.id)
            return None

    def _watch_processes(self) -> None:
        while True:
            for pidfd, _ in self._watch.poll():
                if pidfd == self._bell:
                    return
                id = self._of_ended(pidfd)
                if id is not None:
                    self.close(id)

    def _of_ended(self, pidfd: int) -> str | None:
        """Return whose process has ended. The number may be another session's by now: then that one is watched on."""
        with self._lock:
            id = self._by_pidfd.get(pidfd)
            if id is not None and not _has_ended(pidfd):
                self._watch.modify(pidfd, select.EPOLLIN | select.EPOLLONESHOT)
                return None
            return id


def when_all(futures: Sequence[Future[None]], act: Callable[[], object]) -> None:
    """Call `act` when the last of some futures is done, well or not; at once when there are none."""
    left = len(futures)
    lock = threading.Lock()

    def one_less(_: Future[None]) -> None:
        nonlocal left
        with lock:
            left -= 1
            last = left == 0
        if last:
            act()

    for future in futures:
        future.add_done_callback(one_less)
    if not futures:
        act()


def _has_ended(pidfd: int) -> bool:
    poll = select.poll()
    poll.register(pidfd, select.POLLIN)
    return bool(poll.poll(0))


def _find(pid: int) -> tuple[int | None, bool]:
    """Return a pidfd of a process when it can be had, and whether the process is known to have ended."""
    try:
        return os.pidfd_open(pid), False
    except ProcessLookupError:
        return None, True
    except OSError:  # 0: it was never in sight
        return None, False
