"""Images: load, save, import, export, tag, list, push and pull, ours beside a real dockerd, act by act.

``python tests/bench/run_images.py [--rounds 7]``: both engines are private, warm and asked in turn, in random order, over raw
HTTP. Nothing is left behind, and nothing here decides whether a change is good: figures do not gate.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import io
import json
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
from pathlib import Path

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))

from tests.bench.machine import machine_line
from tests.livedaemon import LiveDaemon
from tests.parity.reference import Reference, why_not
from tests.parity.wire import Api

ANSWERS = """
import socket, sys
host, port = sys.argv[1].split(":")
for _ in range(1_000_000):
    with socket.socket() as one:
        if one.connect_ex((host, int(port))) == 0:
            sys.exit()
sys.exit("nobody answers on " + sys.argv[1])
"""
OURS, THEIRS = "dockerkit", "dockerd"
MIB = 1 << 20
TAR = {"Content-Type": "application/x-tar"}
Act = Callable[[], float]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--only", default="", help="acts whose name holds this")
    options = parser.parse_args()
    if reason := why_not():
        sys.exit(reason)
    print(machine_line())
    with tempfile.TemporaryDirectory(prefix="dkb-") as top, _ours(top) as ours, Reference(f"{top}/r") as reference:
        engines = {
            OURS: Acts(ours.socket, _inside(ours.process.pid)),
            THEIRS: Acts(reference.socket, _inside(int(Path(f"{reference.directory}/pid").read_text()))),
        }
        with _registry(top, engines) as place:
            for acts in engines.values():
                acts.prepare(place)
            _report({name: acts.table() for name, acts in engines.items()}, options.rounds, options.only)


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
def _registry(top: str, engines: dict[str, Acts]) -> Iterator[str]:
    """Run a registry on each engine's loopback, at the same address; nothing when none is installed."""
    if not shutil.which("docker-registry"):
        print("left out: push and pull (apt-get install docker-registry)")
        yield ""
        return
    place, running = "127.0.0.1:5971", []
    for number, acts in enumerate(engines.values()):
        os.mkdir(f"{top}/reg{number}")
        config = {
            "version": 0.1,
            "log": {"level": "error", "accesslog": {"disabled": True}},
            "storage": {"filesystem": {"rootdirectory": f"{top}/reg{number}"}, "delete": {"enabled": True}},
            "http": {"addr": place},
        }
        Path(f"{top}/reg{number}.yml").write_text(json.dumps(config))
        command = [*acts.inside, "docker-registry", "serve", f"{top}/reg{number}.yml"]
        running.append(subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
        subprocess.run([*acts.inside, sys.executable, "-c", ANSWERS, place], check=True)
    try:
        yield place
    finally:
        for process in running:
            process.terminate()
            process.wait()


def layer(size: int, seed: int) -> bytes:
    """A tar with one file of random bytes."""
    return _tar([(f"data{seed}", random.Random(seed).randbytes(size))])


def tree(files: int) -> bytes:
    """A tar of many small files in a few hundred directories, as a distribution's."""
    chance = random.Random(files)
    return _tar(
        [(f"usr/share/d{number % 200}/f{number}", chance.randbytes(chance.randrange(200, 6000))) for number in range(files)]
    )


def _tar(files: list[tuple[str, bytes]]) -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as tar:
        for name, data in files:
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(data), 0o644
            tar.addfile(entry, io.BytesIO(data))
    return made.getvalue()


def archive(name: str, layers: list[bytes]) -> bytes:
    """Docker's archive of an image with these layers."""
    diff_ids = [f"sha256:{hashlib.sha256(one).hexdigest()}" for one in layers]
    config = json.dumps({"architecture": "amd64", "os": "linux", "rootfs": {"type": "layers", "diff_ids": diff_ids}}).encode()
    names = [f"{number}.tar" for number in range(len(layers))]
    manifest = json.dumps([{"Config": "config.json", "RepoTags": [name], "Layers": names}]).encode()
    return _tar([*zip(names, layers, strict=True), ("config.json", config), ("manifest.json", manifest)])


MATERIAL: dict[str, bytes] = {}


def material() -> dict[str, bytes]:
    """The archives, made once."""
    if not MATERIAL:
        MATERIAL["100 MiB, 1 layer"] = archive("bench/one:1", [layer(100 * MIB, 1)])
        MATERIAL["100 MiB, 10 layers"] = archive("bench/ten:1", [layer(10 * MIB, seed) for seed in range(2, 12)])
        MATERIAL["10,000 files"] = archive("bench/tree:1", [tree(10_000)])
        MATERIAL["import"] = layer(100 * MIB, 50)
        MATERIAL["import tree"] = tree(10_001)
    return MATERIAL


NAMES = {"100 MiB, 1 layer": "bench/one:1", "100 MiB, 10 layers": "bench/ten:1", "10,000 files": "bench/tree:1"}


class Acts:
    """What is measured, on one engine.

    :param inside: what runs a program in its network.
    """

    def __init__(self, socket: str, inside: list[str]) -> None:
        self.api, self.inside, self.place = Api(socket, "v1.41", timeout=120), inside, ""

    def prepare(self, place: str) -> None:
        """Note where the registry is."""
        self.place = place

    def table(self) -> dict[str, tuple[int, Act]]:
        """Return name → (one in how many rounds, act)."""
        acts: dict[str, tuple[int, Act]] = {}
        for what in NAMES:
            acts[f"load {what}"] = (1, lambda what=what: self.load(what))  # type: ignore[misc]
            acts[f"save {what}"] = (1, lambda what=what: self.save(what))  # type: ignore[misc]
        acts["import 100 MiB"] = (1, lambda: self.import_("import"))
        acts["import 10,000 files"] = (1, lambda: self.import_("import tree"))
        acts["export 100 MiB"] = (1, lambda: self.export("import"))
        acts["export 10,000 files"] = (1, lambda: self.export("import tree"))
        acts["tag"] = (1, self.tag)
        acts["list of 1,000 images"] = (1, self.list)
        if self.place:
            for what in ("100 MiB, 1 layer", "100 MiB, 10 layers", "10,000 files"):
                acts[f"push {what}"] = (2, lambda what=what: self.push(what))  # type: ignore[misc]
                acts[f"pull {what}"] = (2, lambda what=what: self.pull(what))  # type: ignore[misc]
            acts["pull of what is there"] = (1, self.pull_again)
        return acts

    def load(self, what: str) -> float:
        data = material()[what]
        self.remove(NAMES[what])
        begun = time.perf_counter()
        answer = self.api.request("POST", "/images/load", data, headers=TAR)
        taken = time.perf_counter() - begun
        assert b"Loaded image" in answer.body, answer
        return taken

    def save(self, what: str) -> float:
        self.there(what)
        begun = time.perf_counter()
        with self.api.follow(f"/images/{NAMES[what]}/get") as stream:
            size = 0
            while piece := stream.read(MIB):
                size += len(piece)
        assert size > len(material()[what]) * 0.9
        return time.perf_counter() - begun

    def import_(self, what: str) -> float:
        self.remove("bench/imported")
        data = material()[what]
        begun = time.perf_counter()
        answer = self.api.request("POST", "/images/create?fromSrc=-&repo=bench/imported", data, headers=TAR)
        taken = time.perf_counter() - begun
        assert b"sha256" in answer.body, answer
        return taken

    def export(self, what: str) -> float:
        self.import_(what)
        made = self.api.post("/containers/create", {"Image": "bench/imported", "Cmd": ["x"]}).json["Id"]
        begun = time.perf_counter()
        with self.api.follow(f"/containers/{made}/export") as stream:
            while stream.read(MIB):
                pass
        taken = time.perf_counter() - begun
        self.api.delete(f"/containers/{made}", force=1)
        return taken

    def tag(self) -> float:
        self.there("100 MiB, 10 layers")
        begun = time.perf_counter()
        assert self.api.post("/images/bench/ten:1/tag", repo="bench/other", tag="2").status == 201
        taken = time.perf_counter() - begun
        self.remove("bench/other:2")
        return taken

    def list(self) -> float:
        if len(self.api.get("/images/json", filters={"reference": ["many/*"]}).json) < 1000:
            for number in range(1000):
                self.api.request(
                    "POST", "/images/load", archive(f"many/i{number}:1", [layer(1000, 1000 + number)]), headers=TAR
                )
        begun = time.perf_counter()
        assert len(self.api.get("/images/json").json) >= 1000
        return time.perf_counter() - begun

    def push(self, what: str) -> float:
        """Push to a repository that nobody has pushed to: nothing is there already."""
        self.there(what)
        repository = f"{self.place}/push/r{time.monotonic_ns()}"
        self.api.post(f"/images/{NAMES[what]}/tag", repo=repository, tag="1")
        self.forget(repository)
        begun = time.perf_counter()
        answer = self.api.request("POST", f"/images/{repository}/push?tag=1", b"", headers={"X-Registry-Auth": "e30="})
        taken = time.perf_counter() - begun
        assert b'"error"' not in answer.body, answer.body[-500:]
        self.remove(f"{repository}:1")
        return taken

    def forget(self, _repository: str) -> None:
        """Nothing: cross-repository mounts are what an engine may do."""

    def pull(self, what: str) -> float:
        self.there(what)
        name = f"{self.place}/pull/{NAMES[what].partition(':')[0].replace('/', '-')}"
        self.api.post(f"/images/{NAMES[what]}/tag", repo=name, tag="1")
        self.api.request("POST", f"/images/{name}/push?tag=1", b"", headers={"X-Registry-Auth": "e30="})
        for one in (f"{name}:1", NAMES[what]):
            self.remove(one)
        begun = time.perf_counter()
        answer = self.api.post("/images/create", fromImage=name, tag="1")
        taken = time.perf_counter() - begun
        assert b"Downloaded newer image" in answer.body, answer.body[-500:]
        self.remove(f"{name}:1")
        return taken

    def pull_again(self) -> float:
        self.there("100 MiB, 10 layers")
        name = f"{self.place}/again/ten"
        self.api.post("/images/bench/ten:1/tag", repo=name, tag="1")
        self.api.request("POST", f"/images/{name}/push?tag=1", b"", headers={"X-Registry-Auth": "e30="})
        self.api.post("/images/create", fromImage=name, tag="1")
        begun = time.perf_counter()
        answer = self.api.post("/images/create", fromImage=name, tag="1")
        taken = time.perf_counter() - begun
        assert b"up to date" in answer.body, answer.body[-500:]
        return taken

    def there(self, what: str) -> None:
        if self.api.get(f"/images/{NAMES[what]}/json").status != 200:
            self.load(what)

    def remove(self, name: str) -> None:
        self.api.delete(f"/images/{name}", force=1)


def _report(acts: dict[str, dict[str, tuple[int, Act]]], rounds: int, only: str) -> None:
    print(f"\n{'milliseconds, medians':40} {OURS:>12} {THEIRS:>12}   ratio   rounds")
    for name, (seldom, _) in acts[OURS].items():
        if only not in name:
            continue
        times: dict[str, list[float]] = {engine: [] for engine in acts}
        count = max(3, rounds // seldom)
        for number in range(-1, count):
            for engine in random.sample(list(acts), len(acts)):
                taken = acts[engine][name][1]()
                if number >= 0:
                    times[engine].append(taken * 1000)
        mine, other = (statistics.median(times[engine]) for engine in (OURS, THEIRS))
        print(f"{name:40} {mine:12.1f} {other:12.1f} {other / mine:6.1f} ×   {count}", flush=True)


if __name__ == "__main__":
    main()
