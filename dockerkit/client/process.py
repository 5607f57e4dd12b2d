"""A program that goes on inside a container while you talk to it: ``container.popen``, after ``subprocess.Popen``.

:class:`Streams` are the files of anything attached; :class:`Process` adds the life of a program started by ``popen``, and
:class:`Attached` that of a container's own.
"""

from __future__ import annotations

import io
import time
from types import TracebackType
from typing import IO, TYPE_CHECKING, Any, Self

from dockerkit.client.channel import Channel
from dockerkit.client.execution import Execution, Wanted, check_input
from dockerkit.client.streams import STDERR, STDOUT
from dockerkit.errors import TimedOut
from dockerkit.schema.units import parse_duration

if TYPE_CHECKING:
    from dockerkit.client.container import Container
    from dockerkit.client.transport.http import RawStream

PIPE, INTO_STDOUT, DEVNULL = -1, -2, -3
"""``subprocess``'s numbers, which are accepted for the streams."""
Seconds = str | float | None
_SLOWEST = 0.5
"""Seconds between two looks at a program whose output goes on."""


class _Readable(io.RawIOBase):
    def __init__(self, channel: Channel, stream: int) -> None:
        self._channel, self._stream = channel, stream

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int:
        piece = self._channel.read(self._stream, len(buffer)) or b""
        buffer[: len(piece)] = piece
        return len(piece)


