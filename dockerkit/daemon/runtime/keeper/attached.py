"""Those who listen to a container or type into it: each served without waiting, with bounded memory.

What a listener has not taken yet waits in a queue of at most 1 MiB. When that is full and the container has a log, nothing
more is queued for it: the log *is* the queue, and it is served from there until it has caught up. Without a log the
container is held back as long as the listener reads at all; one that takes nothing for a second is served no more until it
reads again: then it is told, in the error stream, how many bytes it missed.
"""

from __future__ import annotations

import contextlib
import os
import socket
import stat
import struct
import time
from collections import deque
from collections.abc import Callable

from dockerkit.daemon.logs.records import STDERR, STDOUT
from dockerkit.daemon.runtime.keeper.detaching import DetachKeys
from dockerkit.daemon.runtime.keeper.journal import Journal
from dockerkit.daemon.runtime.keeper.loop import HANGUP, READ, WRITE, Loop
from dockerkit.daemon.runtime.keeper.replay import Replay
from dockerkit.daemon.runtime.launch import Attachment

MOST_QUEUED = 1 << 20
PATIENCE = 1.0
"""Seconds without progress after which a listener no longer holds the container back."""

_READ = 1 << 16
_HEADER = struct.Struct(">BxxxL")
_EXIT = struct.Struct(">L")
EXIT = 4
"""The stream of the frame that tells how a program ended, to those who asked for it."""


