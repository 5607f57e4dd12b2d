"""A program from start to end in a container that is gone afterwards: ``dk.run``.

The wire acts are named steps: create, attach, start, exchange, wait, explain the end, remove. Whatever happens in between (a
time-out, Ctrl-C, a broken connection), the container is killed and removed. Works in any thread, also where an event loop runs.
"""

from __future__ import annotations

import contextlib
import shlex
import time

import msgspec

from dockerkit.client.completed import Completed
from dockerkit.client.creation import create, request_for
from dockerkit.client.engine import Engine, segment
from dockerkit.client.exchange import can_half_close, exchange
from dockerkit.client.session import Session
from dockerkit.client.spec import ContainerSpec
from dockerkit.client.streams import Output, Tell
from dockerkit.client.transport.http import RawStream
from dockerkit.errors import Conflict, ContainerFailed, DockerkitError, NotFound, TimedOut, Unavailable, Unsupported
from dockerkit.schema.container import CreateRequest

KILLED = 137
_DRAIN = 2.0
"""Seconds to collect what a killed program still had under way."""


def run(
    engine: Engine,
    session: Session,
    spec: ContainerSpec,
    *,
    input: str | bytes | None,
    check: bool,
    timeout: float | None,
    tell: Tell | None = None,
    request: CreateRequest | None = None,
    keep: bool = False,
) -> Completed:
    """Run `spec` to its end; leave nothing behind.

    :param input: what the program reads; text is sent as UTF-8.
    :param timeout: seconds from its start.
    :param tell: is told what it writes as it comes; the result has it all the same.
    :param request: the body to create it with, instead of what `spec` alone says.
    :param keep: leave the container, ended, as ``docker run`` does without ``--rm``; then nobody owns it.
    :raises TimedOut: killed and removed; ``.completed`` has the output so far.
    :raises ContainerFailed: the program could not be started; or, with `check`, ended with another code than 0.
    """
    data = input.encode() if isinstance(input, str) else input
    one = _Run(engine, session, spec, data, timeout, tell=tell, request=request, keep=keep)
    completed = one.complete()
    return completed.check() if check else completed


