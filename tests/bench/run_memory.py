"""Memory: an engine that has nothing to do, and what each running container adds, ours beside dockerd's.

``python tests/bench/run_memory.py [--containers 20]``: the proportional set size (PSS, proc_pid_smaps(5)) of all that an engine
runs, the containers' own programs included, before and after so many containers of ``sleep``. Nothing is left behind.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))

import docker

from tests.bench.machine import machine_line
from tests.livedaemon import LiveDaemon
from tests.parity.reference import Reference, why_not

OURS, THEIRS = "dockerkit", "dockerd and containerd"


class Side(NamedTuple):
    """An engine: a client of it, and who its processes are."""

    client: docker.DockerClient
    processes: Callable[[], set[int]]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--containers", type=int, default=20)
    count = parser.parse_args().containers
    if reason := why_not():
        sys.exit(reason)
    print(machine_line())
    print(f"\nmemory (PSS), MiB; {count} containers of sleep\n  {'':28} {'idle':>8} {'a container':>12}")
    with tempfile.TemporaryDirectory(prefix="dkb-") as top:
        for name, side in ((OURS, _ours), (THEIRS, _theirs)):
            with side(top) as engine:
                idle, each = _measure(engine, count)
            print(f"  {name:28} {idle:8.1f} {each:12.2f}")


def _measure(side: Side, count: int) -> tuple[float, float]:
    warm = side.client.containers.run("busybox", ["true"], detach=True, network_mode="none")
    warm.wait()
    warm.remove()
    idle = _total(side.processes())
    containers = [
        side.client.containers.run("busybox", ["sleep", "1000"], detach=True, network_mode="none") for _ in range(count)
    ]
    busy = _total(side.processes())
    for container in containers:
        container.remove(force=True)
    return idle, (busy - idle) / count


@contextlib.contextmanager
def _ours(top: str) -> Iterator[Side]:
    root = f"{top}/ours"
    os.mkdir(root)
    daemon = LiveDaemon.start(root)
    try:
        daemon.bootstrap("busybox")
        # keepers are forks of the shim, which was called with the data root
        yield Side(docker.DockerClient(base_url=daemon.url), lambda: _with_descendants(_called_with(root)))
    finally:
        daemon.stop()


@contextlib.contextmanager
def _theirs(top: str) -> Iterator[Side]:
    with Reference(f"{top}/r") as reference:
        yield Side(docker.DockerClient(base_url=reference.url), lambda: _in_group(reference.group))


def _called_with(text: str) -> set[int]:
    found = set()
    for pid in _pids():
        with contextlib.suppress(OSError):  # it ended meanwhile
            if pid != os.getpid() and text in Path(f"/proc/{pid}/cmdline").read_text():
                found.add(pid)
    return found


def _with_descendants(pids: set[int]) -> set[int]:
    children = defaultdict(set)
    for pid in _pids():
        with contextlib.suppress(OSError):  # it ended meanwhile
            parent = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
            children[parent].add(pid)
    found, fresh = set(pids), set(pids)
    while fresh:
        fresh = {child for pid in fresh for child in children[pid]} - found
        found |= fresh
    return found


def _in_group(group: str) -> set[int]:
    found = set()
    for pid in _pids():
        with contextlib.suppress(OSError):  # it ended meanwhile
            if f"/{group}/" in Path(f"/proc/{pid}/cgroup").read_text():
                found.add(pid)
    return found


def _pids() -> Iterable[int]:
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


def _total(pids: set[int]) -> float:
    """Return the PSS of processes, MiB."""
    return sum(_pss(pid) for pid in pids) / 1024


def _pss(pid: int) -> int:
    with contextlib.suppress(OSError):  # it ended meanwhile
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1])
    return 0


if __name__ == "__main__":
    main()