class _Writable(io.RawIOBase):
    """Writes at once and everything; text is taken too, as UTF-8."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel

    def writable(self) -> bool:
        return True

    def write(self, data: Any, /) -> int:
        if isinstance(data, str):
            self._channel.write(data.encode())
            return len(data)
        return self._channel.write(data)

    def close(self) -> None:
        if not self.closed:
            self._channel.close_input()
        super().close()


class Streams:
    """Standard input, output and error of something attached, as files."""

    stdin: IO[Any] | None
    """Writes go through at once; ``close()`` is the end of input. None when it was not asked for."""
    stdout: IO[Any] | None
    """What it writes; with a terminal, both streams."""
    stderr: IO[Any] | None

    def __init__(self, stream: RawStream, *, tty: bool, text: bool, stdin: int, stdout: int, stderr: int) -> None:
        self._channel = Channel(stream, framed=not tty, merged=stderr == INTO_STDOUT)
        self._text = text
        self.stdin = self._file(_Writable(self._channel)) if stdin == PIPE else None
        self.stdout = self._reader(STDOUT) if stdout == PIPE else None
        self.stderr = self._reader(STDERR) if stderr == PIPE else None

    def communicate(self, input: str | bytes | None = None, timeout: Seconds = None) -> tuple[Any, Any]:
        """Write `input`, close standard input, read everything and wait for the end; return (stdout, stderr).

        Bytes, or text when ``text=True``; None for a stream that was not asked for.

        :raises TimedOut: it runs on; call again to go on, nothing is lost.
        """
        deadline = _deadline(timeout)
        data = input.encode() if isinstance(input, str) else input or b""
        rest = self._unwritten or memoryview(data)
        if self.stdin is not None and not self.stdin.closed:
            try:
                self._unwritten = rest[self._channel.write(rest, deadline) :]
            except BrokenPipeError:
                self._unwritten = memoryview(b"")  # it reads no more, as `true < file` does not
            if not self._unwritten:
                self.stdin.close()
        if not self._channel.until_end(deadline, limit=None):
            raise self._late(timeout)
        self.wait(None if deadline is None else max(0.0, deadline - time.monotonic()))
        return (self.stdout and self.stdout.read(), self.stderr and self.stderr.read())

    _unwritten = memoryview(b"")

    def wait(self, timeout: Seconds = None) -> int:
        """Wait for the end; return the exit code."""
        raise NotImplementedError

    def close(self) -> None:
        """Close all its files; what it is goes on without them."""
        for file in (self.stdin, self.stdout, self.stderr):
            if file is not None:
                file.close()
        self._channel.close()

    def _reader(self, stream: int) -> IO[Any]:
        return self._file(io.BufferedReader(_Readable(self._channel, stream)))

    def _file(self, file: Any) -> IO[Any]:
        if not self._text:
            opened: IO[Any] = file
            return opened
        return io.TextIOWrapper(file, "utf-8", errors="replace", write_through=True)

    def _late(self, timeout: Seconds) -> TimedOut:
        return TimedOut(f"{self!r} did not end within {parse_duration(timeout or 0):g} s", hint="it runs on")


class Process(Streams):
    """A program started by ``container.popen``. As a context manager it is waited for, and killed when the block fails."""

    args: tuple[str, ...]
    """The command."""
    returncode: int | None = None
    """Its exit code; None until :meth:`poll`, :meth:`wait` or :meth:`communicate` has seen its end."""

    def __init__(self, engine: Any, container: str, wanted: Wanted, **streams: Any) -> None:
        self.args = wanted.command
        attached = {name: streams[name] != DEVNULL for name in ("stdin", "stdout", "stderr")}
        self._execution = Execution(engine, container, wanted, **attached)
        stream = self._execution.start()
        super().__init__(stream, tty=wanted.tty, **streams)
        try:
            if attached["stdin"]:
                check_input(stream)
            self.pid = self._started()
            """The process id on the engine's host."""
        except BaseException:
            self.close()
            raise

    def _started(self) -> int:
        """Wait until it has been executed; return its process id.

        :raises ContainerFailed: it cannot be.
        """
        pause = 0.002
        while True:
            record = self._execution.inspect()
            if record.get("Pid") or record.get("ExitCode") is not None:
                break
            time.sleep(pause)
            pause = min(pause * 2, 0.05)
        if not record.get("Pid"):
            self._channel.until_end(time.monotonic() + 1)
            stdout, stderr = (self._channel.peek(stream) for stream in (STDOUT, STDERR))
            if (failure := self._execution.never_ran(record, stdout, stderr)) is not None:
                raise failure
        return int(record.get("Pid") or 0)

    def poll(self) -> int | None:
        """Return the exit code when it has ended, else None."""
        if self.returncode is None and (record := self._execution.wait(0)) is not None:
            self.returncode = int(record["ExitCode"])
        return self.returncode

    def wait(self, timeout: Seconds = None) -> int:
        """Wait for its end; return the exit code. Output that nobody reads is held meanwhile, up to 64 MB.

        :raises TimedOut: it runs on.
        """
        deadline = _deadline(timeout)
        if self.returncode is None:
            if self.stdin is not None and not self.stdin.closed and self._text:
                self.stdin.flush()
            if (record := self._end(deadline)) is None:
                raise self._late(timeout)
            self.returncode = int(record["ExitCode"])
        return self.returncode

    def _end(self, deadline: float | None) -> dict[str, Any] | None:
        """Return the record of its end: that of its output says so at once, but what it started may keep that open."""
        pause = 0.05
        while not self._channel.ended:
            soon = time.monotonic() + pause
            self._channel.until_end(soon if deadline is None else min(soon, deadline))
            if (record := self._execution.wait(0)) is not None:
                return record
            if deadline is not None and time.monotonic() >= deadline:
                return None
            if not self._channel.ended:
                time.sleep(max(0.0, soon - time.monotonic()))  # as much is held as may be: somebody has to read
            pause = min(pause * 2, _SLOWEST)
        return self._execution.wait(deadline)

    def send_signal(self, signal: str | int) -> None:
        """Send it a signal; nothing happens when it has ended.

        :raises Unsupported: neither the engine nor the container has a way to; see ``dockerkit.client.killing``.
        """
        if self.poll() is None:
            self._execution.target.kill(signal)

    def terminate(self) -> None:
        """Send it SIGTERM."""
        self.send_signal("TERM")

    def kill(self) -> None:
        """Send it SIGKILL."""
        self.send_signal("KILL")

    def resize(self, rows: int, columns: int) -> None:
        """Tell its terminal how big it is now."""
        self._execution.engine.post(f"/exec/{self._execution.id}/resize", h=rows, w=columns)

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Close its input and wait for it; kill it first when the block failed."""
        try:
            if error is not None:
                self.kill()
            elif self.stdin is not None:
                self.stdin.close()
            self.wait()
        finally:
            self.close()

    def __repr__(self) -> str:
        """Show the command and what is known of its end."""
        return f"<Process {' '.join(self.args)!r} returncode={self.returncode}>"


class Attached(Streams):
    """The streams of a container's own program. As a context manager it is detached at the end; the container goes on."""

    def __init__(self, container: Container, stream: RawStream, **streams: Any) -> None:
        super().__init__(stream, **streams)
        self._container = container

    def wait(self, timeout: Seconds = None) -> int:
        """Wait for the container's end; return its exit code. Output that nobody reads is held meanwhile, up to 64 MB.

        :raises TimedOut: it runs on.
        """
        deadline = _deadline(timeout)
        self._channel.until_end(deadline)
        return self._container.wait(timeout=None if deadline is None else max(0.001, deadline - time.monotonic()))

    def detach(self) -> None:
        """Let go; the container goes on."""
        self.close()

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Let go; the container goes on."""
        self.close()

    def __repr__(self) -> str:
        """Show whose streams they are."""
        return f"<Attached to {self._container!r}>"


def _deadline(timeout: Seconds) -> float | None:
    return None if timeout is None else time.monotonic() + parse_duration(timeout)