class _Run:
    def __init__(
        self,
        engine: Engine,
        session: Session,
        spec: ContainerSpec,
        data: bytes | None,
        timeout: float | None,
        *,
        tell: Tell | None = None,
        request: CreateRequest | None = None,
        keep: bool = False,
    ) -> None:
        said = spec.said
        self.engine = engine
        self.session = session
        self.spec = spec
        self.data = b"" if data is None and said.get("stdin") else data
        self.timeout = timeout
        self.request = request
        self.keep = keep
        self.output = Output(framed=not said.get("tty"), tell=tell)
        self.id = ""
        self.stream: RawStream | None = None
        self.started = self.ended = time.monotonic()
        self.gone = False

    def complete(self) -> Completed:
        self.create()
        try:
            self.attach()
            self.start()
            self.exchange()
            code = self.wait()
            self.gone = self.keep
            return self.completed(code, oom=code == KILLED and self.oom_killed())
        except BaseException as error:
            self.remove_after(error)
            raise
        finally:
            if self.stream is not None:
                self.stream.close()
            if not self.gone:
                self.remove()

    # the steps

    def create(self) -> None:
        request = self.request or request_for(self.engine, self.spec)
        request.attach_stdout = request.attach_stderr = True
        request.host_config.auto_remove = False  # the exit code is still to be read; removal is ours
        if self.data is not None:
            request.open_stdin = request.stdin_once = request.attach_stdin = True
        self.id = create(self.engine, self.spec, request, session=None if self.keep else self.session).id

    def attach(self) -> None:
        stdin = self.data is not None
        self.stream = self.engine.upgrade(f"{self.path}/attach", stream=True, stdin=stdin, stdout=True, stderr=True)
        if stdin and not can_half_close(self.stream.socket):
            raise Unsupported("input over TLS is not offered yet", hint="forward the engine's socket with ssh -L")

    def start(self) -> None:
        self.started = time.monotonic()
        try:
            self.engine.post(f"{self.path}/start")
        except (Unavailable, TimedOut):
            raise
        except DockerkitError as error:
            raise start_failure(self.engine, self.id, error, self.spec) from None

    def exchange(self) -> None:
        assert self.stream is not None
        try:
            ended = exchange(self.stream, self.data, self.output.feed, deadline=self.deadline)
        except OSError as error:
            raise Unavailable(
                f"the connection to the container was lost: {error.strerror or error}",
                hint="the engine ended; its log says why",
            ) from None
        if not ended:
            raise self.out_of_time()

    def wait(self) -> int:
        left = None if self.deadline is None else max(0.001, self.deadline - time.monotonic())
        try:
            code = wait(self.engine, self.id, timeout=left)
        except TimedOut:
            raise self.out_of_time() from None
        self.ended = time.monotonic()
        return code

    def remove(self) -> None:
        self.gone = True
        if self.keep:
            with contextlib.suppress(Conflict):  # it has ended, or was never started
                self.engine.post(f"{self.path}/kill")
            return
        try:
            self.engine.delete(self.path, force=True, v=True)
        except NotFound:
            return  # somebody else removed it

    # what went wrong

    @property
    def path(self) -> str:
        return f"/containers/{segment(self.id)}"

    @property
    def deadline(self) -> float | None:
        return None if self.timeout is None else self.started + self.timeout

    def end(self) -> None:
        """Kill it, as owned things are; ask it first when it was wished that it be given time."""
        with contextlib.suppress(Conflict):  # it ended by itself just now
            if "stop_timeout" in self.spec.said:
                self.engine.call("POST", f"{self.path}/stop", timeout=None).read()
            else:
                self.engine.post(f"{self.path}/kill")

    def remove_after(self, error: BaseException) -> None:
        """Remove without hiding what went wrong before."""
        try:
            if "stop_timeout" in self.spec.said and not isinstance(error, DockerkitError):
                self.end()
            self.remove()
        except DockerkitError as second:
            error.add_note(f"and the container {self.id[:12]} could not be removed: {second}")

    def out_of_time(self) -> TimedOut:
        """Kill, collect what was under way, and say so."""
        self.end()
        self.ended = time.monotonic()
        assert self.stream is not None
        exchange(self.stream, None, self.output.feed, deadline=self.ended + _DRAIN)
        partial = self.completed(KILLED, oom=False)
        return TimedOut(
            f"{partial.command_line()} did not end within {self.timeout:g} s",
            hint="killed and removed; .completed has the output so far",
            completed=partial,
        )

    def oom_killed(self) -> bool:
        return bool(self.engine.get(f"{self.path}/json")["State"].get("OOMKilled"))

    def completed(self, code: int, *, oom: bool) -> Completed:
        return Completed(
            args=self.spec.said.get("command", ()),
            exit_code=code,
            stdout_bytes=self.output.stdout,
            stderr_bytes=self.output.stderr,
            oom_killed=oom,
            duration=self.ended - self.started,
            image=self.spec.image,
        )


def wait(engine: Engine, id: str, *, timeout: float | None) -> int:
    """Wait for a container's end; return its exit code.

    :raises TimedOut: it runs on.
    :raises DockerkitError: it could not be waited for.
    """
    answer = msgspec.json.decode(engine.call("POST", f"/containers/{segment(id)}/wait", timeout=timeout).read())
    if message := (answer.get("Error") or {}).get("Message"):
        raise DockerkitError(str(message))
    return int(answer["StatusCode"])


def start_failure(engine: Engine, id: str, error: DockerkitError, spec: ContainerSpec) -> DockerkitError:
    """Return what a refused start means: ContainerFailed when the program could not be executed, else the error itself."""
    code = _start_code(engine, id, error)
    if code not in (126, 127) and not isinstance(error, ContainerFailed):
        return error
    args = spec.said.get("command", ())
    failed = Completed(args=args, exit_code=code or 127, stderr_bytes=f"{error.message}\n".encode(), image=spec.image)
    shown = shlex.join((spec.image, *args))
    hint = error.hint or ("the file is there but may not be executed" if code == 126 else "the image has no such program")
    return ContainerFailed(f"{shown} could not be started: {error.message}", hint=hint, completed=failed)


def _start_code(engine: Engine, id: str, error: DockerkitError) -> int:
    """Return 126, 127 or 0: what the engine recorded, else what its words mean (as the docker command reads them)."""
    try:
        code = int(engine.get(f"/containers/{segment(id)}/json")["State"].get("ExitCode") or 0)
    except NotFound:
        code = 0
    if code in (126, 127):
        return code
    words = error.message.lower()
    if "executable file not found" in words or ("exec" in words and "no such file or directory" in words):
        return 127
    return 126 if "exec" in words and ("permission denied" in words or "is a directory" in words) else 0
