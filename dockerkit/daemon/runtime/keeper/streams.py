"""The container's side of its standard streams: pipes or a terminal, read as fast as it writes, written as fast as it reads."""

from __future__ import annotations

import errno
import os
from collections import deque
from collections.abc import Callable

from dockerkit.daemon.runtime.keeper.loop import HANGUP, READ, WRITE, Loop

CHUNK = 1 << 16
_READS_A_TURN = 16
_MOST_INPUT = 1 << 16

Deliver = Callable[[int, memoryview], None]


class Output:
    """One stream the container writes.

    :param deliver: takes every chunk, and must be done with it when it returns.
    :param over: called when nobody can write to it any more.
    """

    _buffer = bytearray(CHUNK)  # one for all: there is one thread

    def __init__(
        self, loop: Loop, descriptor: int, stream: int, deliver: Deliver, over: Callable[[], None] = lambda: None
    ) -> None:
        self._loop, self._descriptor, self._stream, self._deliver, self._over = loop, descriptor, stream, deliver, over
        self._paused = False
        os.set_blocking(descriptor, False)
        loop.watch(descriptor, READ, self._ready)

    def _ready(self, _events: int) -> None:
        for _ in range(_READS_A_TURN):
            if self._paused or not self._read():
                return

    def _read(self) -> bool:
        """Take one chunk; False when there is none now, or ever again."""
        try:
            count = os.readv(self._descriptor, [self._buffer])
        except BlockingIOError:
            return False
        except OSError as error:
            if error.errno != errno.EIO:  # EIO: a terminal whose other side is gone
                raise
            count = 0
        if not count:
            self.close()
            self._over()
            return False
        self._deliver(self._stream, memoryview(self._buffer)[:count])
        return True

    @property
    def ended(self) -> bool:
        """Whether it is closed."""
        return self._descriptor < 0

    def pause(self, paused: bool) -> None:
        """Stop, or go on, taking what the container writes; meanwhile it waits."""
        if self._descriptor >= 0 and paused != self._paused:
            self._paused = paused
            if paused:
                self._loop.forget(self._descriptor)
            else:
                self._loop.watch(self._descriptor, READ, self._ready)

    def drain(self) -> None:
        """Take everything that is there now, without waiting for more."""
        while self._descriptor >= 0 and self._read():
            pass

    def close(self) -> None:
        """Close the stream; the container gets SIGPIPE."""
        if self._descriptor >= 0:
            self._loop.forget(self._descriptor)
            os.close(self._descriptor)
            self._descriptor = -1


class Input:
    """The container's standard input: what clients type, held back when the container does not read.

    :param ready: called when there is room again after :attr:`full`.
    """

    def __init__(self, loop: Loop, descriptor: int, ready: Callable[[], None]) -> None:
        self._loop, self._descriptor, self._ready = loop, descriptor, ready
        self._waiting: deque[memoryview] = deque()
        self._size = 0
        self._ending = False
        os.set_blocking(descriptor, False)
        loop.watch(descriptor, 0, self._happened)

    @property
    def open(self) -> bool:
        """Whether anything more can be written."""
        return self._descriptor >= 0 and not self._ending

    @property
    def full(self) -> bool:
        """Whether the caller should hold back."""
        return self._size >= _MOST_INPUT

    def write(self, data: bytes) -> None:
        """Give the container bytes, now or when it reads; thrown away when its input is closed."""
        if self.open and data:
            self._waiting.append(memoryview(data))
            self._size += len(data)
            self._flush()

    def end(self) -> None:
        """Let the container see end-of-file once it has read what is waiting."""
        self._ending = True
        self._flush()

    def _happened(self, events: int) -> None:
        if events & HANGUP:
            self._close()
            self._ready()
        else:
            was_full = self.full
            self._flush()
            if was_full and not self.full:
                self._ready()

    def _flush(self) -> None:
        try:
            while self._waiting:
                written = os.write(self._descriptor, self._waiting[0])
                self._size -= written
                self._waiting[0] = self._waiting[0][written:]
                if not self._waiting[0]:
                    self._waiting.popleft()
        except BlockingIOError:
            self._loop.change(self._descriptor, WRITE)
            return
        except OSError:  # EPIPE, EIO: the container has closed its input
            self._close()
            return
        if self._ending:
            self._close()
        elif self._descriptor >= 0:
            self._loop.change(self._descriptor, 0)

    def _close(self) -> None:
        self._waiting.clear()
        self._size = 0
        if self._descriptor >= 0:
            self._loop.forget(self._descriptor)
            os.close(self._descriptor)
            self._descriptor = -1


def make_pipes(*, with_input: bool) -> tuple[list[int], list[int]]:
    """Return the container's ends (for 0, 1, 2) and the keeper's (output, error, and input when asked for).

    Without input the container reads ``/dev/null``.
    """
    out_read, out_write = os.pipe()
    error_read, error_write = os.pipe()
    if not with_input:
        null = os.open("/dev/null", os.O_RDONLY | os.O_CLOEXEC)
        return [null, out_write, error_write], [out_read, error_read]
    in_read, in_write = os.pipe()
    return [in_read, out_write, error_write], [out_read, error_read, in_write]
