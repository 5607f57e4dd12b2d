"""What a live container lets one do, see and enter: the larger half of :class:`~dockerkit.client.container.Container`.

Each method is a door to a module of its own; nothing here knows the wire.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal, Self, cast, overload

from dockerkit.client.changes import Change, commit, diff, export
from dockerkit.client.execution import Variables, Wanted, execute
from dockerkit.client.files import Files
from dockerkit.client.following import Following
from dockerkit.client.logs import Moment, follow_logs, read_logs
from dockerkit.client.process import PIPE, Attached, Process
from dockerkit.client.ready import Wish
from dockerkit.client.rows import Row, Rows
from dockerkit.client.unoffered import NotYet
from dockerkit.client.usage import Usage, follow_usage, usage
from dockerkit.client.values import Path
from dockerkit.client.waiting import DEFAULT, wait_for
from dockerkit.errors import Conflict
from dockerkit.schema.units import parse_duration

if TYPE_CHECKING:
    from dockerkit.client.completed import Completed
    from dockerkit.client.container import Container
    from dockerkit.client.engine import Engine
    from dockerkit.client.images import Image
    from dockerkit.schema.container import ContainerState


class Inside(NotYet):
    """Exec, streams, files, measurements and conditions of a container."""

    engine: Engine

    if TYPE_CHECKING:

        @property
        def id(self) -> str: ...
        @property
        def short_id(self) -> str: ...
        @property
        def path(self) -> str: ...
        @property
        def state(self) -> ContainerState: ...
        def inspect(self) -> dict[str, Any]: ...

    # entering

    def exec(
        self,
        *command: str,
        input: str | bytes | None = None,
        env: Variables = None,
        user: str | int | None = None,
        workdir: Path | None = None,
        tty: bool = False,
        privileged: bool = False,
        check: bool = False,
        timeout: str | float | None = None,
    ) -> Completed:
        """Run a further program inside to its end, as :func:`dockerkit.run` does in a container of its own.

        It is killed when the time is over, and with Ctrl-C. On a foreign engine it carries a mark in its environment for that,
        ``DOCKERKIT_EXEC``.

        :param input: what the program reads; text is sent as UTF-8. Without it, standard input is empty.
        :param check: raise when it ends with another code than 0.
        :param timeout: seconds, or ``"1m"``.
        :raises ContainerFailed: it could not be started (126, 127), whatever `check` says; or it failed, with `check`.
        :raises TimedOut: the time was over; ``.completed`` has the output so far.
        :raises Conflict: the container does not run, or is paused.
        """
        wanted = Wanted(command, env, user, workdir, tty, privileged)
        seconds = None if timeout is None else parse_duration(timeout)
        return execute(self.engine, self.id, wanted, input=input, timeout=seconds, check=check)

    def popen(
        self,
        *command: str,
        stdin: int = PIPE,
        stdout: int = PIPE,
        stderr: int = PIPE,
        text: bool = False,
        env: Variables = None,
        user: str | int | None = None,
        workdir: Path | None = None,
        tty: bool = False,
        privileged: bool = False,
    ) -> Process:
        """Start a further program inside and return it, to be talked to while it runs, after ``subprocess.Popen``.

        :param stdin: ``subprocess.DEVNULL`` for none; stdout and stderr likewise, and ``subprocess.STDOUT`` for stderr.
        :param text: its files are text, UTF-8, instead of bytes.
        :raises ContainerFailed: it cannot be executed (126, 127).
        :raises Conflict: the container does not run, or is paused.
        """
        wanted = Wanted(command, env, user, workdir, tty, privileged)
        return Process(self.engine, self.id, wanted, text=text, stdin=stdin, stdout=stdout, stderr=stderr)

    def attach(self, *, stdin: bool = True, logs: bool = False, text: bool = False) -> Attached:
        """Connect to the streams of its own program; what it writes from now on arrives.

        :param stdin: write to it too; it needs the word ``stdin``.
        :param logs: what it wrote before comes first.
        :raises Conflict: it has ended.
        """
        state, tty = self.state, bool(self.inspect()["Config"].get("Tty"))
        if state.status in ("exited", "dead"):
            raise Conflict(
                f"container {self.short_id} has ended: there is nothing to attach to", hint="logs() has what it wrote"
            )
        stream = self.engine.upgrade(f"{self.path}/attach", stream=True, stdin=stdin, stdout=True, stderr=True, logs=logs)
        return Attached(
            cast("Container", self), stream, tty=tty, text=text, stdin=PIPE if stdin else 0, stdout=PIPE, stderr=PIPE
        )

    @property
    def files(self) -> Files:
        """Its files as a mapping: ``files["/etc/hostname"]`` is content, ``files["/x"] = b"…"`` writes, a ``Path`` copies."""
        return Files(self.engine, self.id)

    # seeing

    @overload
    def logs(
        self,
        *,
        stdout: bool = True,
        stderr: bool = True,
        since: Moment | None = None,
        until: Moment | None = None,
        tail: int | None = None,
        timestamps: bool = False,
        follow: Literal[False] = False,
    ) -> str: ...
    @overload
    def logs(
        self,
        *,
        stdout: bool = True,
        stderr: bool = True,
        since: Moment | None = None,
        until: Moment | None = None,
        tail: int | None = None,
        timestamps: bool = False,
        follow: Literal[True],
    ) -> Following[str]: ...
    def logs(
        self,
        *,
        stdout: bool = True,
        stderr: bool = True,
        since: Moment | None = None,
        until: Moment | None = None,
        tail: int | None = None,
        timestamps: bool = False,
        follow: bool = False,
    ) -> str | Following[str]:
        """Return what it wrote, both streams in order; with `follow`, an iterator of lines until it ends.

        :param since: a datetime, seconds since 1970, an RFC 3339 text, or ``"10m"`` for that long ago; `until` likewise.
        :param tail: the last so many lines.
        """
        query = {"stdout": stdout, "stderr": stderr, "tail": tail, "timestamps": timestamps}
        if follow:
            return follow_logs(self.engine, self.path, query, since=since, until=until)
        return read_logs(self.engine, self.path, query, since=since, until=until)

    def top(self, ps: str | None = None) -> Rows[Row]:
        """Return its processes, as the host sees them.

        :param ps: options of ps: ``"-eo pid,comm"``.
        :raises Conflict: it does not run.
        """
        found = self.engine.get(f"{self.path}/top", ps_args=ps)
        titles = found.get("Titles") or []
        rows = [Row(zip(titles, process, strict=False)) for process in found.get("Processes") or []]
        return Rows(rows, columns=titles)

    @overload
    def stats(self, *, stream: Literal[False] = False) -> Rows[Usage]: ...
    @overload
    def stats(self, *, stream: Literal[True]) -> Following[Usage]: ...
    def stats(self, *, stream: bool = False) -> Rows[Usage] | Following[Usage]:
        """Measure what it uses: a table of one row; with `stream`, an iterator of rows, one a second until it ends."""
        return follow_usage(self.engine, self.path) if stream else usage(self.engine, self.path)

    def diff(self) -> Rows[Change]:
        """Return what differs from its image's files: path, and ``added``, ``modified`` or ``deleted``."""
        return diff(self.engine, self.path)

    def explain(self) -> Any:
        """Return how it came to be, step by step, as the engine recorded it.

        :raises Unsupported: a foreign engine, or one that keeps no such record.
        """
        steps = self.engine.get(self.engine.extension(f"{self.path}/explain", word="explain"))
        return Rows(map(Row, steps)) if isinstance(steps, list) else steps

    # keeping

    def commit(
        self, ref: str | None = None, *, message: str = "", author: str = "", changes: Sequence[str] = (), pause: bool = True
    ) -> Image:
        """Make an image of its files as they are now; return it.

        :param ref: what to call the image.
        :param changes: lines of a Dockerfile that change its configuration: ``'CMD ["sh"]'``.
        :param pause: freeze it meanwhile.
        """
        return commit(self.engine, self.id, ref, message=message, author=author, changes=changes, pause=pause)

    def export(self, path: str | os.PathLike[str]) -> None:
        """Write all its files to a tar archive of the host; nothing is left there when that fails."""
        export(self.engine, self.path, path)

    # waiting

    def wait_for(self, condition: Wish, timeout: str | float | None = DEFAULT) -> Self:
        """Return itself when a condition is met: one of ``dk.ready``, or a function of the container that returns true.

        :param timeout: seconds, or ``"2m"``; None waits for ever.
        :raises NotReady: the time is over, or the container has ended, which is noticed at once; the message has the exit code,
            the reason and the last lines it wrote.
        """
        wait_for(cast("Container", self), condition, timeout)
        return self
