"""The pretend engine's verbs on a container that exists: pause, rename, update, watch, copy, commit. Files are in memory."""

from __future__ import annotations

import io
import os
import signal as signals
import tarfile
import time
from concurrent.futures import Future

from pretend_logs import PretendFollower, check, wanted

from dockerkit.daemon.api.frames import frame
from dockerkit.errors import Conflict, Invalid, NotFound
from dockerkit.schema import units
from dockerkit.schema.archive import Change, PathStat
from dockerkit.schema.container import NEVER

COMMITTED = "sha256:" + "c" * 64
BLOCK = 64 * 1024


class PretendTar:
    """A tar on its way out, a block at a time; remembers whether it was closed."""

    def __init__(self, data: bytes) -> None:
        self.blocks = iter([data[at : at + BLOCK] for at in range(0, len(data), BLOCK)])
        self.closed = False

    def __iter__(self):
        return self

    def __next__(self) -> bytes:
        return next(self.blocks)

    def close(self) -> None:
        self.closed = True


class PretendVerbs:
    """Mixed into the pretend containers."""

    def log_chunks(self, ref, *, stdout, stderr, since=0, until=0, tail=None, timestamps=False, framed, size=0):
        one = self.find(ref)
        check(stdout, stderr)
        begin = 0 if tail is None else max(0, len(one.log) - tail)
        lines = wanted(one, begin, stdout=stdout, stderr=stderr, since=since, until=until, timestamps=timestamps)
        return (frame(*line) if framed else line[1] for line in lines)

    def follow(self, ref, *, tail=None, wake, **which) -> PretendFollower:
        one = self.find(ref)
        check(which["stdout"], which["stderr"])
        return PretendFollower(one, tail, wake, **which)

    def tty(self, ref: str) -> bool:
        return self.find(ref).request.tty

    def running(self, ref: str):
        one = self.find(ref)
        if not one.state.running:
            raise Conflict(f"container {one.id} is not running")
        return one

    def pause(self, ref: str) -> None:
        one = self.running(ref)
        if one.state.paused:
            raise Conflict(f"container {one.id} is already paused")
        os.killpg(one.process.pid, signals.SIGSTOP)
        one.state.paused, one.state.status = True, "paused"

    def unpause(self, ref: str) -> None:
        one = self.find(ref)
        if not one.state.paused:
            raise Conflict(f"container {one.id} is not paused")
        os.killpg(one.process.pid, signals.SIGCONT)
        one.state.paused, one.state.status = False, "running"

    def rename(self, ref: str, name: str) -> None:
        one = self.find(ref)
        if not name:
            raise Invalid("Neither old nor new names may be empty")
        if any(other.name == name for other in self.all.values()):
            raise Conflict(f'Conflict. The container name "/{name}" is already in use.')
        one.name = name

    def update(self, ref: str, request) -> dict:
        self.find(ref).updated = request
        return {"Warnings": []}

    def restart(self, ref: str, *, timeout=None, signal="") -> Future:
        one, done = self.find(ref), Future()

        def again(_=None) -> None:
            self.start(one.id)
            done.set_result(None)

        if one.state.running:
            self.stop(one.id).add_done_callback(again)
        else:
            again()
        return done

    def prune(self, filters=None) -> dict:
        if set(filters or {}) - {"label", "label!", "until"}:
            raise Invalid(f"invalid filter {next(iter(filters))!r}")
        labels = (filters or {}).get("label", [])
        idle = [
            one
            for one in self.all.values()
            if not one.state.running and all(label.partition("=")[0] in one.request.labels for label in labels)
        ]
        for one in idle:
            self.remove(one.id).result()
        return {"ContainersDeleted": [one.id for one in idle] or None, "SpaceReclaimed": 0}

    def top(self, ref: str, arguments: str = "") -> dict:
        one = self.running(ref)
        return {"Titles": ["PID", "CMD"], "Processes": [[str(one.process.pid), " ".join(one.command)]]}

    def stats(self, ref: str) -> dict:
        one = self.find(ref)
        before, one.sampled = one.sampled, units.rfc3339(time.time_ns()) if one.state.running else NEVER
        return {"read": one.sampled, "preread": before, "name": f"/{one.name}", "id": one.id}

    def listening(self, ref: str) -> dict:
        self.running(ref)
        return {"Ports": []}

    def explain(self, ref: str) -> list:
        self.running(ref)
        return []

    def archive_stat(self, ref: str, path: str) -> PathStat:
        data = self._file(ref, path)
        return PathStat(name=os.path.basename(path), size=len(data), mode=0o644, mtime="2026-01-01T00:00:00Z")

    def archive(self, ref: str, path: str):
        described, file = self.archive_stat(ref, path), io.BytesIO()
        with tarfile.open(fileobj=file, mode="w") as tar:
            member = tarfile.TarInfo(described.name)
            member.size = described.size
            tar.addfile(member, io.BytesIO(self._file(ref, path)))
        return described, PretendTar(file.getvalue())

    def _file(self, ref: str, path: str) -> bytes:
        try:
            return self.find(ref).files[path]
        except KeyError:
            raise NotFound(f"Could not find the file {path} in container {ref}") from None

    def extract(self, ref: str, path: str, stream, *, no_overwrite_dir_non_dir=False, copy_uid_gid=False) -> None:
        one = self.find(ref)
        if path not in ("/", "/tmp"):
            raise NotFound(f"Could not find the file {path} in container {ref}")
        try:
            with tarfile.open(fileobj=stream, mode="r|*") as tar:
                for member in tar:
                    one.files[os.path.join(path, member.name)] = tar.extractfile(member).read()
        except tarfile.TarError as error:
            raise Invalid(f"archive is malformed: {error}") from None

    def diff(self, ref: str) -> list[Change]:
        return [Change(path=path, kind=1) for path in self.find(ref).files if path.startswith("/tmp")]

    def export(self, ref: str) -> PretendTar:
        self.find(ref)
        file = io.BytesIO()
        tarfile.open(fileobj=file, mode="w").close()
        return PretendTar(file.getvalue())

    def commit(self, ref: str, **wish) -> str:
        self.find(ref).committed = wish
        return COMMITTED
