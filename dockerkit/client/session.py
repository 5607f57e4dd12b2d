"""The session of a client: a connection whose end, for whatever reason, takes with it everything the client owns.

Opened when the first thing is owned, kept outside the pool, opened anew in a forked child. A daemon that was replaced has five
seconds' patience: the session is reclaimed at the next use, and while a ``with`` block owns something, at once, by a thread
that exists as long as the block. Only our own engine has sessions; on a foreign one the client removes what it owns in its
``finally`` clauses, and labels it.
"""

from __future__ import annotations

import contextlib
import os
import select
import socket
import threading
import time
import weakref

import msgspec

from dockerkit.client.engine import Engine, segment
from dockerkit.client.transport.failures import refusal
from dockerkit.client.transport.http import RawStream
from dockerkit.errors import DockerkitError, NotFound, TimedOut, Unavailable

RECLAIM = 5.0
"""Seconds in which a replaced daemon takes a session back."""
_PAUSE = 0.1
_sessions: weakref.WeakSet[Session] = weakref.WeakSet()


def _forget_in_child() -> None:
    """A child owns nothing of its parent's: it opens a session of its own. (``dial`` has closed the socket.)"""
    for session in list(_sessions):
        session.forget()


os.register_at_fork(after_in_child=_forget_in_child)


class Session:
    """Opens lazily; safe from many threads."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._guard: _Guard | None = None
        self.forget()
        _sessions.add(self)

    def id(self) -> str:
        """Return the id of the living session; reclaim or open one when there is none, or not any more.

        :raises Unsupported: a foreign engine.
        """
        with self._lock:
            if self._stream is None or _ended(self._stream):
                self._let_go()
                self._begin(self._id)
            return self._id

    def forget(self) -> None:
        """Drop what belongs to the parent process, with a lock that nobody holds."""
        self._lock = threading.Lock()
        self._stream: RawStream | None = None
        self._id = ""
        self._owned: set[tuple[str, str]] = set()
        if self._guard is not None:
            self._guard.forget()
        self._guard = None

    def lost(self, error: NotFound) -> bool:
        """Tell whether the engine no longer knows the session (it was replaced a moment ago); the next use opens another."""
        if "no such session" not in error.message.lower():
            return False
        with self._lock:
            self._let_go()
        return True

    def own(self, thing: str, kind: str = "containers") -> None:
        """Make the session own a container that exists, and watch over it until :meth:`released`.

        :param kind: what it is, in the words of our routes: ``containers``, ``volumes``.
        """
        self._engine.post(self._engine.extension(f"/sessions/{self.id()}/{kind}/{segment(thing)}", word="a session"))
        self.watch(thing, kind)

    def watch(self, thing: str, kind: str = "containers") -> None:
        """Watch over what was born owned until :meth:`released`: a daemon that is replaced gets the session back at once."""
        with self._lock:
            self._owned.add((kind, thing))
            if self._guard is None:
                self._guard = _Guard(self)

    def disown(self, thing: str, kind: str = "containers") -> None:
        """Let what was born owned outlive this program; nothing happens when it has gone by itself.

        :param kind: as of :meth:`own`.
        """
        path = self._engine.extension(f"/sessions/{self.id()}/{kind}/{segment(thing)}", word="a session")
        with contextlib.suppress(NotFound):
            self._engine.delete(path)

    def watches(self, thing: str, kind: str = "containers") -> bool:
        """Tell whether a block owns this: ``dk.volumes.create("x")`` inside it finds, and must not let go."""
        return (kind, thing) in self._owned

    def released(self, thing: str, kind: str = "containers") -> None:
        """Watch over it no more: it has been removed."""
        with self._lock:
            self._owned.discard((kind, thing))
            guard, self._guard = (None, self._guard) if self._owned else (self._guard, None)
        if guard is not None:
            guard.stop()

    def close(self) -> None:
        """End the session: the engine kills and removes what it owns."""
        with self._lock:
            self._owned.clear()
            guard, self._guard = self._guard, None
        if guard is not None:
            guard.stop()  # first: it would take the loss of the connection for the daemon's
        with self._lock:
            self._let_go()
            self._id = ""

    def stream(self) -> RawStream | None:
        """Return the connection that is the session."""
        return self._stream

    def _let_go(self) -> None:
        stream, self._stream = self._stream, None
        if stream is not None:
            with contextlib.suppress(OSError):  # the peer has gone
                stream.socket.shutdown(socket.SHUT_RDWR)  # wakes the guard, which close() alone does not
            stream.close()

    def _begin(self, former: str) -> None:
        """Open, and go on with the former session; when it is too late for that, own again what is still there."""
        self._open(former)
        try:
            if former != self._id:
                self._own_again()
        except BaseException:
            self._let_go()
            self._id = former
            raise

    def _own_again(self) -> None:
        for kind, thing in self._owned:
            with contextlib.suppress(NotFound):  # it has gone with the former session
                path = f"/sessions/{self._id}/{kind}/{segment(thing)}"
                self._engine.post(self._engine.extension(path, word="a session"))

    def _open(self, former: str) -> None:
        path = self._engine.extension("/sessions", word="a session")
        stream = self._engine.upgrade(path, reclaim=former or None)
        document = msgspec.json.decode(line := self._first_line(stream))
        if "Id" not in document:
            stream.close()
            error = refusal(500, line, asked="opening a session", url=self._engine.url)
            if former and isinstance(error, NotFound):
                self._open("")  # too late to reclaim: begin another
                return
            raise error
        self._id = str(document["Id"])
        self._stream = stream

    def _first_line(self, stream: RawStream) -> bytes:
        line = stream.received()
        while not line.endswith(b"\n"):
            piece = stream.socket.recv(4096)
            if not piece:
                stream.close()
                raise Unavailable(f"the engine at {self._engine.url} closed the session at once", hint="its log says why")
            line += piece
        return line


class _Guard:
    """Waits for the loss of a session's connection and reclaims the session, while a block owns something."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._reader, self._writer = os.pipe()
        self._thread = threading.Thread(target=self._watch, name="dockerkit session", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End; return when it has ended."""
        os.close(self._writer)
        self._thread.join()
        os.close(self._reader)

    def forget(self) -> None:
        """In a forked child, which has no such thread: close its copies of the descriptors."""
        os.close(self._writer)
        os.close(self._reader)

    def _watch(self) -> None:
        while (stream := self._session.stream()) is not None:
            if self._stopped(None, stream) or not _ended(stream):
                return
            if not self._reclaim():
                return  # nobody is left to own anything: the next use of the session says why

    def _reclaim(self) -> bool:
        end = time.monotonic() + RECLAIM
        while time.monotonic() < end:
            try:
                self._session.id()
            except (Unavailable, TimedOut):
                if self._stopped(_PAUSE):
                    return False
            except DockerkitError:
                return False  # it answers, and refuses: waiting changes nothing
            else:
                return True
        return False

    def _stopped(self, seconds: float | None, stream: RawStream | None = None) -> bool:
        """Wait for news of the session, or for the order to end; tell whether it is the latter."""
        poll = select.poll()
        poll.register(self._reader, select.POLLIN)
        if stream is not None and stream.socket.fileno() >= 0:
            poll.register(stream.socket, select.POLLIN)
        return any(fd == self._reader for fd, _ in poll.poll(None if seconds is None else seconds * 1000))


def _ended(stream: RawStream) -> bool:
    """Tell whether the engine has closed the session, without waiting; it never speaks after its first line."""
    try:
        stream.socket.setblocking(False)
        return not stream.socket.recv(1)
    except BlockingIOError:
        return False
    except OSError:
        return True
