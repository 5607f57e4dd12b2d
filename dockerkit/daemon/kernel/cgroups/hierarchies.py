"""Which cgroup hierarchies are mounted, and where: reads proc_pid_mountinfo(5), nothing else."""

from __future__ import annotations

import re
from dataclasses import dataclass

USED = ("memory", "pids", "cpu", "cpuacct", "cpuset", "devices", "freezer", "blkio")
"""Controllers a container is placed in, when the host has them. Others (net_cls, perf_event, name=systemd) are left alone."""

_ESCAPE = re.compile(r"\\([0-7]{3})")


@dataclass(frozen=True, slots=True)
class Hierarchy:
    """One mounted version 1 tree: its mount point and the controllers that live in it (``cpu,cpuacct`` share one)."""

    directory: str
    controllers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Mounted:
    """What mountinfo says about cgroups."""

    version1: tuple[Hierarchy, ...]
    version2: str
    """Mount point of the unified hierarchy, or nothing."""


def read_mounts(mountinfo: str = "/proc/self/mountinfo") -> Mounted:
    """Return the cgroup mounts this process sees.

    :raises OSError: the file cannot be read.
    """
    with open(mountinfo, encoding="utf-8", errors="surrogateescape") as lines:
        return parse_mounts(lines.read())


def parse_mounts(text: str) -> Mounted:
    """Return the cgroup mounts in the text of a mountinfo file; a later mount on the same place hides an earlier one."""
    trees: dict[tuple[str, ...], str] = {}
    unified = ""
    for line in text.splitlines():
        place, _, rest = line.partition(" - ")
        fields, kind = place.split(), rest.split()
        if len(fields) < 5 or len(kind) < 3:
            continue
        directory = _ESCAPE.sub(lambda code: chr(int(code[1], 8)), fields[4])
        if kind[0] == "cgroup2":
            unified = unified or directory
        elif kind[0] == "cgroup":
            controllers = tuple(name for name in kind[2].split(",") if name in USED)
            # a second mount of the same tree is a bind of a part of it: the first, at its root, is the one to use
            if controllers and (controllers not in trees or fields[3] == "/"):
                trees.setdefault(controllers, directory)
    ordered = sorted(trees.items(), key=lambda tree: min(USED.index(name) for name in tree[0]))
    return Mounted(tuple(Hierarchy(directory, controllers) for controllers, directory in ordered), unified)
