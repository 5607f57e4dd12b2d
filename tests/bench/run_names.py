"""The name server at 127.0.0.11: answers a second and how long one waits, ours beside dockerd's, also while the daemon is busy.

``python tests/bench/run_names.py [--rounds 5]``: both engines are private and are asked in turn, in random order, from inside a
container's network namespace, by a process that keeps so many questions open at once. Nothing is left behind; no figure gates.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import select
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from typing import Any

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))

import docker

from dockerkit.daemon.kernel import namespaces
from tests.bench.machine import machine_line
from tests.livedaemon import LiveDaemon
from tests.parity.reference import Reference, why_not

OURS, THEIRS = "dockerkit", "dockerd"
COUNT = 20_000
AT_ONCE = (1, 16, 64)
NETWORK, NEIGHBOURS = "dkb-names", 20
BUSY = 4
"""Threads that ask the daemon for its containers all the time, in the rounds that say so."""
QUESTION = b"\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00%s\x00\x00\x01\x00\x01"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    if reason := why_not():
        sys.exit(reason)
    print(machine_line())
    with contextlib.ExitStack() as stack:
        top = stack.enter_context(tempfile.TemporaryDirectory(prefix="dkb-"))
        mine = stack.enter_context(_asker(stack.enter_context(_ours(top)).url))
        other = stack.enter_context(_asker(stack.enter_context(Reference(f"{top}/r")).url))
        _report({OURS: mine, THEIRS: other}, rounds)


@contextlib.contextmanager
def _ours(top: str) -> Iterator[LiveDaemon]:
    os.mkdir(f"{top}/ours")
    daemon = LiveDaemon.start(f"{top}/ours")
    daemon.bootstrap("busybox")
    try:
        yield daemon
    finally:
        daemon.stop()


class Asker:
    """A container that asks for its neighbours."""

    def __init__(self, client: Any, url: str, pid: int) -> None:
        self._client, self._url, self._pid = client, url, pid

    def ask(self, at_once: int) -> tuple[float, float, float]:
        """Return answers a second, and the waits of the middle and of the slowest hundredth, in microseconds."""
        command = [sys.executable, __file__, "--inside", str(self._pid), str(at_once)]
        said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        rate, middle, slow = json.loads(said)
        return rate, middle, slow

    @contextlib.contextmanager
    def busy(self) -> Iterator[None]:
        """Keep the daemon busy meanwhile."""
        over = threading.Event()

        def bother() -> None:
            client = docker.DockerClient(base_url=self._url)
            while not over.is_set():
                client.api.containers(all=True)

        threads = [threading.Thread(target=bother) for _ in range(BUSY)]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            over.set()
            for thread in threads:
                thread.join()


@contextlib.contextmanager
def _asker(url: str) -> Iterator[Asker]:
    client = docker.DockerClient(base_url=url, timeout=120)
    network = client.networks.create(NETWORK)
    boxes = []
    try:
        for number in range(NEIGHBOURS):
            boxes.append(client.containers.run("busybox", ["sleep", "1000"], name=f"box{number}", network=NETWORK, detach=True))
        boxes[0].reload()
        yield Asker(client, url, boxes[0].attrs["State"]["Pid"])
    finally:
        for box in boxes:
            box.remove(force=True)
        network.remove()


def _report(askers: dict[str, Asker], rounds: int) -> None:
    print(f"\n{COUNT} questions, medians of {rounds} rounds")
    print(f"{'open at once':>14} {'':>10} {'answers/s':>9} {'median µs':>10} {'p99 µs':>9}")
    for at_once in AT_ONCE:
        for busy in (False, True):
            figures: dict[str, list[tuple[float, float, float]]] = {name: [] for name in askers}
            for _ in range(rounds):
                for name in random.sample(list(askers), len(askers)):
                    with askers[name].busy() if busy else contextlib.nullcontext():
                        figures[name].append(askers[name].ask(at_once))
            for name, found in figures.items():
                rate, middle, slow = (statistics.median(column) for column in zip(*found, strict=True))
                what = f"{at_once}{', busy' if busy else ''}"
                print(f"{what:>14} {name:>10} {rate:9.0f} {middle:10.0f} {slow:9.0f}", flush=True)


def _inside(pid: int, at_once: int) -> None:
    """Enter a container's namespace, keep so many questions open, and print what came of it."""
    namespace = os.open(f"/proc/{pid}/ns/net", os.O_RDONLY)
    namespaces.enter(namespace, namespaces.FLAGS["network"])
    names = [f"box{number}".encode() for number in range(NEIGHBOURS)]
    questions = [QUESTION % (bytes([len(name)]) + name) for name in names]
    sockets = {}
    for _ in range(at_once):
        one = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        one.connect(("127.0.0.11", 53))
        one.setblocking(False)
        sockets[one.fileno()] = one
    waits, taken = _asked(sockets, questions)
    waits.sort()
    print(json.dumps([len(waits) / taken, waits[len(waits) // 2] * 1e6, waits[len(waits) * 99 // 100] * 1e6]))


def _asked(sockets: dict[int, socket.socket], questions: list[bytes]) -> tuple[list[float], float]:
    ready, sent = select.epoll(), 0
    begun: dict[int, float] = {}
    waits: list[float] = []
    started = time.perf_counter()
    for fd, one in sockets.items():
        ready.register(fd, select.EPOLLIN)
        begun[fd] = time.perf_counter()
        one.send(b"%c%c" % divmod(sent, 256) + questions[sent % len(questions)])
        sent += 1
    while len(waits) < COUNT:
        events = ready.poll(5)
        if not events:
            raise TimeoutError(f"{len(sockets)} questions are open, none is answered")
        for fd, _ in events:
            assert sockets[fd].recv(512)[7] == 1, "one address"
            waits.append(time.perf_counter() - begun[fd])
            begun[fd] = time.perf_counter()
            sockets[fd].send(b"%c%c" % divmod(sent % 65536, 256) + questions[sent % len(questions)])
            sent += 1
    return waits, time.perf_counter() - started


if __name__ == "__main__":
    if sys.argv[1:2] == ["--inside"]:
        _inside(int(sys.argv[2]), int(sys.argv[3]))
    else:
        main()
