"""``exec``: one further process in a running container: created, started, asked about, resized.

An exec is forgotten with its container. Its process and its streams are the keeper's, so that they outlive the daemon, and what
was asked for is written down with each of its events: a daemon that comes later hears its end (see ``execrecovery``), where
dockerd forgets. No lock is held while it starts: one that hangs hinders nobody.
"""

from __future__ import annotations

import contextlib
import os
import platform
import secrets
import sqlite3
from collections.abc import Sequence
from concurrent.futures import Future, wait
from dataclasses import replace
from functools import partial
from typing import Any

from dockerkit.daemon.engine.core import Core
from dockerkit.daemon.engine.detaching import DEFAULT_KEYS, detach_keys
from dockerkit.daemon.engine.entries import Entry
from dockerkit.daemon.engine.events import Happening
from dockerkit.daemon.engine.execentry import ExecEntry
from dockerkit.daemon.engine.failing import error_of
from dockerkit.daemon.engine.lifecycle import Phase
from dockerkit.daemon.engine.merge import exec_environment, words
from dockerkit.daemon.engine.networks import linking
from dockerkit.daemon.engine.pausing import check_running
from dockerkit.daemon.engine.record import Record
from dockerkit.daemon.runtime.launch import Attachment, Execution
from dockerkit.daemon.runtime.process import Process
from dockerkit.daemon.runtime.runtime import Keeper, StartFailed
from dockerkit.daemon.runtime.spec import exec_process, seccomp_program
from dockerkit.daemon.state import execs as stored
from dockerkit.errors import Conflict, Exhausted, Failed, Invalid
from dockerkit.schema.exec import ExecCreate, ExecInspect
from dockerkit.schema.signals import parse_signal
from dockerkit.schema.wire import encode

_PREFIX = "OCI runtime exec failed: exec failed"
NOT_STARTED = 126
"""The exit code of what could not be started, whatever the reason, as dockerd's."""
_SETTLE = 2.0
_NO_SIGNAL = 0
_PROGRAMS_KEPT = 64


class Execs:
    """All execs of this engine."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._programs: dict[tuple[object, ...], bytes | None] = {}

    def create(self, ref: str, config: ExecCreate, *, at_once: bool = False) -> str:
        """Prepare a process in a running container; return the id it will be known by. Nothing runs yet.

        :param at_once: it will be started now: its creation is told with its start, and this touches no disk.
        :raises Invalid: no command, or detach keys that are none; in Docker's words.
        :raises NotFound: no such container.
        :raises Conflict: it is not running, or it is paused; in Docker's words.
        """
        command = words(config.cmd)
        if not command:
            raise Invalid("No exec command specified")
        keys = detach_keys(config.detach_keys)
        entry = self._core.entries.resolve(ref)
        _check_ready(entry, ref)
        record = entry.record
        config.user = config.user or record.config.user
        exec = ExecEntry(secrets.token_hex(32), record.id, config, command, keys)
        forgotten = self._core.entries.add_exec(entry, exec)
        created = Happening(f"exec_create: {exec.title}")
        if at_once:
            exec.untold, exec.displaced = [created], forgotten
        else:
            note(self._core, entry, exec, created, forget=forgotten)
        return exec.id

    def forget(self, entry: Entry, exec: ExecEntry) -> None:
        """Make an exec unknown, here and on the disk: one of the engine's own that nobody will ask about."""
        self._core.entries.forget_exec(entry, exec)
        self._store(entry, exec)

    def _store(self, entry: Entry, exec: ExecEntry) -> None:
        with self._core.database.transaction() as tx:
            write(tx, entry, exec)

    def check(self, id: str) -> None:
        """Refuse now what would be refused because of its container, before a caller promises anybody a stream.

        :raises NotFound: no such exec.
        :raises Conflict: its container is not running, or paused; in Docker's words.
        """
        entry, _ = self._core.entries.exec(id)
        _check_ready(entry, entry.record.id)

    def start(
        self, id: str, attachment: Attachment | None = None, *, tty: bool = False, console_size: Sequence[int] | None = None
    ) -> None:
        """Run what was created; return once it has been executed.

        :param attachment: gets the streams that were asked for at its creation; its descriptor belongs to the engine from here
            on, whatever happens.
        :param tty: the listener wants raw bytes, as of a terminal.
        :param console_size: rows and columns of its terminal.
        :raises NotFound: no such exec.
        :raises Conflict: it ran already, or its container is not running, or paused.
        :raises ContainerFailed: there is no such program, or it may not be executed; in Docker's words.
        """
        fds = [attachment.fd] if attachment else []
        try:
            entry, exec = self._core.entries.exec(id)
            keeper = self._begin(entry, exec)
            _check_wish(exec)
            execution = self._execution(entry.record, exec, console_size or exec.config.console_size or ())
            if attachment:
                execution.attachments = [_streams(exec, attachment, tty)]
            fds.clear()  # the runtime's from here on
        finally:
            for fd in fds:
                os.close(fd)
        self._run(entry, exec, keeper, execution)

    def inspect(self, id: str) -> ExecInspect:
        """Return what is known of an exec; when its process is gone, how it ended.

        :raises NotFound: no such exec, or its container was removed.
        """
        _, exec = self._core.entries.exec(id)
        if exec.running:
            _settle(exec.begun)
        if exec.running and not _exists(exec.pid):
            _settle(exec.ended)
        return exec.view()

    def resize(self, id: str, *, rows: int, columns: int) -> None:
        """Tell an exec's terminal its size.

        :raises Conflict: it does not run.
        """
        self._running(id).resize(rows, columns)

    def kill(self, id: str, signal: str = "SIGKILL") -> None:
        """Send an exec's process a signal; Docker's API has no word for it.

        :raises Invalid: no such signal.
        :raises Conflict: it does not run.
        """
        self._running(id).kill(parse_signal(signal or "SIGKILL"))

    def _running(self, id: str) -> Process:
        _, exec = self._core.entries.exec(id)
        if exec.process is None:
            raise Conflict("exec process is not started" if exec.exit_code is None else f"exec {id} has ended")
        return exec.process

    def _begin(self, entry: Entry, exec: ExecEntry) -> Keeper:
        """Check that it may be started, and that nobody else does."""
        with entry.lock:
            if exec.exit_code is not None:
                raise Conflict(f"Error: Exec command {exec.id} has already run")
            if exec.running:
                raise Conflict(f"Error: Exec command {exec.id} is already running")
            _check_ready(entry, entry.record.id)
            assert entry.keeper is not None
            exec.running = True
            note(self._core, entry, exec, *exec.untold, Happening(f"exec_start: {exec.title}"), forget=exec.displaced)
            exec.untold, exec.displaced = [], []
            return entry.keeper

    def _run(self, entry: Entry, exec: ExecEntry, keeper: Keeper, execution: Execution) -> None:
        try:
            process = keeper.execute(execution, on_exit=partial(ended, self._core, entry, exec))
        except BaseException as error:
            exec.fail(NOT_STARTED)
            with contextlib.suppress(Exhausted):  # the next daemon will find out that it never ran
                self._store(entry, exec)
            if isinstance(error, StartFailed):
                raise error_of(error, _PREFIX) from error
            raise
        exec.begin(process)

    def _execution(self, record: Record, exec: ExecEntry, console_size: Sequence[int]) -> Execution:
        config = exec.config
        return Execution(
            id=exec.id,
            process=exec_process(
                record.config,
                record.host_config,
                arguments=exec.command,
                environment=exec_environment(
                    record.config, config.env, linking.environment(self._core, record), tty=config.tty
                ),
                directory=config.working_dir,
                terminal=config.tty,
                console_size=console_size,
                privileged=config.privileged,
            ),
            user=config.user,
            groups=tuple(record.host_config.group_add or ()),
            open_stdin=config.attach_stdin,
            seccomp=self._program(record),
        )

    def _program(self, record: Record) -> bytes | None:
        """Return the container's own filter; kept, for looking it up takes longer than all else here."""
        host = record.host_config
        key = (host.privileged, *(tuple(words or ()) for words in (host.cap_add, host.cap_drop, host.security_opt)))
        if key not in self._programs:
            if len(self._programs) >= _PROGRAMS_KEPT:
                self._programs = {}
            process = exec_process(record.config, host, arguments=[], environment=[])
            directory = f"{self._core.root}/run"
            self._programs[key] = seccomp_program({"process": process}, host, directory, platform.machine())
        return self._programs[key]


