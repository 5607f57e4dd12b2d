"""The second figures: a container that lives, ours beside docker-py on a real dockerd, act by act.

``python tests/bench/run_alive.py [--rounds 20]``: both engines are private, warm and asked in turn, in random order. Nothing is
left behind, and nothing here decides whether a change is good: figures do not gate.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import random
import shutil
import statistics
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))

import docker

import dockerkit
from tests.bench.bundles import hidden_unified, make_bundle
from tests.bench.machine import machine_line
from tests.livedaemon import LiveDaemon
from tests.parity.reference import Reference, why_not

Act = Callable[[], float]
"""Does it once and returns how long it took, in seconds; what it needs before and leaves after is not counted."""
OURS, THEIRS = "dockerkit", "docker-py, dockerd"
LINES = 1_000_000
SIZE = 100 << 20
MANY = 50
SEQ = ["sh", "-c", f"yes 'a short line' | head -n {LINES}"]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--rounds", type=int, default=20)
    rounds = parser.parse_args().rounds
    if reason := why_not():
        sys.exit(reason)
    print(machine_line())
    with tempfile.TemporaryDirectory(prefix="dkb-") as top, _ours(top) as ours, Reference(f"{top}/r") as reference:
        client = docker.DockerClient(base_url=reference.url, timeout=120)
        acts = {
            OURS: Acts(docker.DockerClient(base_url=ours.url, timeout=120), ours).table(),
            THEIRS: Acts(client, None).table(),
        }
        _report(acts, rounds)
    _bare_exec(rounds)


@contextlib.contextmanager
def _ours(top: str) -> Iterator[LiveDaemon]:
    os.mkdir(f"{top}/ours")
    daemon = LiveDaemon.start(f"{top}/ours")
    daemon.bootstrap("busybox")
    try:
        yield daemon
    finally:
        daemon.stop()


class Acts:
    """What is measured, on one engine; docker-py asks on both, except where ours has a client that is ours."""

    def __init__(self, client: Any, ours: LiveDaemon | None) -> None:
        self._client = client
        self._fluent = dockerkit.connect(ours.url) if ours else None

    def table(self) -> dict[str, tuple[int, Act]]:
        """Return name → (one in how many rounds, act)."""
        return {
            "exec true (ours by our own client)": (1, self.exec),
            "inspect": (1, self.inspect),
            "list of 100 (all created)": (7, self.listing),
            "a million lines written": (7, self.lines_written),
            "a million lines read back": (7, self.lines_read),
            "100 MiB copied in": (4, self.copy_in),
            "100 MiB copied out": (4, self.copy_out),
            f"{MANY} detached starts": (7, lambda: self.starts(self._one)),
            f"{MANY} detached starts (ours by our own client)": (7, lambda: self.starts(self._own)),
            f"{MANY} detached starts, eight at a time": (7, lambda: self.starts_at_once(self._one)),
            f"{MANY} detached starts, eight at a time (ours by our own client)": (7, lambda: self.starts_at_once(self._own)),
            f"{MANY} forced removals": (7, self.removals),
        }

    def exec(self) -> float:
        with _living(self._client) as box:
            handle = self._fluent.containers.get(box.id) if self._fluent else None
            begun = time.perf_counter()
            assert (handle.exec("true").exit_code if handle else box.exec_run("true").exit_code) == 0
            return time.perf_counter() - begun

    def inspect(self) -> float:
        with _living(self._client) as box:
            begun = time.perf_counter()
            box.reload()
            return time.perf_counter() - begun

    def lines_written(self) -> float:
        box = self._client.containers.create("busybox", SEQ, network_mode="none")
        begun = time.perf_counter()
        box.start()
        box.wait()
        taken = time.perf_counter() - begun
        box.remove(force=True)
        return taken

    def lines_read(self) -> float:
        box = self._client.containers.run("busybox", SEQ, network_mode="none", detach=True)
        box.wait()
        begun = time.perf_counter()
        assert box.logs().count(b"\n") == LINES
        taken = time.perf_counter() - begun
        box.remove(force=True)
        return taken

    def copy_in(self) -> float:
        with _living(self._client) as box:
            begun = time.perf_counter()
            assert box.put_archive("/", _archive())
            return time.perf_counter() - begun

    def copy_out(self) -> float:
        with _living(self._client) as box:
            box.put_archive("/", _archive())
            begun = time.perf_counter()
            assert sum(map(len, box.get_archive("/big")[0])) > SIZE
            return time.perf_counter() - begun

    def starts(self, one: Callable[[], Any]) -> float:
        begun = time.perf_counter()
        boxes = [one() for _ in range(MANY)]
        taken = time.perf_counter() - begun
        for box in boxes:
            box.remove(force=True)
        return taken

    def starts_at_once(self, one: Callable[[], Any]) -> float:
        with ThreadPoolExecutor(8) as threads:
            begun = time.perf_counter()
            boxes = list(threads.map(lambda _: one(), range(MANY)))
            taken = time.perf_counter() - begun
            list(threads.map(lambda box: box.remove(force=True), boxes))
        return taken

    def listing(self) -> float:
        boxes = [self._client.containers.create("busybox", ["true"], network_mode="none") for _ in range(100)]
        rows = lambda: self._client.api.containers(all=True)  # noqa: E731 - the request alone: docker-py's own list inspects each
        rows()
        begun = time.perf_counter()
        assert len(rows()) >= len(boxes)
        taken = time.perf_counter() - begun
        for box in boxes:
            box.remove()
        return taken

    def removals(self) -> float:
        boxes = [self._one() for _ in range(MANY)]
        begun = time.perf_counter()
        for box in boxes:
            box.remove(force=True)
        return time.perf_counter() - begun

    def _one(self) -> Any:
        return self._client.containers.run("busybox", ["sleep", "1000"], network_mode="none", detach=True)

    def _own(self) -> Any:
        """As :meth:`_one`, by our own client where the engine is ours."""
        return self._fluent.start("busybox", "sleep", "1000", network="none") if self._fluent else self._one()


@contextlib.contextmanager
def _living(client: Any) -> Iterator[Any]:
    box = client.containers.run("busybox", ["sleep", "1000"], network_mode="none", detach=True)
    try:
        box.exec_run("true")  # warm
        yield box
    finally:
        box.remove(force=True)


def _archive() -> bytes:
    if not _ARCHIVE:
        made = io.BytesIO()
        with tarfile.open(fileobj=made, mode="w") as tar:
            entry = tarfile.TarInfo("big")
            entry.size = SIZE
            tar.addfile(entry, io.BytesIO(os.urandom(1 << 20) * (SIZE >> 20)))
        _ARCHIVE.append(made.getvalue())
    return _ARCHIVE[0]


_ARCHIVE: list[bytes] = []


def _report(acts: dict[str, dict[str, tuple[int, Act]]], rounds: int) -> None:
    print(f"\n{'milliseconds, medians':62} {OURS:>12} {THEIRS:>20}   ratio   rounds")
    for name, (seldom, _) in acts[OURS].items():
        times: dict[str, list[float]] = {engine: [] for engine in acts}
        count = max(3, rounds // seldom)
        for number in range(-1, count):
            for engine in random.sample(list(acts), len(acts)):
                taken = acts[engine][name][1]()
                if number >= 0:
                    times[engine].append(taken * 1000)
        mine, other = (statistics.median(times[engine]) for engine in (OURS, THEIRS))
        print(f"{name:62} {mine:12.1f} {other:20.1f} {other / mine:6.1f} ×   {count}", flush=True)


def _bare_exec(rounds: int) -> None:
    """What a bare runtime takes to bring a program into a container: no engine, no client, but a program to be started."""
    programs = [name for name in ("crun", "runc") if shutil.which(name)]
    with hidden_unified(), tempfile.TemporaryDirectory(prefix="dkb-") as root:
        for program in programs:
            bundle = make_bundle(f"{root}/{program}", program, ("sleep", "1000"))
            command, id = [program, "--root", f"{root}/{program}/state"], f"dockerkit-bench-{program}-{os.getpid()}"
            subprocess.run([*command, "run", "--detach", "--bundle", bundle, id], check=True, stdin=subprocess.DEVNULL)
            times = []
            for _ in range(rounds):
                begun = time.perf_counter()
                subprocess.run([*command, "exec", id, "true"], check=True, stdin=subprocess.DEVNULL)
                times.append(time.perf_counter() - begun)
            subprocess.run([*command, "delete", "--force", id], check=True)
            print(f"{f'{program} exec true, no engine':62} {statistics.median(times) * 1000:12.1f}", flush=True)


if __name__ == "__main__":
    main()
