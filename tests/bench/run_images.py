"""Images: load, save, import, export, tag, list, push and pull, ours beside a real dockerd, act by act.

``python tests/bench/run_images.py [--rounds 5] [--only WORD]``: both engines are private, warm and asked in turn, in random
order, over raw HTTP, on a file system of their own; skopeo beside them where it does something like it. Nothing is left behind,
and nothing here decides whether a change is good: figures do not gate.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import shutil
import signal
import statistics
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))

from tests.bench.ground import fresh_ground
from tests.bench.imageacts import Act, Acts, Skopeo
from tests.bench.imagematerial import MIB
from tests.bench.machine import machine_line
from tests.livedaemon import LiveDaemon
from tests.parity.reference import Reference, why_not

ANSWERS = """
import socket, sys
host, port = sys.argv[1].split(":")
for _ in range(1_000_000):
    with socket.socket() as one:
        if one.connect_ex((host, int(port))) == 0:
            sys.exit()
sys.exit("nobody answers on " + sys.argv[1])
"""
OURS, THEIRS, SKOPEO = "dockerkit", "dockerd", "skopeo"
PLACE = "127.0.0.1:5971"
LARGE = 300 * MIB


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", default="", help="acts whose name holds this")
    options = parser.parse_args()
    if reason := why_not():
        sys.exit(reason)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that what was started ends too
    print(machine_line())
    with fresh_ground() as top, _ours(top) as ours, Reference(f"{top}/r") as reference:
        dockerd = int(Path(f"{reference.directory}/pid").read_text())
        engines = {
            OURS: Acts(ours.socket, _inside(ours.process.pid), [ours.process.pid]),
            THEIRS: Acts(reference.socket, _inside(dockerd), [dockerd]),
        }
        with _registry(top, engines):
            tables = {name: acts.table() for name, acts in engines.items()}
            if shutil.which("skopeo") and engines[OURS].place:
                tables[SKOPEO] = Skopeo(top, engines[OURS]).table()
            _report(tables, options.rounds, options.only)
            if engines[OURS].place and options.only in "memory":
                _report_memory(engines)


@contextlib.contextmanager
def _ours(top: str) -> Iterator[LiveDaemon]:
    os.mkdir(f"{top}/ours")
    daemon = LiveDaemon.start(f"{top}/ours", {"DOCKERKIT_BOOTSTRAP": "auto"})
    try:
        yield daemon
    finally:
        daemon.stop()


def _inside(pid: int) -> list[str]:
    """Return what runs a program where an engine's loopback is."""
    return ["nsenter", "-n", "-t", str(pid)]


@contextlib.contextmanager
def _registry(top: str, engines: dict[str, Acts]) -> Iterator[None]:
    """Run a registry on each engine's loopback, at the same address; none when it is not installed."""
    if not shutil.which("docker-registry"):
        print("left out: push and pull (apt-get install docker-registry)")
        yield
        return
    running = []
    for number, acts in enumerate(engines.values()):
        os.mkdir(f"{top}/reg{number}")
        config = {
            "version": 0.1,
            "log": {"level": "error", "accesslog": {"disabled": True}},
            "storage": {"filesystem": {"rootdirectory": f"{top}/reg{number}"}, "delete": {"enabled": True}},
            "http": {"addr": PLACE},
        }
        Path(f"{top}/reg{number}.yml").write_text(json.dumps(config))
        command = [*acts.inside, "docker-registry", "serve", f"{top}/reg{number}.yml"]
        running.append(subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
        subprocess.run([*acts.inside, sys.executable, "-c", ANSWERS, PLACE], check=True)
        acts.place = PLACE
    try:
        yield
    finally:
        for process in running:
            process.terminate()
            process.wait()


def _report(tables: dict[str, dict[str, tuple[int, Act]]], rounds: int, only: str) -> None:
    print(f"\n{'milliseconds, medians':40} {OURS:>10} {THEIRS:>10}   ratio {SKOPEO:>10}   rounds")
    for name, (often, _) in tables[OURS].items():
        if only not in name:
            continue
        asked = [engine for engine, table in tables.items() if name in table]
        times: dict[str, list[float]] = {engine: [] for engine in asked}
        for engine in asked:
            tables[engine][name][1]()  # warm
        for _ in range(rounds * often):
            for engine in random.sample(asked, len(asked)):
                times[engine].append(tables[engine][name][1]() * 1000)
        middle = {engine: statistics.median(taken) for engine, taken in times.items()}
        copied = f"{middle[SKOPEO]:10.1f}" if SKOPEO in middle else " " * 10
        ratio = middle[THEIRS] / middle[OURS]
        print(f"{name:40} {middle[OURS]:10.1f} {middle[THEIRS]:10.1f} {ratio:5.1f} × {copied}   {rounds * often}", flush=True)


def _report_memory(engines: dict[str, Acts]) -> None:
    print(f"\nmemory: by how much the engine grows at its peak for one layer of {LARGE // MIB} MiB, MiB")
    grown = {name: acts.growth(LARGE) for name, acts in engines.items()}
    for number, what in enumerate(("push", "pull")):
        print(f"{what:40} " + " ".join(f"{grown[name][number]:10.1f}" for name in engines))


if __name__ == "__main__":
    main()
