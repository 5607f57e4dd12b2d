"""An engine in memory behind the API's own contract: its "containers" are plain processes of this host, without isolation.

For tests of the API alone. Needs no root, keeps nothing on disk, and starts only what a test asks for.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shlex
import signal as signals
import socket
import subprocess
import threading
import time
from concurrent.futures import Future, InvalidStateError
from dataclasses import dataclass, field

from pretend_events import PretendEvents
from pretend_execs import PretendExecs
from pretend_logs import PretendFollower
from pretend_networks import PretendNetworks
from pretend_verbs import PretendTar, PretendVerbs
from pretend_volumes import PretendVolumes

from dockerkit.daemon.api.frames import frame
from dockerkit.daemon.registry.contract import AuthResponse, DistributionInspect, SearchResult
from dockerkit.daemon.runtime.launch import Attachment
from dockerkit.errors import Conflict, ContainerFailed, Damaged, Invalid, NotFound
from dockerkit.schema import units
from dockerkit.schema.container import (
    NEVER,
    ContainerInspect,
    ContainerState,
    ContainerSummary,
    CreateRequest,
    CreateResponse,
    WaitResponse,
)
from dockerkit.schema.image import Descriptor, ImageDelete, ImageInspect, ImageSummary

IMAGE = "sha256:" + "0" * 64


@dataclass
class Pretend:
    """One container: its wish, its process, who listens, who waits."""

    id: str
    name: str
    request: CreateRequest
    state: ContainerState = field(default_factory=ContainerState)
    process: subprocess.Popen | None = None
    listeners: list[tuple[Attachment, socket.socket]] = field(default_factory=list)
    waiters: list[tuple[str, Future]] = field(default_factory=list)
    log: list[tuple[int, int, bytes]] = field(default_factory=list)
    followers: list[PretendFollower] = field(default_factory=list)
    files: dict[str, bytes] = field(default_factory=lambda: {"/etc/passwd": b"root:x:0:0:root:/root:/bin/sh\n"})
    sampled: str = NEVER
    threads: list[threading.Thread] = field(default_factory=list)
    lock: threading.RLock = field(default_factory=threading.RLock)

    @property
    def command(self) -> list[str]:
        words = []
        for part in (self.request.entrypoint, self.request.cmd):
            words += shlex.split(part) if isinstance(part, str) else part or []
        return words

    def resolve(self, *conditions: str) -> None:
        """Answer those who wait for one of `conditions`; one who has gone is skipped."""
        for waiter in list(self.waiters):
            if waiter[0] in conditions:
                self.waiters.remove(waiter)
                with contextlib.suppress(InvalidStateError):
                    waiter[1].set_result(WaitResponse(status_code=self.state.exit_code))


class PretendContainers(PretendVerbs):
    """Docker's verbs on :class:`Pretend`."""

    def __init__(self, events: PretendEvents | None = None) -> None:
        self.all: dict[str, Pretend] = {}
        self.events = events
        self.sessions: dict[str, str] = {}
        self.stopping = threading.Event()

    def find(self, ref: str) -> Pretend:
        for one in self.all.values():
            if one.name == ref.removeprefix("/") or (len(ref) > 3 and one.id.startswith(ref)):
                return one
        raise NotFound(f"No such container: {ref}")

    def create(self, request: CreateRequest, *, name: str = "", platform: str = "", session: str = "") -> CreateResponse:
        if not request.image.startswith("busybox"):
            raise NotFound(f"No such image: {request.image}:latest")
        if any(one.name == name for one in self.all.values()):
            raise Conflict(f'Conflict. The container name "/{name}" is already in use.', hint="remove it")
        made = Pretend(secrets.token_hex(32), name or f"pretend_{secrets.token_hex(4)}", request)
        self.all[made.id] = made
        if session:
            self.sessions[made.id] = session
        self.note("create", made)
        return CreateResponse(id=made.id)

    def start(self, ref: str, *, lasting: bool = False) -> bool:
        one = self.find(ref)
        with one.lock:
            if one.state.running:
                return False
            stdin = subprocess.PIPE if one.request.open_stdin else subprocess.DEVNULL
            try:
                one.process = subprocess.Popen(
                    one.command, stdin=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True
                )
            except FileNotFoundError as error:
                one.state = ContainerState(exit_code=127, error=str(error))
                raise ContainerFailed(f'exec: "{one.command[0]}": executable file not found in $PATH') from None
            one.state = ContainerState(
                status="running", running=True, pid=one.process.pid, started_at=units.rfc3339(time.time_ns())
            )
            pumps = [threading.Thread(target=self._pump, args=(one, number)) for number in (1, 2)]
            readers = [threading.Thread(target=self._feed, args=(one, *pair), daemon=True) for pair in one.listeners]
            one.threads = [threading.Thread(target=self._reap, args=(one, pumps))]
            for thread in [*pumps, *readers, *one.threads]:
                thread.start()
        self.note("start", one)
        return True

    def note(self, action: str, one: Pretend) -> None:
        if self.events is not None:
            self.events.happen(action, one.id, name=one.name, image=one.request.image)

    def _pump(self, one: Pretend, number: int) -> None:
        stream = one.process.stdout if number == 1 else one.process.stderr
        while data := os.read(stream.fileno(), 32768):
            with one.lock:
                one.log.extend((time.time_ns(), number, line) for line in data.splitlines(keepends=True))
                for follower in list(one.followers):
                    follower.wake()
                for attachment, sock in one.listeners:
                    if attachment.stdout if number == 1 else attachment.stderr:
                        with contextlib.suppress(OSError):
                            sock.sendall(frame(number, data) if attachment.framed else data)
        stream.close()

    def _feed(self, one: Pretend, attachment: Attachment, sock: socket.socket) -> None:
        if not attachment.stdin or one.process.stdin is None:
            return
        with contextlib.suppress(OSError):
            one.process.stdin.write(attachment.initial)
            while data := sock.recv(65536):
                one.process.stdin.write(data)
                one.process.stdin.flush()
        with contextlib.suppress(OSError):
            one.process.stdin.close()

    def _reap(self, one: Pretend, pumps: list[threading.Thread]) -> None:
        for pump in pumps:
            pump.join()
        code = one.process.wait()
        with one.lock:
            for _, sock in one.listeners:
                with contextlib.suppress(OSError):
                    sock.shutdown(socket.SHUT_RDWR)
                sock.close()
            one.listeners.clear()
            code = code if code >= 0 else 128 - code
            one.state = ContainerState(status="exited", exit_code=code, started_at=one.state.started_at)
            for follower in list(one.followers):
                follower.wake()
            one.resolve("not-running", "next-exit")
        self.note("die", one)
        if one.request.host_config.auto_remove:
            self.all.pop(one.id, None)
            one.resolve("removed")

    def check_attach(self, ref: str) -> None:
        self.find(ref)

    def attach(self, ref: str, attachment: Attachment) -> None:
        sock = socket.socket(fileno=attachment.fd)
        try:
            one = self.find(ref)
        except NotFound:
            sock.close()
            raise
        sock.setblocking(True)
        with one.lock:
            if attachment.replay_from is not None:
                sock.sendall(b"".join(frame(*entry[1:]) if attachment.framed else entry[2] for entry in one.log))
            one.listeners.append((attachment, sock))
            if one.state.running:
                threading.Thread(target=self._feed, args=(one, attachment, sock), daemon=True).start()

    def wait(self, ref: str, condition: str = "not-running") -> Future:
        if condition not in ("not-running", "next-exit", "removed"):
            raise Invalid(f'invalid condition: "{condition}"')
        one, future = self.find(ref), Future()
        with one.lock:
            if condition == "not-running" and not one.state.running:
                future.set_result(WaitResponse(status_code=one.state.exit_code))
            else:
                one.waiters.append((condition, future))
        return future

    def inspect(self, ref: str, *, size: bool = False) -> ContainerInspect:
        one = self.find(ref)
        request = one.request
        shown = ContainerInspect(id=one.id, created="2026-01-01T00:00:00Z", name=f"/{one.name}", state=one.state, image=IMAGE)
        shown.config.tty, shown.config.open_stdin, shown.config.cmd = request.tty, request.open_stdin, one.command
        shown.host_config = request.host_config
        shown.host_config.log_config.type = "json-file"
        if size:
            shown.size_rw = shown.size_root_fs = 0
        return shown

    def list(self, *, all: bool = False, limit: int = 0, size: bool = False, filters=None) -> list[ContainerSummary]:
        wanted = (filters or {}).get("name"), (filters or {}).get("status")
        rows = [
            ContainerSummary(
                id=one.id,
                names=[f"/{one.name}"],
                image=one.request.image,
                image_id=IMAGE,
                command=" ".join(one.command),
                created=0,
                state=one.state.status,
            )
            for one in self.all.values()
            if (all or limit or wanted[1] or one.state.running)
            and (not wanted[0] or any(part in one.name for part in wanted[0]))
            and (not wanted[1] or one.state.status in wanted[1])
        ]
        return rows[-limit:]

    def kill(self, ref: str, signal: str = "SIGKILL") -> Future:
        one = self.find(ref)
        if not one.state.running:
            raise Conflict(f"container {one.id} is not running")
        name = signal if signal.startswith("SIG") else f"SIG{signal}"
        with contextlib.suppress(ProcessLookupError):  # it has ended, and its reaper has not said so yet
            os.killpg(one.process.pid, signals.Signals[name] if not signal.isdigit() else int(signal))
        sent: Future = Future()
        sent.set_result(None)
        return sent

    def stop(self, ref: str, *, timeout: int | None = None, signal: str = "") -> Future:
        one, done = self.find(ref), Future()
        if not one.state.running:
            done.set_result(False)
            return done
        self.kill(ref)
        self.wait(ref).add_done_callback(lambda _: done.set_result(True))
        return done

    def resize(self, ref: str, *, rows: int, columns: int) -> None:
        self.find(ref)

    def remove(self, ref: str, *, force: bool = False, volumes: bool = False) -> Future:
        one, done = self.find(ref), Future()
        if one.state.running and not force:
            raise Conflict(f"cannot remove container {ref!r}: container is running: stop the container before removing")
        if one.state.running:
            self.kill(ref)
            for thread in one.threads:
                thread.join()
        self.all.pop(one.id, None)
        for _, sock in one.listeners:
            sock.close()
        one.resolve("removed", "not-running", "next-exit")
        self.note("destroy", one)
        done.set_result(None)
        return done

    def clear(self) -> None:
        """Kill and forget everything."""
        for id in list(self.all):
            with contextlib.suppress(NotFound, Conflict):
                self.remove(id, force=True).result()


