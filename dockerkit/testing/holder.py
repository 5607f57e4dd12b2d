"""The process that owns what a run's workers share: ``python -m dockerkit.testing.holder URL FOLDER PROCESS READY``.

It has a session with the engine, answers on a socket in FOLDER, and ends when it is told to or when PROCESS does, whichever
comes first; then what it owns goes, and the folder. Being killed is no harm: the engine ends its session. Runs no test, starts
nothing.
"""

from __future__ import annotations

import contextlib
import glob
import json
import os
import select
import shutil
import socket
import sys

from dockerkit.client.client import Client
from dockerkit.client.container import Container
from dockerkit.client.network import Network
from dockerkit.errors import DockerkitError
from dockerkit.testing.meeting import NETWORKS, SOCKET, Note
from dockerkit.testing.networks import end
from dockerkit.testing.tenure import disown

_LOOK = 1000
"""Milliseconds between looks at a process that cannot be watched."""


class Holder:
    """One session, held as long as the run lasts."""

    def __init__(self, client: Client, folder: str, process: int) -> None:
        self._client = client
        self._folder = folder
        self._process = process
        self._session = "" if client.engine.foreign else client.session.id()
        self._door = socket.socket(socket.AF_UNIX)
        self._door.bind(os.path.join(folder, SOCKET))
        self._door.listen(16)

    def hold(self) -> None:
        """Answer until it is time to end; then end what is held."""
        waiting = None
        try:
            waiting = self._until_the_end()
            paths = glob.glob(os.path.join(glob.escape(self._folder), "*.json"))
            notes = [note for path in paths if (note := Note.read(path)) is not None]
            for note in sorted(notes, key=lambda note: note.kind):  # containers before the networks that they are on
                self._finish(note)
            self._client.close()
        finally:
            shutil.rmtree(self._folder)
            with contextlib.suppress(OSError):  # another engine's holder is still in it
                os.rmdir(os.path.dirname(self._folder))
            if waiting is not None:
                waiting.close()

    def _until_the_end(self) -> socket.socket | None:
        """Return whoever told it to end and waits for it; None when the run's process has gone."""
        poll = select.poll()
        poll.register(self._door, select.POLLIN)
        if not _is_there(self._process):
            return None
        watched = _watched(self._process)
        if watched is not None:
            poll.register(watched, select.POLLIN)
        while True:
            for ready, _ in poll.poll(_LOOK if watched is None else None):
                if ready == watched:
                    return None
                asking = self._door.accept()[0]
                if asking.recv(64) == b"end\n":
                    return asking
                with asking, contextlib.suppress(BrokenPipeError):
                    asking.sendall(self._session.encode() + b"\n")
            if watched is None and not _is_there(self._process):
                return None

    def _finish(self, note: Note) -> None:
        try:
            if note.keep:
                disown(self._client, self._session, note.thing, note.kind)
            elif note.kind == NETWORKS:
                end(Network(self._client, note.thing), self._session, keep=note.spare)
            else:
                Container(self._client, note.thing).remove(force=True, volumes=True)
        except DockerkitError as error:
            print(f"{note.fixture}: {error}", file=sys.stderr)  # noqa: T201 (whoever runs it by hand wants to know)


def _watched(process: int) -> int | None:
    """Return a descriptor that is readable when a process has ended (pidfd_open(2)); None where it cannot be had."""
    try:
        return os.pidfd_open(process)
    except (AttributeError, OSError):
        return None


def _is_there(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def main(url: str, folder: str, process: str, ready: str) -> None:
    """Hold; tell `ready` when it is ready, or why it cannot be."""
    with open(int(ready), "wb", buffering=0) as told:
        try:
            holder = Holder(Client(url), folder, int(process))
        except (DockerkitError, OSError) as error:
            told.write(json.dumps(str(error)).encode() + b"\n")
            sys.exit(1)
        told.write(b"ready\n")
    holder.hold()


if __name__ == "__main__":
    main(*sys.argv[1:])