def ended(core: Core, entry: Entry, exec: ExecEntry, exit_code: int) -> None:
    """Take note that an exec's process ended. Called once for each that ran, on the runtime's watcher thread."""
    exec.end(exit_code)
    note(core, entry, exec, Happening("exec_die", {"exitCode": str(exit_code)}))


def note(core: Core, entry: Entry, exec: ExecEntry, *happenings: Happening, forget: Sequence[ExecEntry] = ()) -> None:
    """Write what happened to an exec, and what it is now, together."""

    def store(tx: sqlite3.Connection) -> None:
        for changed in (exec, *forget):
            write(tx, entry, changed)

    told = [Happening(happening.action, {"execID": exec.id} | happening.attributes) for happening in happenings]
    core.note(entry.record, *told, also=store)


def write(tx: sqlite3.Connection, entry: Entry, exec: ExecEntry) -> None:
    """Make what is stored of an exec agree with what is known of it."""
    if exec.id in entry.execs:
        stored.put(tx, exec.id, exec.container, encode(exec.record()))
    else:
        stored.delete(tx, exec.id)


def _check_ready(entry: Entry, ref: str) -> None:
    if entry.record.phase is Phase.PAUSED:
        raise Conflict(f"container {ref} is paused, unpause the container before exec")
    check_running(entry)


def _check_wish(exec: ExecEntry) -> None:
    """Refuse what dockerd's runtime refuses, which is only when it is started."""
    config, words = exec.config, ""
    if config.working_dir and not config.working_dir.startswith("/"):
        words = "Cwd must be an absolute path"
    for variable in config.env:
        if variable.startswith("="):
            words = f'unable to start container process: environment variable name can\'t be empty: "{variable}"'
    if words:
        exec.fail(NOT_STARTED)
        raise Failed(f"{_PREFIX}: {words}: unknown")


def _streams(exec: ExecEntry, attachment: Attachment, tty: bool) -> Attachment:
    config = exec.config
    keys = attachment.detach_keys or exec.detach_keys or DEFAULT_KEYS
    return replace(
        attachment,
        stdin=config.attach_stdin,
        stdout=config.attach_stdout,
        stderr=config.attach_stderr,
        framed=not tty,
        detach_keys=keys if config.tty and config.attach_stdin else b"",
        replay_from=None,
    )


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, _NO_SIGNAL)
    except ProcessLookupError:
        return False
    return True


def _settle(news: Future[Any]) -> None:
    """Wait for news that is under way: who has seen the end of its output may ask before the engine has heard of its exit."""
    wait((news,), _SETTLE)
