"""What the steps of one child share: the launch, descriptors already open, and where to report. No behaviour but that."""

from __future__ import annotations

import errno
import mmap
import os
import socket
import struct
import time
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from dockerkit.daemon.kernel.cgroups import Cgroups
from dockerkit.daemon.runtime import wire
from dockerkit.daemon.runtime.launch import Launch

_CLOCK = struct.Struct("<Q")


class StepFailed(Exception):
    """A step could not be done for a reason that is not the kernel's.

    :param message: the cause, in Docker's words where it has any.
    :param errno: 0, or the kernel reason it amounts to.
    """

    def __init__(self, message: str, *, subject: str = "", errno: int = 0) -> None:
        super().__init__(message)
        self.message, self.subject, self.errno = message, subject, errno


class Place(NamedTuple):
    """Where containers of one data root are made.

    :param cgroups: below whose parent their groups are; None without cgroups.
    :param mountpoint: an empty directory of the host on which a root is put, in the child's own mount namespace.
    """

    cgroups: Cgroups | None
    mountpoint: str


@dataclass(slots=True)
class Identity:
    """Who the program will be."""

    uid: int
    gid: int
    groups: list[int]
    home: str


@dataclass(slots=True)
class Birth:
    """One child's state. Descriptors are -1 until the step that opens them.

    :param stdio: what becomes 0, 1, 2; replaced by the terminal's slave when there is one.
    :param status: the socket to the keeper; closes at exec, which is how success is told.
    :param root: the root file system, detached, as the keeper made it; -1 until it sends it.
    :param binds: the bind mounts, likewise: position in the spec's mounts → descriptor.
    :param init: pidfd of the container's init, for a process that comes into a running container.
    :param inside: it was born in its control group.
    :ivar ahead: file systems a seat made before it was known what for, by recipe; `furnished` is the one that has devices
        in it.
    """

    launch: Launch
    place: Place
    stdio: list[int]
    status: socket.socket
    progress: Progress
    root: int = -1
    binds: dict[int, int] = field(default_factory=dict)
    init: int = -1
    inside: bool = False
    ahead: dict[str, int] = field(default_factory=dict)
    furnished: int = -1
    loopback: bool = False
    proc: int = -1
    dev: int = -1
    devpts: int = -1
    directory: int = -1
    identity: Identity = field(default_factory=lambda: Identity(0, 0, [], "/"))

    @property
    def spec(self) -> dict[str, Any]:
        """The OCI runtime spec."""
        return self.launch.spec

    @property
    def process(self) -> dict[str, Any]:
        """The spec's ``process``."""
        process: dict[str, Any] = self.launch.spec["process"]
        return process

    @property
    def linux(self) -> dict[str, Any]:
        """The spec's ``linux``; empty when absent."""
        return self.launch.spec.get("linux") or {}

    def hear(self, verb: str) -> tuple[wire.Message, list[int]]:
        """Wait for the keeper's next word, which is to be `verb`.

        :raises StepFailed: it has died.
        """
        message, fds = wire.receive(self.status)
        if message is None or message["verb"] != verb:
            raise StepFailed("the keeper died", errno=errno.ESRCH)
        return message, fds

    def namespaces(self) -> dict[str, str]:
        """See :func:`namespaces_of`."""
        return namespaces_of(self.launch.spec)


def namespaces_of(spec: dict[str, Any]) -> dict[str, str]:
    """Return the namespaces a spec asks for, type → path; an empty path is a new one, an absent type the host's.

    :raises StepFailed: a type we do not offer.
    """
    wanted = {entry["type"]: entry.get("path") or "" for entry in (spec.get("linux") or {}).get("namespaces") or ()}
    for kind in wanted:
        if kind in ("user", "time"):
            raise StepFailed(f"{kind} namespaces are not offered yet", subject=kind, errno=errno.EOPNOTSUPP)
    return wanted


class Progress:
    """A page shared with the keeper, in which the child notes when each step began: how far it came, however it died."""

    def __init__(self, steps: int) -> None:
        self._page = mmap.mmap(-1, mmap.PAGESIZE, mmap.MAP_SHARED | mmap.MAP_ANONYMOUS)
        self._steps = steps

    def note(self, step: int) -> None:
        """Note that step number `step` begins now."""
        _CLOCK.pack_into(self._page, step * _CLOCK.size, time.monotonic_ns())

    def times(self) -> list[int]:
        """Return when each step began (monotonic clock, ns), as far as the child has come."""
        every = (_CLOCK.unpack_from(self._page, step * _CLOCK.size)[0] for step in range(self._steps))
        return [moment for moment in every if moment]


def subject_of(error: OSError) -> str:
    """Return what an error of the kernel is about."""
    return os.fsdecode(error.filename) if isinstance(error.filename, str | bytes) else ""
