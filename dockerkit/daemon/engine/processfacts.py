"""What the kernel says of one process: ``/proc/PID/stat``, ``status`` and ``cmdline``, read once. Source: proc(5)."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass

TICKS = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True, slots=True)
class Host:
    """What a process is measured against: seconds since 1970, seconds since boot, bytes of memory."""

    time: float
    uptime: float
    memory: int

    @classmethod
    def now(cls) -> Host:
        """Return this host's figures."""
        return cls(time.time(), time.clock_gettime(time.CLOCK_BOOTTIME), PAGE * os.sysconf("SC_PHYS_PAGES"))


@dataclass(frozen=True, slots=True)
class ProcessFacts:
    """One process.

    :param stat: the fields of ``stat`` after the name; ``stat[0]`` is the state, field 3 of proc(5).
    :param status: the lines of ``status``.
    :param arguments: its command line; empty for one that has none any more.
    """

    pid: int
    name: str
    stat: list[str]
    status: dict[str, str]
    arguments: list[str]
    host: Host

    @classmethod
    def read(cls, pid: int, host: Host) -> ProcessFacts:
        """Read a process.

        :raises FileNotFoundError, ProcessLookupError: it has ended.
        """
        head, _, rest = _read(pid, "stat").rpartition(")")
        status = dict(line.split(":\t", 1) for line in _read(pid, "status").splitlines() if ":\t" in line)
        arguments = _read(pid, "cmdline").rstrip("\0")
        return cls(pid, head.partition("(")[2], rest.split(), status, arguments.split("\0") if arguments else [], host)

    def number(self, field: int) -> int:
        """Return a field of ``stat`` by its number in proc(5), 4 being the parent."""
        return int(self.stat[field - 3])

    @property
    def state(self) -> str:
        """One letter: R, S, D, T, Z, …"""
        return self.stat[0]

    @property
    def cpu_seconds(self) -> float:
        """How long it computed, in user and kernel mode."""
        return (self.number(14) + self.number(15)) / TICKS

    @property
    def age(self) -> float:
        """How many seconds ago it started."""
        return max(self.host.uptime - self.number(22) / TICKS, 0.0)

    @property
    def started(self) -> float:
        """When it started, in seconds since 1970."""
        return self.host.time - self.age

    def ids(self, kind: str) -> tuple[int, int]:
        """Return the real and the effective number of ``Uid`` or ``Gid``."""
        real, effective = self.status[kind].split()[:2]
        return int(real), int(effective)


def _read(pid: int, name: str) -> str:
    with open(f"/proc/{pid}/{name}", encoding="utf-8", errors="replace") as file:
        return file.read()
