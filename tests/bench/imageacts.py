"""What is measured of images on one engine; each act prepares itself, and returns the seconds of what counts."""

from __future__ import annotations

import http.client
import itertools
import re
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.bench.imagematerial import MIB, NAMES, fresh, many, material
from tests.livedaemon import UnixConnection
from tests.parity.wire import Api

TAR = {"Content-Type": "application/x-tar"}
NOBODY = {"X-Registry-Auth": "e30="}
Act = Callable[[], float]
_numbers = itertools.count(1)


class Acts:
    """One engine's.

    :param inside: what runs a program in its network.
    :param pids: of the processes that are the engine.
    :param place: a registry on its loopback; empty: none.
    """

    def __init__(self, socket: str, inside: list[str], pids: list[int]) -> None:
        self.api, self.inside, self.pids, self.place = Api(socket, "v1.41", timeout=120), inside, pids, ""
        self._kept = UnixConnection(socket)

    def table(self) -> dict[str, tuple[int, Act]]:
        """Return name → (how many times as many rounds as the others, act)."""
        acts: dict[str, tuple[int, Act]] = {}
        for what in NAMES:
            acts[f"load {what}"] = (1, lambda what=what: self.load(what))  # type: ignore[misc]
            acts[f"save {what}"] = (1, lambda what=what: self.save(what))  # type: ignore[misc]
        acts["import 100 MiB"] = (1, lambda: self.import_("import"))
        acts["import 10,000 files"] = (1, lambda: self.import_("import tree"))
        acts["export 100 MiB"] = (1, lambda: self.export("import"))
        acts["export 10,000 files"] = (1, lambda: self.export("import tree"))
        acts["tag"] = (8, self.tag)
        acts["list of 1,000 images"] = (2, self.list)
        if self.place:
            for what in NAMES:
                acts[f"push {what}, all there: mounted"] = (1, lambda what=what: self.push(what))  # type: ignore[misc]
                acts[f"pull {what}"] = (1, lambda what=what: self.pull(what))  # type: ignore[misc]
            acts["push 100 MiB, 1 layer, again"] = (4, self.push_again)
            acts["push 100 MiB of new data, 1 layer"] = (1, lambda: self.push_new([100 * MIB]))
            acts["push 100 MiB of new data, 10 layers"] = (1, lambda: self.push_new([10 * MIB] * 10))
            acts["pull of what is there"] = (4, self.pull_again)
        return acts

    def load(self, what: str) -> float:
        """Load an archive of what is not there."""
        data = material(what)
        self.remove(NAMES[what])
        begun = time.perf_counter()
        self.load_bytes(data)
        return time.perf_counter() - begun

    def load_bytes(self, data: bytes) -> None:
        """Load an archive."""
        answer = self.api.request("POST", "/images/load", data, headers=TAR)
        assert b"Loaded image" in answer.body, answer

    def save(self, what: str) -> float:
        """Save, and read all of it."""
        self.there(what)
        begun = time.perf_counter()
        with self.api.follow(f"/images/{NAMES[what]}/get") as stream:
            size = 0
            while piece := stream.read(MIB):
                size += len(piece)
        assert size > len(material(what)) * 0.9
        return time.perf_counter() - begun

    def import_(self, what: str) -> float:
        """Import a tar as an image."""
        self.remove("bench/imported")
        data = material(what)
        begun = time.perf_counter()
        answer = self.api.request("POST", "/images/create?fromSrc=-&repo=bench/imported", data, headers=TAR)
        taken = time.perf_counter() - begun
        assert b"sha256" in answer.body, answer
        return taken

    def export(self, what: str) -> float:
        """Export a container, and read all of it."""
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
        """Tag, over a connection that is there: the engine is measured, not who asks it."""
        self.there("100 MiB, 10 layers")
        taken, status, _ = self.asked("POST", self.api.url("/images/bench/ten:1/tag", {"repo": "bench/other", "tag": "2"}))
        assert status == 201
        self.remove("bench/other:2")
        return taken

    def list(self) -> float:
        """List a thousand images."""
        if len(self.api.get("/images/json", filters={"reference": ["many/*"]}).json) < 1000:
            self.load_bytes(many())
        taken, _, body = self.asked("GET", self.api.url("/images/json"))
        assert body.count(b'"RepoTags"') >= 1000
        return taken

    def push(self, what: str) -> float:
        """Push to a repository that nobody has pushed to, blobs that the registry has elsewhere."""
        self.there(what)
        repository = f"{self.place}/push/r{next(_numbers)}"
        self.api.post(f"/images/{NAMES[what]}/tag", repo=repository, tag="1")
        taken = self._pushed(repository)
        self.remove(f"{repository}:1")
        return taken

    def push_again(self) -> float:
        """Push what was pushed there before."""
        name = self._on_the_registry("100 MiB, 1 layer", "same")
        return self._pushed(name)

    def push_new(self, sizes: list[int]) -> float:
        """Push layers that the registry has never seen."""
        name = f"{self.place}/new/n{next(_numbers)}"
        self.load_bytes(fresh(f"{name}:1", sizes, next(_numbers)))
        taken = self._pushed(name)
        self.remove(f"{name}:1")
        return taken

    def pull(self, what: str) -> float:
        """Pull what is not there."""
        name = self._on_the_registry(what, "pull")
        for one in (f"{name}:1", NAMES[what]):
            self.remove(one)
        begun = time.perf_counter()
        answer = self.api.post("/images/create", fromImage=name, tag="1")
        taken = time.perf_counter() - begun
        assert b"Downloaded newer image" in answer.body, answer.body[-500:]
        self.remove(f"{name}:1")
        return taken

    def pull_again(self) -> float:
        """Pull what is there, over a connection that is there."""
        name = self._on_the_registry("100 MiB, 10 layers", "again")
        path = self.api.url("/images/create", {"fromImage": name, "tag": "1"})
        self.asked("POST", path)
        taken, _, body = self.asked("POST", path)
        assert b"up to date" in body, body[-500:]
        return taken

    def growth(self, size: int) -> tuple[float, float]:
        """Return by how many MiB the engine's memory grew, at its peak, while one layer was pushed and while it was pulled."""
        name = f"{self.place}/large/n{next(_numbers)}"
        self.load_bytes(fresh(f"{name}:1", [size], next(_numbers)))
        pushed = self._growth(lambda: self._pushed(name))
        self.remove(f"{name}:1")
        pulled = self._growth(lambda: self.api.post("/images/create", fromImage=name, tag="1"))
        self.remove(f"{name}:1")
        return pushed, pulled

    def _growth(self, act: Callable[[], object]) -> float:
        for pid in self.pids:
            Path(f"/proc/{pid}/clear_refs").write_text("5")  # the peak is what is now (proc(5))
        before = sum(_memory(pid, "VmRSS") for pid in self.pids)
        act()
        return (sum(_memory(pid, "VmHWM") for pid in self.pids) - before) / 1024

    def _on_the_registry(self, what: str, where: str) -> str:
        self.there(what)
        name = f"{self.place}/{where}/{NAMES[what].partition(':')[0].replace('/', '-')}"
        self.api.post(f"/images/{NAMES[what]}/tag", repo=name, tag="1")
        self._pushed(name)
        return name

    def _pushed(self, name: str) -> float:
        begun = time.perf_counter()
        answer = self.api.request("POST", f"/images/{name}/push?tag=1", b"", headers=NOBODY)
        taken = time.perf_counter() - begun
        assert b'"error"' not in answer.body, answer.body[-500:]
        return taken

    def asked(self, method: str, path: str) -> tuple[float, int, bytes]:
        """Ask over the connection that is kept; return seconds, status and body."""
        begun = time.perf_counter()
        try:
            answer, body = self._ask(method, path)
        except (http.client.HTTPException, ConnectionError):  # the engine had enough of an idle one
            self._kept.close()
            begun = time.perf_counter()
            answer, body = self._ask(method, path)
        return time.perf_counter() - begun, answer.status, body

    def _ask(self, method: str, path: str) -> tuple[http.client.HTTPResponse, bytes]:
        self._kept.request(method, path)
        answer = self._kept.getresponse()
        return answer, answer.read()

    def there(self, what: str) -> None:
        """Have it."""
        if self.api.get(f"/images/{NAMES[what]}/json").status != 200:
            self.load(what)

    def remove(self, name: str) -> None:
        """Remove an image, if it is there."""
        self.api.delete(f"/images/{name}", force=1)


