"""Networks: acts and traffic, ours beside a real dockerd; the name server has a bench of its own (``run_names.py``).

``python tests/bench/run_networks.py [--rounds 10] [--containers 40 --networks 8] [--only TEXT]``: both engines are private,
warm and asked in turn, in random order; by docker-py, but for what our own client has a word for.
Nothing is left behind; figures gate nothing.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import os
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))

import docker

import dockerkit
from tests.bench import carrying
from tests.bench.machine import machine_line
from tests.livedaemon import LiveDaemon
from tests.parity.reference import Reference, why_not

OURS, THEIRS = "dockerkit", "dockerd"
AT_ONCE = 8
SLEEP = ["sleep", "1000"]
DATABASE = "i=0; while [ $i -lt 100 ]; do head -c 1048576 /dev/zero > /data/$i; i=$((i+1)); done"
"""What makes a volume of 100 MiB."""

Act = Callable[[], float]


@dataclass(frozen=True)
class Row:
    """One line of the table.

    :ivar every: in one of how many rounds.
    :ivar more: more is better.
    """

    name: str
    unit: str
    acts: dict[str, Act]
    every: int = 1
    more: bool = False


class Side:
    """One engine with what the acts need; closed, it has nothing left."""

    def __init__(self, url: str, namespace: str, ours: bool) -> None:
        self.client = docker.DockerClient(base_url=url, timeout=300)
        self.fluent = dockerkit.connect(url) if ours else None
        self.namespace = namespace
        self._names = itertools.count()
        self.server = self._start(ports={f"{carrying.PORT}/tcp": None})
        self.near, self.guest = self._start(), self._start()
        self.spare = self.client.networks.create("dkb-spare")
        self.port = int(self.server.ports[f"{carrying.PORT}/tcp"][0]["HostPort"])
        self.address = self.server.attrs["NetworkSettings"]["IPAddress"]
        self.gateway = self.server.attrs["NetworkSettings"]["Gateway"]

    def _start(self, **words: Any) -> Any:
        made = self.client.containers.run("busybox", SLEEP, detach=True, **words)
        made.reload()
        return made

    def inside(self, container: Any) -> str:
        """Return where a container's network namespace is."""
        return f"/proc/{container.attrs['State']['Pid']}/ns/net"

    # acts

    def echo(self, network: str) -> float:
        """Run ``echo`` and remove the container; ours by our own client."""
        begun = time.perf_counter()
        if self.fluent:
            said = self.fluent.run("busybox", "echo", "hi", network=network).stdout_bytes
        else:
            said = self.client.containers.run("busybox", ["echo", "hi"], remove=True, network_mode=network)
        assert said == b"hi\n"
        return (time.perf_counter() - begun) * 1000

    def network(self) -> float:
        """Make a network and remove it."""
        begun = time.perf_counter()
        self.client.networks.create(f"dkb-{next(self._names)}").remove()
        return (time.perf_counter() - begun) * 1000

    def connect(self) -> float:
        """Connect a running container and disconnect it."""
        begun = time.perf_counter()
        self.spare.connect(self.guest)
        self.spare.disconnect(self.guest)
        return (time.perf_counter() - begun) * 1000

    def carried(self, what: str, host: str, count: int) -> float:
        """Ask the server through its published port, from the host."""
        return carrying.figure(what, self.namespace, host, self.port, count)

    def between(self, what: str, count: int) -> float:
        """Ask the server from another container on its bridge."""
        return carrying.figure(what, self.inside(self.near), self.address, carrying.PORT, count)

    def many(self, containers: int, networks: int) -> float:
        """Start containers on networks, from nothing until each has found all others of its network by name."""
        run = next(self._names)
        names = [[f"m{run}x{n}" for n in range(number, containers, networks)] for number in range(networks)]
        begun = time.perf_counter()
        with ThreadPoolExecutor(AT_ONCE) as pool:
            nets = list(pool.map(lambda number: self.client.networks.create(f"dkb-{run}-{number}"), range(networks)))
            wishes = [(name, net.name) for net, group in zip(nets, names, strict=True) for name in group]
            boxes = list(pool.map(lambda wish: self._started(*wish), wishes))
            first = dict(zip((name for name, _ in wishes), boxes, strict=True))
            list(pool.map(lambda group: self._found(first[group[0]], group), names))
            taken = time.perf_counter() - begun
            list(pool.map(lambda box: box.remove(force=True), boxes))
            list(pool.map(lambda net: net.remove(), nets))
        return taken * 1000

    def _started(self, name: str, network: str) -> Any:
        if self.fluent:
            return self.fluent.start("busybox", *SLEEP, name=name, network=network)
        return self.client.containers.run("busybox", SLEEP, detach=True, name=name, network=network)

    def _found(self, box: Any, names: list[str]) -> None:
        script = ["sh", "-c", " && ".join(f"nslookup -type=a {name} >/dev/null" for name in names)]
        code = box.exec(*script).exit_code if self.fluent else box.exec_run(script).exit_code
        assert code == 0, names

    def clone(self) -> float:
        """Make a second volume like one of 100 MiB: ours by its word for it, dockerd's by a container that copies."""
        name = f"dkb-{next(self._names)}"
        begun = time.perf_counter()
        if self.fluent:
            self.fluent.volumes.get("dkb-data").clone(name)
        else:
            volumes = {"dkb-data": {"bind": "/from"}, name: {"bind": "/to"}}
            self.client.containers.run("busybox", ["cp", "-a", "/from/.", "/to"], remove=True, volumes=volumes)
        taken = time.perf_counter() - begun
        self.client.volumes.get(name).remove()
        return taken * 1000

    def prepare_volume(self) -> None:
        """Make the volume of 100 MiB."""
        self.client.volumes.create("dkb-data")
        volumes = {"dkb-data": {"bind": "/data"}}
        self.client.containers.run("busybox", ["sh", "-c", DATABASE], remove=True, volumes=volumes)

    def close(self) -> None:
        """Leave nothing."""
        for box in self.client.containers.list(all=True):
            box.remove(force=True)
        self.client.networks.prune()
        for volume in self.client.volumes.list():
            volume.remove()
        self.client.close()
        if self.fluent:
            self.fluent.close()


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--containers", type=int, default=40, help="so many, from nothing to reachable by name")
    parser.add_argument("--networks", type=int, default=8)
    parser.add_argument("--only", default="", help="rows whose name has this in it")
    asked = parser.parse_args()
    if reason := why_not():
        sys.exit(reason)
    print(machine_line())
    with contextlib.ExitStack() as stack:
        top = stack.enter_context(tempfile.TemporaryDirectory(prefix="dkb-"))
        ours, reference = stack.enter_context(_ours(top)), stack.enter_context(Reference(f"{top}/r"))
        assert reference.process is not None
        sides = {
            OURS: stack.enter_context(_side(ours.url, ours.process.pid, True)),
            THEIRS: stack.enter_context(_side(reference.url, reference.process.pid, False)),
        }
        rows = _rows(sides, asked.containers, asked.networks)
        _report([row for row in rows if asked.only in row.name], asked.rounds)


