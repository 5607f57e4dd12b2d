"""A minimal Debian from packages that are at hand: ours beside ``mmdebstrap``, and what is made on top of it.

``python tests/bench/run_bootstrap.py [--rounds 3]``: both find the packages in a cache of their own, in turn; what is not
installed is said and left out. Nothing is left behind, and nothing here decides whether a change is good: figures do not gate.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))

from dockerkit.daemon.images.bootstrap.distribution import this_distribution
from tests.bench.machine import machine_line
from tests.livedaemon import LiveDaemon

OURS = "dockerkit, minimal system"
ON_TOP = ("redis", "nginx", "memcached", "postgres", "python")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--rounds", type=int, default=3)
    rounds = parser.parse_args().rounds
    if os.geteuid() != 0:
        sys.exit("packages are configured in a container: run this as root")
    if not this_distribution().id:
        sys.exit("left out: this host is of no distribution whose packages can be read")
    print(machine_line())
    with tempfile.TemporaryDirectory(prefix="dkb-cache-") as cache, contextlib.ExitStack() as stack:
        runs: dict[str, Callable[[], float]] = {OURS: lambda: _ours(cache)}
        runs |= stack.enter_context(_mmdebstrap())
        times = {name: [run() for _ in range(rounds + 1)][1:] for name, run in runs.items()}  # the first fetches the packages
        _print_table("packages at hand, a new data root each time", times, rounds)
        _print_table("on top of a base that is here", _on_top(cache), 1)


def _system() -> str:
    return "ubuntu" if this_distribution().id == "ubuntu" else "debian"


@contextlib.contextmanager
def _daemon(cache: str) -> Iterator[LiveDaemon]:
    root = tempfile.mkdtemp(prefix="dkb-")
    daemon = LiveDaemon.start(root, {"DOCKERKIT_CACHE": cache}, private=False)
    try:
        yield daemon
    finally:
        daemon.stop()
        shutil.rmtree(root)


def _ours(cache: str) -> float:
    with _daemon(cache) as daemon:
        begun = time.perf_counter()
        daemon.bootstrap(_system())
        return time.perf_counter() - begun


def _on_top(cache: str) -> dict[str, list[float]]:
    times: dict[str, list[float]] = {}
    with _daemon(cache) as daemon:
        daemon.bootstrap(f"{_system()}:latest-slim" if _system() == "debian" else _system())
        for name in ON_TOP:
            daemon.bootstrap(name)  # its packages are at hand then
            status, answer = daemon.request("DELETE", f"/images/{name}?force=1")
            assert status == 200, answer
            begun = time.perf_counter()
            daemon.bootstrap(name)
            times[name] = [time.perf_counter() - begun]
    return times


@contextlib.contextmanager
def _mmdebstrap() -> Iterator[dict[str, Callable[[], float]]]:
    """Give mmdebstrap a directory that it keeps the packages in, as its manual describes."""
    if not shutil.which("mmdebstrap"):
        print("left out: mmdebstrap is not installed")
        yield {}
        return
    with tempfile.TemporaryDirectory(prefix="dkb-mm-") as kept:
        yield {"mmdebstrap --variant=minbase": lambda: _debstrap(kept)}


def _debstrap(kept: str) -> float:
    archives = f"{kept}/archives"
    os.makedirs(archives, exist_ok=True)
    hooks = [
        '--setup-hook=mkdir -p "$1/var/cache/apt/archives"',
        f'--setup-hook=cp {archives}/*.deb "$1/var/cache/apt/archives/" 2>/dev/null || :',
        f'--essential-hook=cp "$1"/var/cache/apt/archives/*.deb {archives}/ 2>/dev/null || :',
    ]
    with tempfile.TemporaryDirectory(prefix="dkb-mm-") as place:
        command = ["mmdebstrap", "--quiet", "--variant=minbase", "--skip=essential/unlink", *hooks]
        begun = time.perf_counter()
        subprocess.run([*command, this_distribution().codename, f"{place}/root.tar"], check=True, stderr=subprocess.DEVNULL)
        return time.perf_counter() - begun


def _print_table(title: str, times: dict[str, list[float]], rounds: int) -> None:
    print(f"\n{title}, {rounds} round{'s' if rounds > 1 else ''}, seconds")
    base = statistics.median(times[OURS]) if OURS in times else 0.0
    for name, taken in sorted(times.items(), key=lambda item: statistics.median(item[1])):
        middle = statistics.median(taken)
        ratio = f"  {middle / base:5.1f} × ours" if base and name != OURS else ""
        print(f"  {name:36} median {middle:7.2f}{ratio}")
    print()


if __name__ == "__main__":
    main()
