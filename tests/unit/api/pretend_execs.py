"""The pretend engine's execs: each is a process of this host, run by the machinery of the pretend containers."""

from __future__ import annotations

from dataclasses import replace

from dockerkit.daemon.engine.detaching import detach_keys
from dockerkit.errors import Conflict, Invalid, NotFound
from dockerkit.schema.container import CreateRequest
from dockerkit.schema.exec import ExecCreate, ExecInspect, ExecProcess


class PretendExecs:
    """Docker's verbs on execs."""

    def __init__(self, containers, machine) -> None:
        self.containers, self.machine = containers, machine
        self.all: dict[str, tuple[str, ExecCreate]] = {}
        self.sizes: list[tuple[int, int]] = []

    def create(self, ref: str, config: ExecCreate, *, at_once: bool = False) -> str:
        if not config.cmd:
            raise Invalid("No exec command specified")
        detach_keys(config.detach_keys)
        one = self.containers.find(ref)
        if one.state.paused:
            raise Conflict(f"container {ref} is paused, unpause the container before exec")
        self.containers.running(ref)
        wish = CreateRequest(image="busybox", cmd=config.cmd, tty=config.tty, open_stdin=config.attach_stdin)
        id = self.machine.create(wish).id
        self.all[id] = (one.id, config)
        return id

    def start(self, id: str, attachment=None, *, tty=False, console_size=None) -> None:
        self.console_size = console_size
        _, config = self._find(id)
        one = self.machine.find(id)
        if attachment is not None:
            wanted = replace(
                attachment, stdin=config.attach_stdin, stdout=config.attach_stdout, stderr=config.attach_stderr, framed=not tty
            )
        if one.process is not None:
            raise Conflict(f"Error: Exec command {id} has already run")
        if attachment is not None:
            self.machine.attach(id, wanted)
        self.machine.start(id)

    def kill(self, id: str, signal: str = "SIGKILL") -> None:
        self._find(id)

    def check(self, id: str) -> None:
        self._find(id)

    def inspect(self, id: str) -> ExecInspect:
        container, config = self._find(id)
        one = self.machine.find(id)
        words = one.command
        return ExecInspect(
            id=id,
            running=one.state.running,
            exit_code=None if one.state.status in ("created", "running") else one.state.exit_code,
            process_config=ExecProcess(tty=config.tty, entrypoint=words[0], arguments=words[1:]),
            open_stdin=config.attach_stdin,
            open_stdout=config.attach_stdout,
            open_stderr=config.attach_stderr,
            container_id=container,
            pid=one.state.pid,
        )

    def resize(self, id: str, *, rows: int, columns: int) -> None:
        self._find(id)
        self.sizes.append((rows, columns))

    def _find(self, id: str) -> tuple[str, ExecCreate]:
        try:
            return self.all[id]
        except KeyError:
            raise NotFound(f"No such exec instance: {id}") from None
