"""The container verbs as the API calls them: each finds its container and hands over to the verb's own file."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any, BinaryIO

from dockerkit.daemon.engine import (
    archives,
    committing,
    create,
    explaining,
    exporting,
    inspecting,
    listing,
    logreading,
    pausing,
    processes,
    removal,
    renaming,
    roots,
    start,
    statistics,
    stopping,
    updating,
)
from dockerkit.daemon.engine.archives.outgoing import Outgoing
from dockerkit.daemon.engine.committing import Commit
from dockerkit.daemon.engine.core import Core
from dockerkit.daemon.engine.entries import Entry
from dockerkit.daemon.engine.events import Happening
from dockerkit.daemon.engine.following import Follower
from dockerkit.daemon.engine.lifecycle import Phase
from dockerkit.daemon.engine.listening import listening
from dockerkit.daemon.engine.networks import unlinking
from dockerkit.daemon.engine.pruning import Pruning
from dockerkit.daemon.engine.record import Record
from dockerkit.daemon.engine.restarting import restart
from dockerkit.daemon.engine.sessions import Sessions
from dockerkit.daemon.engine.waiting import CONDITIONS, NOT_RUNNING
from dockerkit.daemon.runtime.launch import Attachment
from dockerkit.errors import Conflict, Invalid, NotFound, Unsupported
from dockerkit.schema.archive import Change, PathStat
from dockerkit.schema.container import (
    ContainerConfig,
    ContainerInspect,
    ContainerSummary,
    CreateRequest,
    CreateResponse,
    WaitResponse,
)
from dockerkit.schema.update import UpdateRequest

if TYPE_CHECKING:
    from builtins import list as List  # noqa: N812 - `list` is one of Docker's verbs here


class Containers:
    """All containers of this engine. `ref` is a full id, a name, or a unique prefix of an id."""

    def __init__(self, core: Core, sessions: Sessions) -> None:
        self._core = core
        self._sessions = sessions
        self._pruning = Pruning(core)

    def create(self, request: CreateRequest, *, name: str = "", platform: str = "", session: str = "") -> CreateResponse:
        """Make a container; see :func:`dockerkit.daemon.engine.create.create`.

        :param session: the open session that shall own it.
        """
        if session:
            self._sessions.check(session)
        answer = create.create(self._core, request, name, platform, session)
        if session:
            self._check_again(session, answer.id)
        return answer

    def _check_again(self, session: str, id: str) -> None:
        """A session that ended while its container was made has not seen it: then it is removed here."""
        try:
            self._sessions.check(session)
        except NotFound:
            self.remove(id, force=True)
            raise

    def start(self, ref: str, *, lasting: bool = False) -> bool:
        """Run a container; False when it was running already. See :func:`dockerkit.daemon.engine.start.start`."""
        return start.start(self._core, self._core.entries.resolve(ref), lasting=lasting)

    def check_attach(self, ref: str) -> None:
        """Refuse now what cannot be attached to, before a caller promises anybody a stream.

        :raises Conflict: it is paused, between two lives, or about to be removed; in Docker's words.
        """
        _check_attach(self._core.entries.resolve(ref), ref)

    def attach(self, ref: str, attachment: Attachment) -> None:
        """Connect a descriptor to the container's streams: at once when it runs, else at its next start.

        :param attachment: its descriptor belongs to the engine from here on, whatever happens.
        """
        try:
            self._attach(self._core.entries.resolve(ref), attachment)
        except BaseException:
            os.close(attachment.fd)
            raise

    def _attach(self, entry: Entry, attachment: Attachment) -> None:
        with entry.lock:
            _check_attach(entry, entry.record.id)
            self._core.note(entry.record, Happening("attach"))
            if entry.record.alive and entry.keeper is not None:
                entry.keeper.attach(attachment)
            else:
                entry.pending.append(attachment)

    def wait(self, ref: str, condition: str = NOT_RUNNING) -> Future[WaitResponse]:
        """Return a future for the exit code.

        :param condition: ``not-running`` (now or at the next exit), ``next-exit``, ``removed``.
        :raises Invalid: another condition.
        """
        entry = self._core.entries.resolve(ref)
        condition = condition or NOT_RUNNING
        if condition not in CONDITIONS:
            raise Invalid(f'invalid condition: "{condition}"', hint=f"one of {', '.join(CONDITIONS)}")
        with entry.lock:
            if condition == NOT_RUNNING and not entry.record.active:
                done: Future[WaitResponse] = Future()
                done.set_result(WaitResponse(status_code=entry.record.state.exit_code))
                return done
            return entry.waiters.add(condition)

    def inspect(self, ref: str, *, size: bool = False) -> ContainerInspect:
        """Return everything known of a container."""
        return inspecting.inspect(self._core, self._core.entries.resolve(ref), size=size)

    def list(
        self, *, all: bool = False, limit: int = 0, size: bool = False, filters: Mapping[str, List[str]] | None = None
    ) -> List[ContainerSummary]:
        """Return a row for each container that fits, newest first; see :func:`dockerkit.daemon.engine.listing.rows`."""
        return listing.rows(self._core, all=all, limit=limit, size=size, filters=filters or {})

    def logs(
        self,
        ref: str,
        *,
        stdout: bool,
        stderr: bool,
        since: int = 0,
        until: int = 0,
        tail: int | None = None,
        timestamps: bool = False,
    ) -> Iterator[tuple[int, bytes]]:
        """Give what a container wrote so far, a line at a time with its stream; moments in ns since 1970.

        :raises Invalid: neither stream was asked for; in Docker's words.
        :raises Unsupported: its log driver keeps nothing.
        """
        record, streams = self._log_of(ref, stdout=stdout, stderr=stderr)
        wanted = logreading.Wanted(streams, since, until, timestamps)
        return logreading.lines_of(logreading.read_log(self._log_path(record), wanted, tail=tail))

    def log_chunks(
        self,
        ref: str,
        *,
        stdout: bool,
        stderr: bool,
        since: int = 0,
        until: int = 0,
        tail: int | None = None,
        timestamps: bool = False,
        framed: bool,
        size: int = 64 * 1024,
    ) -> Iterator[bytes]:
        """As :meth:`logs`, in chunks of about `size` bytes as a client gets them; many times faster.

        :param framed: each line behind Docker's 8-byte header.
        """
        record, streams = self._log_of(ref, stdout=stdout, stderr=stderr)
        wanted = logreading.Wanted(streams, since, until, timestamps)
        return logreading.chunks(logreading.read_log(self._log_path(record), wanted, tail=tail), framed=framed, size=size)

    def follow(
        self,
        ref: str,
        *,
        stdout: bool,
        stderr: bool,
        since: int = 0,
        until: int = 0,
        tail: int | None = None,
        timestamps: bool = False,
        wake: Callable[[], None],
    ) -> Follower:
        """Give what :meth:`logs` does, and go on until the container ends; see ``following``.

        :param wake: called on another thread when there may be more; it must not block.
        """
        record, streams = self._log_of(ref, stdout=stdout, stderr=stderr)
        wanted = logreading.Wanted(streams, since, until, timestamps)
        entry, core = self._core.entries.resolve(record.id), self._core
        return core.followers.open(entry, core.directory(record.id), wanted, tail=tail, wake=wake, timers=core.timers)

    def _log_of(self, ref: str, *, stdout: bool, stderr: bool) -> tuple[Record, frozenset[int]]:
        record = self._core.entries.resolve(ref).record
        if not (stdout or stderr):
            raise Invalid("Bad parameters: you must choose at least one stream")
        if record.host_config.log_config.type == "none":
            raise Unsupported(
                "configured logging driver does not support reading", hint="its log driver is none: nothing was kept"
            )
        return record, frozenset(number for number, wanted in ((1, stdout), (2, stderr)) if wanted)

    def _log_path(self, record: Record) -> str:
        return f"{self._core.directory(record.id)}/log"

    def log_size(self, ref: str) -> int:
        """Return how many bytes the log has now: where a replay that starts "now" begins."""
        try:
            return os.stat(f"{self._core.directory(self._core.entries.resolve(ref).record.id)}/log").st_size
        except FileNotFoundError:
            return 0

    def tty(self, ref: str) -> bool:
        """Tell whether a container has a terminal, so that its output is one raw stream."""
        return self._core.entries.resolve(ref).record.config.tty

    def kill(self, ref: str, signal: str = "SIGKILL") -> Future[None]:
        """Send a signal; see :func:`dockerkit.daemon.engine.stopping.kill`."""
        return stopping.kill(self._core, self._core.entries.resolve(ref), signal or "SIGKILL", ref)

    def stop(self, ref: str, *, timeout: int | None = None, signal: str = "") -> Future[bool]:
        """Ask a container to end, then kill it; see :func:`dockerkit.daemon.engine.stopping.stop`."""
        return stopping.stop(self._core, self._core.entries.resolve(ref), timeout, signal)

    def unlink(self, path: str) -> None:
        """Take a link away, ``container/alias``; see :func:`dockerkit.daemon.engine.networks.unlinking.unlink`."""
        unlinking.unlink(self._core, path)

    def resize(self, ref: str, *, rows: int, columns: int) -> None:
        """Tell a container's terminal its size.

        :raises Conflict: it is not running.
        """
        entry = self._core.entries.resolve(ref)
        with entry.lock:
            if not entry.record.alive or entry.keeper is None:
                raise Conflict(f"container {entry.record.id} is not running")
            entry.keeper.resize(rows, columns)
            self._core.note(entry.record, Happening("resize", {"height": str(rows), "width": str(columns)}))

    def pause(self, ref: str) -> None:
        """Have a container's processes stand still; see :func:`dockerkit.daemon.engine.pausing.pause`."""
        pausing.pause(self._core, self._core.entries.resolve(ref))

    def unpause(self, ref: str) -> None:
        """Let a paused container's processes go on; see :func:`dockerkit.daemon.engine.pausing.unpause`."""
        pausing.unpause(self._core, self._core.entries.resolve(ref))

    def rename(self, ref: str, name: str) -> None:
        """Give a container another name; see :func:`dockerkit.daemon.engine.renaming.rename`."""
        renaming.rename(self._core, self._core.entries.resolve(ref), name)

    def update(self, ref: str, request: UpdateRequest) -> dict[str, List[str]]:
        """Change limits and restart policy; see :func:`dockerkit.daemon.engine.updating.update`."""
        return updating.update(self._core, self._core.entries.resolve(ref), request)

    def restart(self, ref: str, *, timeout: int | None = None, signal: str = "") -> Future[None]:
        """End a container's program and run it again; see :func:`dockerkit.daemon.engine.restarting.restart`."""
        return restart(self._core, self._core.entries.resolve(ref), ref, timeout, signal)

    def top(self, ref: str, arguments: str = "") -> dict[str, Any]:
        """Return a container's processes; see :func:`dockerkit.daemon.engine.processes.top`."""
        return processes.top(self._core, self._core.entries.resolve(ref), arguments)

    def stats(self, ref: str) -> dict[str, Any]:
        """Return what a container uses now; see :func:`dockerkit.daemon.engine.statistics.stats`."""
        return statistics.stats(self._core, self._core.entries.resolve(ref))

    def explain(self, ref: str) -> List[dict[str, Any]]:
        """Return how a running container came to be; see :func:`dockerkit.daemon.engine.explaining.explain`."""
        return explaining.explain(self._core.entries.resolve(ref))

    def listening(self, ref: str) -> dict[str, List[int]]:
        """Return the TCP ports a container listens on; see :func:`dockerkit.daemon.engine.listening.listening`."""
        return listening(self._core, self._core.entries.resolve(ref))

    def prune(self, filters: Mapping[str, List[str]] | None = None) -> dict[str, Any]:
        """Remove all that do not run; see :meth:`dockerkit.daemon.engine.pruning.Pruning.prune`."""
        return self._pruning.prune(filters or {})

    def archive_stat(self, ref: str, path: str) -> PathStat:
        """Describe a path of a container; see :func:`dockerkit.daemon.engine.archives.verbs.archive_stat`."""
        return archives.archive_stat(self._core, self._core.entries.resolve(ref), path, ref=ref)

    def archive(self, ref: str, path: str) -> tuple[PathStat, Outgoing]:
        """Give a path of a container as a tar; see :func:`dockerkit.daemon.engine.archives.verbs.archive`."""
        return archives.archive(self._core, self._core.entries.resolve(ref), path, ref=ref)

    def extract(
        self, ref: str, path: str, stream: BinaryIO, *, no_overwrite_dir_non_dir: bool = False, copy_uid_gid: bool = False
    ) -> None:
        """Put a tar into a directory of a container; see :func:`dockerkit.daemon.engine.archives.verbs.extract`."""
        entry = self._core.entries.resolve(ref)
        archives.extract(
            self._core,
            entry,
            path,
            stream,
            no_overwrite_dir_non_dir=no_overwrite_dir_non_dir,
            copy_uid_gid=copy_uid_gid,
            ref=ref,
        )

    def diff(self, ref: str) -> List[Change]:
        """Return how a container's files differ from its image's; see :func:`dockerkit.daemon.engine.changes.compare`."""
        return roots.difference(self._core, self._core.entries.resolve(ref).record)

    def export(self, ref: str) -> Outgoing:
        """Give a container's files as a tar; see :func:`dockerkit.daemon.engine.exporting.export`."""
        return exporting.export(self._core, self._core.entries.resolve(ref))

    def commit(
        self,
        ref: str,
        *,
        repository: str = "",
        tag: str = "",
        comment: str = "",
        author: str = "",
        pause: bool = True,
        changes: List[str] | None = None,
        config: ContainerConfig | None = None,
    ) -> str:
        """Make an image of a container and return its id; see :func:`dockerkit.daemon.engine.committing.commit`."""
        wish = Commit(repository, tag, comment, author, pause, changes or [], config)
        return committing.commit(self._core, self._core.entries.resolve(ref), wish)

    def remove(self, ref: str, *, force: bool = False, volumes: bool = False) -> Future[None]:
        """Remove a container; see :func:`dockerkit.daemon.engine.removal.remove`."""
        return removal.remove(self._core, self._core.entries.resolve(ref), force=force, volumes=volumes)


def _check_attach(entry: Entry, ref: str) -> None:
    if entry.removal is not None:
        raise Conflict("container is marked for removal and cannot be attached to")
    if entry.record.phase is Phase.PAUSED:
        raise Conflict(f"container {ref} is paused, unpause the container before attach")
    if entry.record.phase is Phase.RESTARTING:
        raise Conflict(f"container {ref} is restarting, wait until the container is running")
