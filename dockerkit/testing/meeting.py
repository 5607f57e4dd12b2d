"""Where the workers of a run meet: a folder with a lock, the socket of the process that owns what they share, a file a thing.

The first worker makes the folder and starts the *holder* (see ``holder``), for workers come, end and crash while others go on.
What is shared, and how it is made, is not known here.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import shutil
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace

import msgspec

from dockerkit import errors
from dockerkit.client.client import Client
from dockerkit.client.engine import segment
from dockerkit.client.session import Session
from dockerkit.errors import NotAllowed, NotFound, Unavailable

SOCKET = "holder.sock"
_DETACH = "import os, sys; os.fork() and os._exit(0); os.execv(sys.executable, [sys.executable, *sys.argv[1:]])"
"""Run by an interpreter of its own, so that the holder is nobody's child: no zombie, and no warning from ``subprocess``."""
CONTAINERS, NETWORKS = "containers", "networks"


@dataclass(frozen=True)
class Run:
    """A run of many workers.

    :param folder: where they meet; need not exist.
    :param process: the one that outlives all workers.
    """

    folder: str
    process: int


@dataclass(frozen=True)
class Note:
    """What the workers and the holder know of something shared; one file.

    :param thing: its id.
    :param keep: leave it when the run ends.
    :param kind: what it is, in the words of our routes: ``containers``, ``networks``.
    :param spare: of a network: leave it when a container is on it even then, for that one was kept.
    """

    thing: str
    fixture: str
    session: str = ""
    keep: bool = False
    kind: str = CONTAINERS
    spare: bool = False

    @classmethod
    def read(cls, path: str) -> Note | None:
        """Return what is written there; None when nothing is."""
        try:
            with open(path, "rb") as file:
                return cls(**json.load(file))
        except FileNotFoundError:
            return None

    def write(self, path: str) -> None:
        """Write it, whole or not at all."""
        with open(f"{path}.new", "w", encoding="utf-8") as file:
            json.dump({name: getattr(self, name) for name in self.__dataclass_fields__}, file)
        os.replace(f"{path}.new", path)


class Meeting:
    """The folder of one run and one engine.

    :param client: the engine's.
    """

    def __init__(self, client: Client, run: Run) -> None:
        self._client = client
        self._run = run
        self._folder = os.path.join(run.folder, hashlib.sha256(client.url.encode()).hexdigest()[:8])

    def path(self, name: str) -> str:
        """Return where something of this name is noted, in a folder that is there."""
        _private_folder(self._run.folder)
        _private_folder(self._folder)
        return os.path.join(self._folder, f"{name}.json")

    def owner(self) -> Session:
        """Return the holder's session; the holder is started when there is none."""
        return _Holding(self._client, self._holder())

    def owned(self, note: Note) -> bool:
        """Tell whether something that another worker noted is there still, and its owner."""
        if self._client.engine.foreign:
            return True
        try:  # owning it again costs nothing, and fails when owner or thing has gone
            path = f"/sessions/{note.session}/{note.kind}/{segment(note.thing)}"
            self._client.engine.post(self._client.engine.extension(path, word="a session"))
        except NotFound:
            return False
        return True

    def forget(self, path: str, thing: str) -> None:
        """Take a note back, unless it is of something else by now; the next worker makes another."""
        with self.lock():
            note = Note.read(path)
            if note is not None and note.thing == thing:
                os.unlink(path)

    def keep(self, path: str) -> None:
        """Tell the holder to leave something when it ends."""
        with self.lock():
            note = Note.read(path)
            if note is not None:
                replace(note, keep=True).write(path)

    @contextlib.contextmanager
    def lock(self) -> Iterator[None]:
        """Be the only worker meanwhile."""
        lock = os.open(os.path.join(self._folder, "lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)

    def _holder(self) -> str:
        """Return the session of the run's holder, started when there is none."""
        try:
            return ask(self._folder, "session")
        except OSError:
            _start_holder(self._client.url, self._folder, self._run.process)
            return ask(self._folder, "session")


class _Holding(Session):
    """A session that another process has; it cannot be opened anew from here."""

    def __init__(self, client: Client, id: str) -> None:
        super().__init__(client.engine)
        self._held = id

    def id(self) -> str:
        """Return its id."""
        return self._held

    def lost(self, error: NotFound) -> bool:
        """Say no: the holder has ended, and a second try would not help."""
        return False


def ask(folder: str, question: str) -> str:
    """Ask the holder of a folder: ``session``, or ``end``, which is answered when it has ended and nothing is left.

    :raises OSError: there is none.
    """
    with socket.socket(socket.AF_UNIX) as asking:
        asking.connect(os.path.join(folder, SOCKET))
        asking.sendall(question.encode() + b"\n")
        with asking.makefile("rb") as answer:
            return answer.readline().decode().strip()


def finish(run: Run) -> None:
    """End the run's holders, and with them every shared container; called by the process that outlives the workers."""
    try:
        folders = [entry.path for entry in os.scandir(run.folder) if entry.is_dir()]
    except FileNotFoundError:
        return  # nobody shared anything
    for folder in folders:
        with contextlib.suppress(OSError):  # it has ended by itself
            ask(folder, "end")
    shutil.rmtree(run.folder, ignore_errors=True)  # the holders have done it, but for one that could not start


def _private_folder(path: str) -> None:
    """Make a folder for this user only.

    :raises NotAllowed: somebody else has been quicker.
    """
    os.makedirs(path, mode=0o700, exist_ok=True)
    found = os.lstat(path)
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
        raise NotAllowed(f"{path} belongs to another user", hint="TMPDIR names another folder for temporary files")


def _start_holder(url: str, folder: str, process: int) -> None:
    package = os.path.dirname(os.path.dirname(os.path.abspath(errors.__file__)))
    path = os.pathsep.join(filter(None, (package, os.environ.get("PYTHONPATH"))))
    reader, writer = os.pipe()
    try:
        subprocess.run(  # noqa: S603 (our own interpreter, our own arguments)
            [
                sys.executable,
                "-I",
                "-S",
                "-c",
                _DETACH,
                "-m",
                "dockerkit.testing.holder",
                url,
                folder,
                str(process),
                str(writer),
            ],
            check=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "PYTHONPATH": path},
            pass_fds=(writer,),
            start_new_session=True,  # Ctrl-C reaches the run first
        )
    finally:
        os.close(writer)
    with open(reader, "rb") as answer:
        said = answer.readline()
    if said != b"ready\n":
        why = msgspec.json.decode(said) if said else "it ended without a word"
        raise Unavailable(f"the holder of shared containers could not start: {why}", hint="shared=False does without one")