class Skopeo:
    """The same between a registry and a directory: it unpacks nothing and stores no image, so it has less to do."""

    def __init__(self, top: str, acts: Acts) -> None:
        self._top, self._acts = top, acts

    def table(self) -> dict[str, tuple[int, Act]]:
        """See :meth:`Acts.table`."""
        pulls: dict[str, tuple[int, Act]] = {
            f"pull {what}": (1, lambda what=what: self.pull(what))  # type: ignore[misc]
            for what in NAMES
        }
        pushes: dict[str, tuple[int, Act]] = {
            "push 100 MiB of new data, 1 layer": (1, lambda: self.push([100 * MIB])),
            "push 100 MiB of new data, 10 layers": (1, lambda: self.push([10 * MIB] * 10)),
        }
        return pulls | pushes

    def pull(self, what: str) -> float:
        """Copy an image out of the registry, where :meth:`Acts.pull` has left it."""
        name = f"{self._acts.place}/pull/{NAMES[what].partition(':')[0].replace('/', '-')}:1"
        return self._copied(["--src-tls-verify=false"], f"docker://{name}", f"oci:{self._fresh()}:a")

    def push(self, sizes: list[int]) -> float:
        """Copy an image that the registry has never seen, its bytes as they are."""
        file, layout = f"{self._fresh()}.tar", self._fresh()
        Path(file).write_bytes(fresh("bench/new:1", sizes, next(_numbers)))
        self._copied([], f"docker-archive:{file}", f"oci:{layout}:a")
        subprocess.run(["rm", file], check=True)
        target = f"docker://{self._acts.place}/skopeo/n{next(_numbers)}:1"
        return self._copied(["--dest-tls-verify=false", "--preserve-digests"], f"oci:{layout}:a", target)

    def _fresh(self) -> str:
        return f"{self._top}/skopeo{next(_numbers)}"

    def _copied(self, options: list[str], source: str, target: str) -> float:
        begun = time.perf_counter()
        command = [*self._acts.inside, "skopeo", "copy", "--quiet", "--insecure-policy", *options, source, target]
        subprocess.run(command, check=True, capture_output=True)
        return time.perf_counter() - begun


def _memory(pid: int, field: str) -> int:
    found: Any = re.search(rf"{field}:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    return int(found[1])
