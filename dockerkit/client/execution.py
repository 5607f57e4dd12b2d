"""A further program in a running container, from start to end: ``container.exec``.

The wire acts are named steps: create, start, exchange, read the exit code. Our own engine takes the first two as one, and tells
the last at the end of the output. A time-out, Ctrl-C or a lost connection kills the
program (see ``killing``). Works in any thread, also where an event loop runs.
"""

from __future__ import annotations

import re
import shlex
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from dockerkit.client import values
from dockerkit.client.completed import Completed
from dockerkit.client.engine import Engine, segment
from dockerkit.client.exchange import can_half_close, exchange
from dockerkit.client.killing import MARK, Target
from dockerkit.client.streams import Output, Tell
from dockerkit.client.transport.http import RawStream
from dockerkit.client.values import Path, Scalar
from dockerkit.errors import ContainerFailed, DockerkitError, Invalid, NotFound, TimedOut, Unavailable, Unsupported
from dockerkit.schema.endpoint import EXEC_HEADER

KILLED = 137
_DRAIN = 2.0
"""Seconds to collect what a killed program still had under way."""
_SLOWEST = 0.1
"""Seconds between two looks at a program whose output has ended and which runs on."""
_EXECVE = re.compile(
    r'exec: ".*?": (.*(?:executable file not found|no such file|permission denied|is a directory).*)', re.DOTALL
)
_WITH_ITS_CONTAINER = {"ExitCode": KILLED, "Running": False, "Pid": -1}
Variables = Mapping[str, Scalar | None] | str | None


@dataclass(frozen=True)
class Wanted:
    """What shall run inside, and how."""

    command: tuple[str, ...]
    env: Variables = None
    user: str | int | None = None
    workdir: Path | None = None
    tty: bool = False
    privileged: bool = False

    def body(self, *, stdin: bool, stdout: bool = True, stderr: bool = True, mark: str = "") -> dict[str, Any]:
        """Return the body of ``POST /containers/{id}/exec``.

        :raises Invalid: no command.
        """
        if not self.command:
            raise Invalid("exec needs a command", hint='container.exec("echo", "hi")')
        variables = [
            name if value is None else f"{name}={value}" for name, value in values.pairs("env", self.env, {}, empty=True)
        ]
        return {
            "AttachStdin": stdin,
            "AttachStdout": stdout,
            "AttachStderr": stderr,
            "Tty": self.tty,
            "Privileged": self.privileged,
            "Cmd": list(values.texts("command", self.command)),
            "Env": [*variables, *([f"{MARK}={mark}"] if mark else [])],
            **({} if self.user is None else {"User": values.text("user", self.user)}),
            **({} if self.workdir is None else {"WorkingDir": values.absolute("workdir", self.workdir)}),
        }


class Execution:
    """One program inside a container, as the engine knows it.

    :param container: the container's id.
    :param at_once: made with its start, by one request, where the engine is ours; then its output may end with its exit code.
    """

    def __init__(self, engine: Engine, container: str, wanted: Wanted, *, at_once: bool = False, **attached: bool) -> None:
        self.engine = engine
        self.wanted = wanted
        self.target = Target(engine, container)
        self.id = ""
        self._body = wanted.body(mark=self.target.mark, **attached)
        self._at_once = at_once and not engine.foreign
        if not self._at_once:
            made = engine.post(f"/containers/{segment(container)}/exec", json=self._body)
            self._is(str(msgspec.json.decode(made)["Id"]))

    def _is(self, id: str) -> None:
        self.target.id = self.id = id

    def start(self) -> RawStream:
        """Start it; return its streams.

        :raises ContainerFailed: it cannot be executed, where the engine says so at once (Docker says it in the output).
        """
        if self._at_once:
            route = self.engine.extension(f"/containers/{segment(self.target.container)}/exec", word="exec")
            stream = self.engine.upgrade(route, json=self._body)
            self._is(stream.headers[EXEC_HEADER.lower()])
            return stream
        try:
            return self.engine.upgrade(f"/exec/{self.id}/start", json={"Detach": False, "Tty": self.wanted.tty})
        except (NotFound, Unavailable, TimedOut):
            raise
        except DockerkitError as error:
            raise self._refused(error.message, error) from None

    def inspect(self) -> dict[str, Any]:
        """Return the engine's record of it."""
        record: dict[str, Any] = self.engine.get(f"/exec/{self.id}/json")
        return record

    def ended(self) -> dict[str, Any] | None:
        """Return its record when it has ended; None while it runs."""
        record = self.inspect()
        return None if record.get("Running") or record.get("ExitCode") is None else record

    def wait(self, deadline: float | None = None) -> dict[str, Any] | None:
        """Wait until the engine knows its end; return its record, or None when the deadline came first.

        A container that ends, or is removed, has killed it: exit code 137.
        """
        pause = 0.002
        try:
            while (record := self.ended()) is None:
                if deadline is not None and time.monotonic() >= deadline:
                    return None
                if pause == _SLOWEST and not self.engine.get(f"/containers/{self.target.container}/json")["State"]["Running"]:
                    return self.ended() or _WITH_ITS_CONTAINER
                time.sleep(pause)
                pause = min(pause * 2, _SLOWEST)
        except NotFound:
            return _WITH_ITS_CONTAINER
        return record

    def kill(self) -> None:
        """Kill it; return when it has ended.

        :raises Unsupported: it cannot be killed, and runs on.
        """
        self.target.kill()
        self.wait(time.monotonic() + _DRAIN)

    def never_ran(self, record: Mapping[str, Any], stdout: bytes, stderr: bytes) -> DockerkitError | None:
        """Return why it could not be executed, which Docker says as standard output; None when it ran."""
        if record.get("Pid") or record.get("ExitCode") not in (126, 127) or stderr:
            return None
        return self._refused(stdout.decode("utf-8", "replace").strip() or "the engine does not say why", None)

    def _refused(self, message: str, error: DockerkitError | None) -> DockerkitError:
        code = refusal_code(message)
        if not code and error is not None and not isinstance(error, ContainerFailed):
            return error
        args = self.wanted.command
        failed = Completed(args=args, exit_code=code or 126, stderr_bytes=f"{message}\n".encode())
        hint = "the container has no such program" if code == 127 else ""
        return ContainerFailed(f"{shlex.join(args)} could not be started: {message}", hint=hint, completed=failed)


