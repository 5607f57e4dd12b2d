"""One exec: what was asked for, and what became of it, in memory and as it is stored. It is forgotten with its container."""

from __future__ import annotations

from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import msgspec

from dockerkit.schema.exec import ExecCreate, ExecInspect, ExecProcess

if TYPE_CHECKING:
    from dockerkit.daemon.engine.events import Happening
    from dockerkit.daemon.runtime.process import Process


class ExecRecord(msgspec.Struct, kw_only=True, frozen=True, rename="pascal"):
    """An exec as it is stored."""

    id: str
    config: ExecCreate
    command: list[str]
    detach_keys: bytes = b""
    running: bool = False
    exit_code: int | None = None


@dataclass(slots=True, eq=False)
class ExecEntry:
    """A further process of a container: created, then running, then ended; each once.

    ``detach_keys`` are the bytes that end an attachment. ``begun`` is done when its program runs or cannot, ``ended`` with its
    exit code. ``untold`` and ``displaced`` are what its start has to tell of its creation, and who was forgotten for it.
    """

    id: str
    container: str
    config: ExecCreate
    command: list[str]
    detach_keys: bytes = b""
    running: bool = False
    exit_code: int | None = None
    pid: int = 0
    process: Process | None = None
    begun: Future[None] = field(default_factory=Future)
    ended: Future[int] = field(default_factory=Future)
    untold: list[Happening] = field(default_factory=list)
    displaced: list[ExecEntry] = field(default_factory=list)

    @property
    def title(self) -> str:
        """Its command as Docker's events write it, with the space after a word without arguments."""
        return f"{self.command[0]} {' '.join(self.command[1:])}"

    def record(self) -> ExecRecord:
        """Return what is stored of it."""
        names = ExecRecord.__struct_fields__
        return ExecRecord(**{name: getattr(self, name) for name in names})

    @classmethod
    def of(cls, record: ExecRecord, container: str) -> ExecEntry:
        """Return what a daemon before had stored of it; one that ran is not known to run still."""
        entry = cls(record.id, container, record.config, record.command, record.detach_keys)
        entry.running = record.running
        if record.exit_code is not None:
            entry.fail(record.exit_code)
        return entry

    def begin(self, process: Process) -> None:
        """Take note that its program runs; it may have ended already."""
        self.pid = process.pid
        self.process = process if self.running else None
        self.begun.set_result(None)

    def end(self, exit_code: int) -> None:
        """Take note that it ended."""
        self.running, self.exit_code, self.process = False, exit_code, None
        self.ended.set_result(exit_code)

    def fail(self, exit_code: int) -> None:
        """Take note that it could not be started."""
        self.end(exit_code)
        self.begun.set_result(None)

    def view(self) -> ExecInspect:
        """Return everything known of it in Docker's shape."""
        config = self.config
        found = ExecInspect(
            id=self.id,
            running=self.running,
            exit_code=self.exit_code,
            process_config=ExecProcess(
                tty=config.tty, entrypoint=self.command[0], arguments=self.command[1:], privileged=config.privileged
            ),
            open_stdin=config.attach_stdin,
            open_stdout=config.attach_stdout,
            open_stderr=config.attach_stderr,
            container_id=self.container,
            pid=self.pid,
        )
        if config.user:
            found.process_config.user = config.user
        return found