class Attached:
    """One listener.

    :param typed: called with bytes it typed; an empty one is its end-of-file.
    :param moved: called when it has taken something.
    :param gone: called once, after its descriptor is closed.
    """

    def __init__(
        self,
        loop: Loop,
        attachment: Attachment,
        journal: Journal,
        *,
        typed: Callable[[Attached, bytes], None],
        moved: Callable[[], None],
        gone: Callable[[Attached], None],
    ) -> None:
        self.stdin = attachment.stdin
        self.detached = False
        self._keys = DetachKeys(attachment.detach_keys)
        self.last_progress = time.monotonic()
        self.stalled = False
        self.missed = 0
        self._loop, self._journal, self._fd = loop, journal, attachment.fd
        self._typed, self._moved, self._gone = typed, moved, gone
        self._framed, self._tells_exit = attachment.framed, attachment.tells_exit
        self._streams = {STDOUT: attachment.stdout, STDERR: attachment.stderr}
        self._queue: deque[memoryview] = deque()
        self._queued = 0
        self._behind = _replay(journal, attachment.replay_from)
        self._typing = False
        self._events = 0
        self._watched = True
        self._deaf = False
        self._closing = False
        os.set_blocking(self._fd, False)
        loop.watch(self._fd, 0, self._happened)

    @property
    def pending(self) -> bool:
        """Whether it has not taken everything yet."""
        return self._fd >= 0 and (self._queued > 0 or self._behind is not None)

    @property
    def holds_back(self) -> bool:
        """Whether the container should wait for it."""
        return self._queued >= MOST_QUEUED and self._behind is None and not self.stalled

    def begin(self) -> None:
        """Send what there is to replay."""
        self._pump()

    def deliver(self, stream: int, data: memoryview, offset: int | None) -> None:
        """Give it a chunk the container wrote just now.

        :param offset: of the chunk's record in the log; None when it is not there.
        """
        if self._fd < 0 or not self._streams[stream]:
            return
        if self._behind is not None:
            self.missed += len(data) if offset is None else 0
        elif not self._queue:
            self._send_now(self._pieces(stream, data))
        elif self._queued < MOST_QUEUED or (offset is None and not self.stalled):
            self._enqueue(self._pieces(stream, bytes(data)))
        elif offset is not None:
            self._behind = Replay(self._journal, offset, self._journal.payload - len(data))
        else:
            self.missed += len(data)

    def type_freely(self, free: bool) -> None:
        """Take, or stop taking, what it types."""
        if self._fd >= 0 and self.stdin:
            self._typing = free
            self._want()

    def type(self, data: bytes) -> None:
        """Take bytes it typed; empty at its end-of-file. The keys that detach it close it, and are typed to nobody."""
        meant, self.detached = self._keys.take(data)
        if meant or (not data and not self.detached):
            self._typed(self, meant)
        if not data and meant:
            self._typed(self, b"")
        if self.detached:
            self.stdin = False
            self.close()

    def tell_exit(self, code: int) -> None:
        """Tell it how the program ended, if it asked for that: then it has all, and is closed when it has taken it."""
        if self._fd >= 0 and self._tells_exit:
            self._enqueue(self._pieces(EXIT, _EXIT.pack(code)))
            self.close_when_served()

    def close_when_served(self) -> None:
        """Nothing more will come: close it as soon as it has taken all."""
        self._closing = True
        self._pump()

    def close(self, *, hang_up: bool = True) -> None:
        """Let go of it at once.

        :param hang_up: end the stream for whoever reads it; else it stays open for the daemon, which has something to say.
        """
        if self._fd < 0:
            return
        if self._watched:
            self._loop.forget(self._fd)
        if hang_up and stat.S_ISSOCK(os.fstat(self._fd).st_mode):
            # the daemon may still hold a copy of this socket: end the stream itself, not only our descriptor
            with contextlib.suppress(OSError), socket.socket(fileno=os.dup(self._fd)) as connection:
                connection.shutdown(socket.SHUT_WR)
        os.close(self._fd)
        self._fd = -1
        self._queue.clear()
        self._queued, self._behind = 0, None
        self._gone(self)

    def _pieces(self, stream: int, data: memoryview | bytes) -> list[memoryview]:
        body = memoryview(data)
        return [memoryview(_HEADER.pack(stream, len(body))), body] if self._framed else [body]

    def _send_now(self, pieces: list[memoryview]) -> None:
        """Write past the empty queue; what does not fit is copied into it."""
        written = self._write(pieces)
        if written is None:
            return
        for piece in pieces:
            if written < len(piece):  # copied: the chunk's buffer is used again
                self._enqueue([memoryview(bytes(piece[written:]))])
            written = max(0, written - len(piece))

    def _enqueue(self, pieces: list[memoryview]) -> None:
        self._queue.extend(pieces)
        self._queued += sum(map(len, pieces))
        self._want()

    def _write(self, pieces: list[memoryview]) -> int | None:
        """Write what goes; None when nobody hears any more."""
        try:
            written = os.writev(self._fd, pieces)
        except BlockingIOError:
            return 0
        except OSError:  # EPIPE, ECONNRESET: it has hung up, which is its right
            self._hang_up()
            return None
        self.last_progress = time.monotonic()
        return written

    def _pump(self) -> None:
        """Serve the queue, then the log, as far as it takes it now."""
        while self._flush() and self._refill():
            pass
        if self._fd >= 0 and self._closing and not self.pending:
            self.close()
        elif self._fd >= 0:
            self._want()

    def _flush(self) -> bool:
        """Write from the queue; True when it is empty."""
        while self._queue:
            written = self._write([self._queue[i] for i in range(min(len(self._queue), 64))])
            if not written:
                return False
            self._queued -= written
            while self._queue and written >= len(self._queue[0]):
                written -= len(self._queue.popleft())
            if written:
                self._queue[0] = self._queue[0][written:]
            self._resume()
        return self._fd >= 0

    def _resume(self) -> None:
        self.stalled = False
        if self.missed and self._framed and self._queued < MOST_QUEUED:
            note = f"dockerkit: {self.missed} bytes of output were not delivered: the reader did not read\n"
            self.missed = 0
            self._queue.extend(self._pieces(STDERR, note.encode()))
            self._queued = sum(map(len, self._queue))
        self._moved()

    def _refill(self) -> bool:
        """Queue the next record of the log it is to have; False when it has caught up."""
        while self._behind is not None:
            record = self._behind.next()
            self.missed, self._behind.missed = self.missed + self._behind.missed, 0
            if record is None:
                self._behind = None
                return False
            if self._streams[record.stream]:
                self._enqueue(self._pieces(record.stream, record.data))
                return True
        return False

    def _hang_up(self) -> None:
        """Nobody hears any more; what was typed before is still to be taken."""
        self._deaf = True
        self._streams = dict.fromkeys(self._streams, False)
        self._queue.clear()
        self._queued, self._behind = 0, None
        if self.stdin:
            self._want()
        else:
            self.close()

    def _happened(self, events: int) -> None:
        if events & READ and self._typing:
            self._type()
        if self._fd >= 0 and events & WRITE:
            self._pump()
        if self._fd >= 0 and events & HANGUP:
            self._hang_up()

    def _type(self) -> None:
        try:
            data = os.read(self._fd, _READ)
        except BlockingIOError:
            return
        except OSError:  # ECONNRESET: as good as the end
            data = b""
        if not data:
            self._typing, self.stdin = False, False
            self._want()
        self.type(data)
        if self._fd >= 0 and self._deaf and not self.stdin:
            self.close()

    def _want(self) -> None:
        """Wait for what is needed now: room to write, bytes typed, or only for the other end to hang up."""
        if self._fd < 0:
            return
        events = (READ if self._typing else 0) | (WRITE if self.pending else 0)
        watched = bool(events) or not self._deaf  # one that hung up would be told of for ever
        if watched and not self._watched:
            self._loop.watch(self._fd, events, self._happened)
        elif not watched and self._watched:
            self._loop.forget(self._fd)
        elif watched and events != self._events:
            self._loop.change(self._fd, events)
        self._events, self._watched = events, watched


def _replay(journal: Journal, offset: int | None) -> Replay | None:
    """Return the place in the log a listener begins at; None when it wants only what is to come."""
    if offset is None:
        return None
    begin = journal.clamp(offset)
    return Replay(journal, begin, journal.payload_before(begin))
