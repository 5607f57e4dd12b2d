"""The session of a client: a connection whose end, for whatever reason, takes with it everything the client owns.

Opened when the first thing is owned, kept outside the pool, opened anew in a forked child and after the daemon was replaced.
Only our own engine has sessions; on a foreign one the client removes what it owns in its ``finally`` clauses, and labels it.
"""

from __future__ import annotations

import os
import threading
import weakref

import msgspec

from dockerkit.client.engine import Engine, segment
from dockerkit.client.transport.failures import refusal
from dockerkit.client.transport.http import RawStream
from dockerkit.errors import NotFound, Unavailable

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
        self._lock = threading.Lock()
        self._stream: RawStream | None = None
        self._id = ""
        _sessions.add(self)

    def id(self) -> str:
        """Return the id of the living session; open one when there is none, or not any more.

        :raises Unsupported: a foreign engine.
        """
        with self._lock:
            if self._stream is None or _ended(self._stream):
                self.close()
                self._open()
            return self._id

    def forget(self) -> None:
        """Drop what belongs to the parent process, with a lock that nobody holds."""
        self._lock, self._stream = threading.Lock(), None

    def lost(self, error: NotFound) -> bool:
        """Tell whether the engine no longer knows the session (it was replaced a moment ago); the next use opens another."""
        if "no such session" not in error.message.lower():
            return False
        self.close()
        return True

    def own(self, container: str) -> None:
        """Make the session own a container that exists."""
        self._engine.post(self._engine.extension(f"/sessions/{self.id()}/containers/{segment(container)}", word="a session"))

    def close(self) -> None:
        """End the session: the engine kills and removes what it owns."""
        stream, self._stream = self._stream, None
        if stream is not None:
            stream.close()

    def _open(self) -> None:
        stream = self._engine.upgrade(self._engine.extension("/sessions", word="a session"))
        line = stream.received()
        while not line.endswith(b"\n"):
            piece = stream.socket.recv(4096)
            if not piece:
                stream.close()
                raise Unavailable(f"the engine at {self._engine.url} closed the session at once", hint="its log says why")
            line += piece
        document = msgspec.json.decode(line)
        if "Id" not in document:
            stream.close()
            raise refusal(500, line, asked="opening a session", url=self._engine.url)
        self._id = str(document["Id"])
        self._stream = stream


def _ended(stream: RawStream) -> bool:
    """Tell whether the engine has closed the session, without waiting; it never speaks after its first line."""
    try:
        stream.socket.setblocking(False)
        return not stream.socket.recv(1)
    except BlockingIOError:
        return False
    except OSError:
        return True