class PretendImages:
    """One image, busybox."""

    def list(self, *, all: bool = False, filters=None, shared=False, platforms=False) -> list[ImageSummary]:
        self.filters, self.shared, self.platforms = filters, shared, platforms
        if (filters or {}).get("dangling") == ["true"]:
            return []
        return [ImageSummary(id=IMAGE, repo_tags=["busybox:latest"], size=7, containers=2)]

    def inspect(self, name: str, *, platforms: bool = False, origin: bool = False) -> ImageInspect:
        if not name.startswith("busybox"):
            raise NotFound(f"No such image: {name}:latest")
        found = ImageInspect(id=IMAGE, repo_tags=["busybox:latest"], created="2026-01-01T00:00:00Z", size=7)
        if origin:
            found.container, found.container_config = "", {"Image": ""}
        return found

    def create(self, reference: str, *, platform: str = "", progress, credentials=None) -> str:
        self.credentials, self.asked = credentials, reference
        if "nosuch" in reference:
            raise NotFound(f"pull access denied for {reference}")
        progress({"status": "Pulling", "id": reference})
        if reference.startswith("broken"):
            raise Conflict("it broke in the middle", hint="try again")
        return IMAGE

    def bootstrap(self, name: str, *, programs, packages, progress) -> str:
        progress({"status": f"making {name}", "programs": list(programs)})
        return IMAGE

    def remove(self, name: str, *, force: bool = False, prune: bool = True) -> list[ImageDelete]:
        self.inspect(name)
        return [ImageDelete(untagged=name), ImageDelete(deleted=IMAGE)]

    def history(self, name: str) -> list[dict]:
        self.inspect(name)
        return [{"Id": IMAGE, "Size": 7}]

    def tag(self, name: str, repository: str, tag: str) -> None:
        self.inspect(name)
        self.tagged = f"{repository}:{tag or 'latest'}"

    def prune(self, filters=None) -> dict:
        self.pruned = filters
        return {"ImagesDeleted": None, "SpaceReclaimed": 0}

    def explore(self, name: str) -> dict:
        self.inspect(name)
        return {"Id": IMAGE, "Layers": []}

    def save(self, names) -> PretendTar:
        for name in names:
            self.inspect(name)
        self.saved = list(names)
        return PretendTar(b"saved" * 50_000)

    def load(self, stream, *, quiet: bool = True, platform: str = "", progress) -> str:
        self.platform = platform
        first = stream.read(5)
        if not quiet:
            progress({"status": "Loading layer"})
        if first == b"wrong":
            raise Damaged("it is no archive")
        self.loaded = len(first) + sum(map(len, iter(lambda: stream.read(1 << 16), b"")))
        progress({"stream": "Loaded image: busybox:latest\n"})
        return IMAGE

    def import_(self, wish, stream, progress) -> str:
        self.imported = (wish, b"".join(iter(lambda: stream.read(1 << 16), b"")) if stream else None)
        progress({"status": IMAGE})
        return IMAGE

    def push(self, name: str, tag: str, *, progress, credentials=None) -> str:
        self.pushed, self.credentials = (name, tag), credentials
        progress({"status": "pushed"})
        return IMAGE

    def login(self, registry: str, credentials) -> AuthResponse:
        return AuthResponse(status=f"{registry} welcomes {credentials.username}")

    def describe(self, name: str, credentials=None) -> DistributionInspect:
        self.credentials = credentials
        return DistributionInspect(descriptor=Descriptor(media_type="m", digest=IMAGE, size=1), platforms=[])

    def search(self, term: str, *, limit: int = 25, filters=None, credentials=None) -> list[SearchResult]:
        return [SearchResult(name=f"{term}/{number}") for number in range(limit)]


