"""Logs that go on: a follower is given what is written as it is written, until its container ends.

inotify tells that a log grew: one descriptor and one thread for all followers, however many and however idle. A follower that
does not read is not fed: it reads the log file at its own pace, so it holds neither memory nor the container. As in dockerd,
following ends with the container's life, restart policy or not, and the log of one that does not run ends at once.
"""

from __future__ import annotations

import contextlib
import itertools
import logging
import os
import select
import threading
import time
from collections.abc import Callable, Iterator

from dockerkit.daemon.engine.entries import Entry
from dockerkit.daemon.engine.logposition import Position
from dockerkit.daemon.engine.logreading import Piece, Splitter, Wanted, encoded, last_lines, lines_of
from dockerkit.daemon.engine.timers import Timer, Timers
from dockerkit.daemon.kernel.inotify import Inotify
from dockerkit.errors import Exhausted

log = logging.getLogger(__name__)
BATCH = 64 * 1024
"""Bytes of log that one batch holds, about."""


class Follower:
    """Somebody who follows one container's log.

    Asked for a batch until there is none, then again whenever `wake` has been called.

    :ivar ended: nothing will come any more: the container has ended, or the moment `until` has passed.
    """

    def __init__(self, position: Position, wanted: Wanted, wake: Callable[[], None]) -> None:
        self._position, self._wanted, self.wake = position, wanted, wake
        self._splitter = Splitter()
        self._backlog: list[Piece] = []
        self._lock = threading.Lock()
        self._woken = self._over = self._closed = False
        self.ended = False
        self.on_close: list[Callable[[], object]] = []

    def lines(self) -> list[tuple[int, bytes]]:
        """Return the next lines with their streams, without waiting; empty when there are none for now, or no more at all."""
        return list(lines_of(self._batch()))

    def chunk(self, *, framed: bool) -> bytes:
        """Return the next lines as a client gets them, without waiting; as :meth:`lines` and much faster."""
        return b"".join(encoded(piece, framed=framed) for piece in self._batch())

    def close(self) -> None:
        """Follow no more; repeating it is harmless."""
        with self._lock:
            if self._closed:
                return
            self._closed = self.ended = True
            self._position.close()
        for action in self.on_close:
            action()

    def keep_last(self, count: int) -> None:
        """Of what is in the log now, give the last so many lines only. Before the first batch."""
        kept = last_lines(itertools.chain.from_iterable(map(self._splitter.feed, self._position.records())), count)
        self._backlog = list(self._wanted.of(kept))

    def finish(self) -> None:
        """Know that nothing more will be written."""
        self._over = True
        self.stir()

    def stir(self) -> None:
        """Wake whoever reads, once until it has looked."""
        if not self._woken:
            self._woken = True
            self.wake()

    def _batch(self) -> list[Piece]:
        """Return the next pieces, some ``BATCH`` bytes of them; whoever asks decides when."""
        with self._lock:
            if self._closed:
                return []
            self._woken = False  # before looking: what is written from here on wakes again
            over = self._over
            batch, self._backlog = self._backlog, []
            batch = batch or self._read()
            if over and not batch:
                batch = list(self._wanted.of(self._splitter.rest()))
                self.ended = True
            return batch

    def _read(self) -> list[Piece]:
        batch: list[Piece] = []
        size = 0
        for record in self._position.records():
            batch += self._wanted.of(self._splitter.feed(record))
            size += len(record.data)
            if size >= BATCH and batch:
                break
        return batch


class Followers:
    """All followers of this engine."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._inotify: Inotify | None = None
        self._watches: dict[str, int] = {}
        self._by_watch: dict[int, set[Follower]] = {}
        self._bell = -1
        self._thread: threading.Thread | None = None

    def open(
        self, entry: Entry, directory: str, wanted: Wanted, *, tail: int | None, wake: Callable[[], None], timers: Timers
    ) -> Follower:
        """Begin to follow the log in a container's directory.

        :param tail: of what is there, the last so many lines only; None is all.
        :param wake: called on another thread when there may be more; it must not block.
        :raises Exhausted: the kernel has no more watches to give.
        """
        follower = Follower(Position(f"{directory}/log"), wanted, wake)
        id = entry.record.id
        self._register(id, directory, follower)
        follower.on_close.append(lambda: self._drop(id, follower))
        try:
            if tail is not None:
                follower.keep_last(tail)
        except BaseException:
            follower.close()
            raise
        if wanted.until:
            timer = _at(timers, wanted.until, follower.finish)
            follower.on_close.append(timer.cancel)
        if not entry.record.alive:  # after registering: an end from here on is told by `finish`
            follower.finish()
        return follower

    def finish(self, id: str) -> None:
        """Tell a container's followers that it has ended: its log is whole."""
        for follower in self._of(self._watches.get(id)):
            follower.finish()

    def close(self) -> None:
        """End the thread; followers are not woken any more."""
        with self._lock:
            thread, self._thread = self._thread, None
            inotify, self._inotify = self._inotify, None
        if thread is not None and inotify is not None:
            os.eventfd_write(self._bell, 1)
            thread.join()
            os.close(self._bell)
            inotify.close()

    def _register(self, id: str, directory: str, follower: Follower) -> None:
        with self._lock:
            try:
                watch = self._running().add(directory)
            except OSError as error:
                raise Exhausted(
                    f"the log in {directory} cannot be followed: {error}",
                    hint="raise fs.inotify.max_user_watches, or follow less",
                ) from error
            self._watches[id] = watch
            self._by_watch.setdefault(watch, set()).add(follower)

    def _drop(self, id: str, follower: Follower) -> None:
        with self._lock:
            watch = self._watches.get(id)
            if watch is None or self._inotify is None:
                return
            followers = self._by_watch[watch]
            followers.discard(follower)
            if not followers:
                del self._watches[id], self._by_watch[watch]
                with contextlib.suppress(OSError):  # EINVAL: the directory is gone, and so is the watch
                    self._inotify.remove(watch)

    def _running(self) -> Inotify:
        """Return the one inotify, and have the thread that reads it run. The lock is held."""
        if self._inotify is None:
            self._inotify = Inotify()
            self._bell = os.eventfd(0, os.EFD_CLOEXEC)
            self._thread = threading.Thread(target=self._run, args=(self._inotify,), name="followers", daemon=True)
            self._thread.start()
        return self._inotify

    def _of(self, watch: int | None) -> list[Follower]:
        with self._lock:
            return list(self._by_watch.get(watch, ())) if watch is not None else []

    def _run(self, inotify: Inotify) -> None:
        poll = select.poll()
        poll.register(inotify, select.POLLIN)
        poll.register(self._bell, select.POLLIN)
        while all(descriptor != self._bell for descriptor, _ in poll.poll()):
            for follower in self._grown(inotify):
                _stir(follower)

    def _grown(self, inotify: Inotify) -> Iterator[Follower]:
        watches: set[int] = set()
        for change in inotify.changes():
            if change.lost:
                watches.update(self._by_watch)
            elif change.name.startswith("log"):
                watches.add(change.watch)
        for watch in watches:
            yield from self._of(watch)


def _stir(follower: Follower) -> None:
    try:
        follower.stir()
    except Exception:  # one reader's mistake is nobody else's
        log.exception("a follower of a log could not be woken")
        follower.close()


def _at(timers: Timers, moment: int, action: Callable[[], None]) -> Timer:
    return timers.after(max(0.0, (moment - time.time_ns()) / 1e9), action)