def check_input(stream: RawStream) -> None:
    """Make sure that the end of input can be said.

    :raises Unsupported: over TLS it cannot.
    """
    if not can_half_close(stream.socket):
        raise Unsupported("input over TLS is not offered yet", hint="forward the engine's socket with ssh -L")


def refusal_code(message: str) -> int:
    """Return the exit code that Docker's words for a program that cannot be executed mean: 127, 126, or 0 for other words."""
    said = _EXECVE.search(message)
    if said is None:
        return 0
    return 127 if "not found" in said[1] or "no such file" in said[1] else 126


def execute(
    engine: Engine,
    container: str,
    wanted: Wanted,
    *,
    input: str | bytes | None,
    timeout: float | None,
    check: bool,
    tell: Tell | None = None,
) -> Completed:
    """Run a program inside to its end.

    :param tell: is told what it writes as it comes; the result has it all the same.
    :raises ContainerFailed: it cannot be executed (126, 127); or, with `check`, ended with another code than 0.
    :raises TimedOut: killed; ``.completed`` has the output so far.
    :raises Conflict: the container does not run, or is paused.
    """
    data = input.encode() if isinstance(input, str) else input
    started = time.monotonic()
    execution = Execution(engine, container, wanted, at_once=True, stdin=data is not None)
    one = _Exec(execution, data, timeout, started, tell=tell)
    completed = one.complete()
    return completed.check() if check else completed


class _Exec:
    def __init__(
        self, execution: Execution, data: bytes | None, timeout: float | None, started: float, *, tell: Tell | None
    ) -> None:
        self.execution = execution
        self.data = data
        self.timeout = timeout
        self.started = started
        self.deadline = None if timeout is None else started + timeout
        self.output = Output(framed=not execution.wanted.tty, tell=tell)

    def complete(self) -> Completed:
        stream = self.execution.start()
        try:
            if self.data is not None:
                check_input(stream)
            record = self.to_its_end(stream)
        except BaseException as error:
            self.kill_after(error)
            raise
        finally:
            stream.close()
        if record is None:
            raise self.out_of_time()
        if (failure := self.execution.never_ran(record, self.output.stdout, self.output.stderr)) is not None:
            raise failure
        return self.completed(int(record["ExitCode"]))

    def to_its_end(self, stream: RawStream) -> dict[str, Any] | None:
        """Exchange input and output, then wait for the end; None when the time came first."""
        try:
            if exchange(stream, self.data, self.output.feed, deadline=self.deadline):
                code = self.output.exit_code
                record = self.execution.wait(self.deadline) if code is None else {"ExitCode": code, "Pid": -1}
                if record is not None:
                    return record
            self.execution.kill()
            exchange(stream, None, self.output.feed, deadline=time.monotonic() + _DRAIN)
        except OSError as error:
            raise Unavailable(
                f"the connection to the program was lost: {error.strerror or error}", hint="the engine ended; its log says why"
            ) from None
        return None

    def kill_after(self, error: BaseException) -> None:
        """Kill without hiding what went wrong before; an error of the engine's has killed it, or is about to be reported."""
        if isinstance(error, DockerkitError):
            return
        try:
            self.execution.kill()
        except DockerkitError as second:
            error.add_note(f"and the program could not be killed: {second}")

    def out_of_time(self) -> TimedOut:
        partial = self.completed(KILLED)
        return TimedOut(
            f"{partial.command_line()} did not end within {self.timeout:g} s",
            hint="killed; .completed has the output so far",
            completed=partial,
        )

    def completed(self, code: int) -> Completed:
        return Completed(
            args=self.execution.wanted.command,
            exit_code=code,
            stdout_bytes=self.output.stdout,
            stderr_bytes=self.output.stderr,
            duration=time.monotonic() - self.started,
        )