class PretendSessions:
    """Remembers what happened to sessions."""

    def __init__(self) -> None:
        self.open_ones: dict[str, int] = {}
        self.owned: set[tuple[str, str]] = set()
        self.closed = threading.Event()
        self.lost: set[str] = set()

    def open(self, pidfd: int | None, pid: int, reclaim: str = "") -> str:
        if pidfd is not None:
            os.close(pidfd)
        if reclaim and reclaim not in self.lost:
            raise NotFound(f"No such session: {reclaim}")
        id = reclaim or secrets.token_hex(8)
        self.open_ones[id] = pid
        return id

    def close(self, id: str) -> None:
        del self.open_ones[id]
        self.closed.set()

    def own(self, id: str, ref: str) -> None:
        if id not in self.open_ones:
            raise NotFound(f"no such session: {id}")
        self.owned.add((id, ref))

    def disown(self, id: str, ref: str) -> None:
        self.owned.discard((id, ref))

    own_network, disown_network = own, disown


class PretendSystem:
    """Says what the real one says."""

    def info(self) -> dict:
        return {"DaemonPid": os.getpid(), "Containers": 0}

    def version(self) -> dict:
        components = [{"Name": "dockerkit", "Version": "0", "Details": {"Extensions": "/dockerkit/v1"}}]
        return {"Version": "0", "ApiVersion": "1.51", "MinAPIVersion": "1.24", "Os": "linux", "Components": components}

    def disk_usage(self, types=()) -> dict:
        if set(types) - {"container", "image", "volume", "build-cache"}:
            raise Invalid(f"unknown object type: {types[0]}")
        image = {"Id": IMAGE, "Size": 7}
        images = [image] if not types or "image" in types else None
        return {"LayersSize": 7, "Images": images, "Containers": [], "Volumes": [], "BuildCache": []}


class PretendEngine:
    """All nouns."""

    def __init__(self) -> None:
        self.events = PretendEvents()
        self.containers = PretendContainers(self.events)
        self.machine = PretendContainers()
        self.execs = PretendExecs(self.containers, self.machine)
        self.images = PretendImages()
        self.networks = PretendNetworks()
        self.volumes = PretendVolumes()
        self.sessions = PretendSessions()
        self.system = PretendSystem()