@contextlib.contextmanager
def _ours(top: str) -> Iterator[LiveDaemon]:
    os.mkdir(f"{top}/ours")
    daemon = LiveDaemon.start(f"{top}/ours")
    daemon.bootstrap("busybox")
    try:
        yield daemon
    finally:
        daemon.stop()


@contextlib.contextmanager
def _side(url: str, pid: int, ours: bool) -> Iterator[Side]:
    side = Side(url, f"/proc/{pid}/ns/net", ours)
    try:
        side.prepare_volume()
        with carrying.server(side.inside(side.server)):
            yield side
    finally:
        side.close()


def _rows(sides: dict[str, Side], containers: int, networks: int) -> list[Row]:
    def row(name: str, unit: str, act: Callable[[Side], float], every: int = 1) -> Row:
        acts = {who: (lambda side=side: act(side)) for who, side in sides.items()}
        return Row(name, unit, acts, every, more=unit == "MiB/s")  # type: ignore[arg-type]

    ways: list[tuple[str, Callable[[Side], str]]] = [
        ("127.0.0.1 (ours: rule, theirs: proxy)", lambda _: "127.0.0.1"),
        ("host's address (rules)", lambda side: side.gateway),
        ("::1 (proxies)", lambda _: "::1"),
    ]
    rows = [
        row("run echo, default bridge", "ms", lambda side: side.echo("bridge")),
        row("run echo, network none", "ms", lambda side: side.echo("none")),
        row("network create + remove", "ms", Side.network),
        row("connect + disconnect", "ms", Side.connect),
    ]
    for way, host in ways:
        rows += [
            row(f"200 MiB, {way}", "MiB/s", lambda side, host=host: side.carried("large", host(side), 1)),  # type: ignore[misc]
            row(f"request, kept, {way}", "µs", lambda side, host=host: side.carried("small", host(side), 500)),  # type: ignore[misc]
            row(f"request, new, {way}", "µs", lambda side, host=host: side.carried("fresh", host(side), 200)),  # type: ignore[misc]
        ]
    return [
        *rows,
        row("200 MiB, container to container", "MiB/s", lambda side: side.between("large", 1)),
        row("request, kept, container to container", "µs", lambda side: side.between("small", 500)),
        row(f"{containers} containers on {networks}, by name", "ms", lambda side: side.many(containers, networks), every=5),
        row("volume of 100 MiB, clone (theirs: cp)", "ms", Side.clone, every=3),
    ]


def _report(rows: list[Row], rounds: int) -> None:
    print(f"\nmedians of up to {rounds} rounds in random order\n{'':50}{OURS:>11}{THEIRS:>11}")
    for row in rows:
        figures: dict[str, list[float]] = {who: [] for who in row.acts}
        for number in range(-1 if row.every == 1 else 0, max(1, rounds // row.every)):
            for who in random.sample(list(row.acts), len(row.acts)):
                figure = row.acts[who]()
                if number >= 0:
                    figures[who].append(figure)
        mine, theirs = (statistics.median(figures[who]) for who in (OURS, THEIRS))
        ratio = mine / theirs if row.more else theirs / mine
        print(f"  {row.name:48}{mine:11.1f}{theirs:11.1f} {row.unit:6} {ratio:5.1f} × as good", flush=True)


if __name__ == "__main__":
    main()
