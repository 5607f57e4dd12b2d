"""The first figure: ``run("busybox", "echo", "hi")`` on ours beside docker-py on a real dockerd, and the bare runtimes.

``python tests/bench/run_echo.py [--rounds 40]``: both engines are private, warm and asked in turn, in random order; what is not
installed is said and left out. Nothing is left behind, and nothing here decides whether a change is good: figures do not gate.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))

from tests.bench.bundles import hidden_unified, make_bundle
from tests.bench.machine import machine_line
from tests.bench.shimonly import shim_only
from tests.livedaemon import LiveDaemon
from tests.parity.reference import Reference, why_not

HOME = sys.path[0]
Run = Callable[[], bytes]
SHIM = "our runtime alone (shim and keeper)"
OURS = ("dockerkit, network none", "dockerkit, default network")
PEERS = ("docker-py, dockerd, network none", "docker-py, dockerd, default network")
WARM = 3
READY_ROUNDS, IMPORT_ROUNDS = 5, 10


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--rounds", type=int, default=40)
    rounds = parser.parse_args().rounds
    if os.geteuid() != 0:
        sys.exit("the engines make namespaces for real: run this as root")
    print(machine_line())
    with contextlib.ExitStack() as stack:
        runs = dict(stack.enter_context(_ours()))
        runs[SHIM] = stack.enter_context(shim_only(["echo", "hi"]))
        runs |= stack.enter_context(_dockerd())
        runs |= stack.enter_context(_runtimes())
        _print_table(_measure(runs, rounds), rounds)
    _print_small("import dockerkit", [_import_time() for _ in range(IMPORT_ROUNDS)])
    _print_small("daemon ready", [_ready_time() for _ in range(READY_ROUNDS)])


@contextlib.contextmanager
def _root() -> Iterator[str]:
    root = tempfile.mkdtemp(prefix="dkb-")
    try:
        yield root
    finally:
        shutil.rmtree(root)


@contextlib.contextmanager
def _ours() -> Iterator[dict[str, Run]]:
    import dockerkit

    with _root() as root:
        daemon = LiveDaemon.start(root)
        try:
            daemon.bootstrap("busybox")
            with dockerkit.connect(daemon.url) as client:
                yield {
                    OURS[0]: lambda: client.run("busybox", "echo", "hi", network="none").stdout_bytes,
                    OURS[1]: lambda: client.run("busybox", "echo", "hi").stdout_bytes,
                }
        finally:
            daemon.stop()


@contextlib.contextmanager
def _dockerd() -> Iterator[dict[str, Run]]:
    import docker

    if reason := why_not():
        print(f"left out: {reason}")
        yield {}
        return
    with tempfile.TemporaryDirectory(prefix="dkb-") as parent, Reference(f"{parent}/r") as reference:
        client = docker.DockerClient(base_url=reference.url)
        command = ["echo", "hi"]
        yield {
            PEERS[0]: lambda: bytes(client.containers.run("busybox", command, remove=True, network_mode="none")),
            PEERS[1]: lambda: bytes(client.containers.run("busybox", command, remove=True)),
        }
        client.close()


@contextlib.contextmanager
def _runtimes() -> Iterator[dict[str, Run]]:
    programs = [name for name in ("crun", "runc") if shutil.which(name)]
    if not programs:
        print("left out: neither crun nor runc is installed")
        yield {}
        return
    with hidden_unified(), _root() as root:
        bundle = make_bundle(root, programs[-1])
        yield {f"{name} run, no engine": _runtime(name, root, bundle) for name in programs}


def _runtime(program: str, root: str, bundle: str) -> Run:
    command = [program, "--root", f"{root}/{program}", "run", "--bundle", bundle, f"dockerkit-bench-{program}-{os.getpid()}"]
    return lambda: subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, check=True).stdout


def _measure(runs: dict[str, Run], rounds: int) -> dict[str, list[float]]:
    times: dict[str, list[float]] = {name: [] for name in runs}
    for number in range(-WARM, rounds):
        for name in random.sample(list(runs), len(runs)):
            begun = time.perf_counter()
            output = runs[name]()
            taken = time.perf_counter() - begun
            assert output == b"hi\n", (name, output)
            if number >= 0:
                times[name].append(taken * 1000)
    return times


def _print_table(times: dict[str, list[float]], rounds: int) -> None:
    print(f"\nrun echo and remove, {rounds} rounds in random order, milliseconds")
    none, default = (statistics.median(times[name]) for name in OURS)
    for name, taken in sorted(times.items(), key=lambda item: statistics.median(item[1])):
        middle = statistics.median(taken)
        ratio = "" if name in OURS else f"  {middle / (default if name == PEERS[1] else none):5.1f} × ours"
        print(f"  {name:36} median {middle:7.1f}   p95 {_p95(taken):7.1f}{ratio}")
    print()


def _print_small(name: str, taken: list[float]) -> None:
    print(f"  {name:36} median {statistics.median(taken):7.1f}   p95 {_p95(taken):7.1f}")


def _p95(taken: list[float]) -> float:
    return sorted(taken)[max(0, round(len(taken) * 0.95) - 1)]


def _import_time() -> float:
    script = "import time; begun = time.perf_counter(); import dockerkit; print((time.perf_counter() - begun) * 1000)"
    return float(subprocess.run([sys.executable, "-c", script], cwd=HOME, check=True, stdout=subprocess.PIPE).stdout)


def _ready_time() -> float:
    with _root() as root:
        begun = time.perf_counter()
        daemon = LiveDaemon.start(root, private=False)
        taken = (time.perf_counter() - begun) * 1000
        daemon.stop()
        return taken


if __name__ == "__main__":
    main()
