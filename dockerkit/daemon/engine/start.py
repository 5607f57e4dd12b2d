"""``start``: a list of named steps from record to running program, undone in reverse when one fails."""

from __future__ import annotations

import contextlib
import platform
from concurrent.futures import TimeoutError as WaitTimeout
from dataclasses import dataclass, field
from typing import Any

from dockerkit.daemon.engine import roots, sharing
from dockerkit.daemon.engine.core import Core
from dockerkit.daemon.engine.entries import Entry
from dockerkit.daemon.engine.events import Happening
from dockerkit.daemon.engine.failing import error_of, exit_code
from dockerkit.daemon.engine.files import write_files
from dockerkit.daemon.engine.lifecycle import Change, Phase, after
from dockerkit.daemon.engine.logoptions import rotation
from dockerkit.daemon.engine.merge import process_environment
from dockerkit.daemon.engine.networks import joining, linking
from dockerkit.daemon.engine.removal import remove
from dockerkit.daemon.engine.steps import Step, run
from dockerkit.daemon.engine.volumes.holding import Held
from dockerkit.daemon.engine.volumes.resolving import with_tmpfs
from dockerkit.daemon.kernel import failpoints
from dockerkit.daemon.runtime.launch import Launch
from dockerkit.daemon.runtime.runtime import Keeper, StartFailed
from dockerkit.daemon.runtime.spec import runtime_spec, seccomp_program
from dockerkit.errors import Conflict, DockerkitError, Failed

_UNDO_WAIT = 10.0
_UNREAD_WAIT = 1.0
"""Seconds that clients of the life before have to read what they have not read yet."""
_BEFORE_PROGRAM = 128
"""Exit code of a container whose program never had its turn."""
_PREFIX = "failed to create task for container: failed to create shim task: OCI runtime create failed"


@dataclass(slots=True)
class Start:
    """What the steps of one start pass on."""

    core: Core
    entry: Entry
    directory: str
    volatile: bool
    spec: dict[str, Any] = field(default_factory=dict)
    joining: joining.Joining = field(init=False)
    held: Held = field(init=False)
    keeper: Keeper = field(init=False)


def start(core: Core, entry: Entry, *, awaited: bool = False, lasting: bool = False) -> bool:
    """Run the container's program; return once it has been executed. False when it was running already.

    :param awaited: by its restart policy; it is False then, too, when the container does not await its restart any more.
    :param lasting: what it writes shall outlive a power cut although a session owns it: that one is about to let it go.
    :raises ContainerFailed: the program could not be started (126, 127, 128); the container stays as it was.
    :raises Conflict: the container is paused, or being removed.
    """
    try:
        with entry.lock:
            if awaited is not (entry.record.phase is Phase.RESTARTING):
                return _refuse_if_paused(entry)
            return _start(core, entry, volatile=entry.record.owned and not lasting)
    except DockerkitError:
        if entry.record.host_config.auto_remove and not entry.record.alive:
            remove(core, entry, force=True)
        raise


def _refuse_if_paused(entry: Entry) -> bool:
    if entry.record.phase is Phase.PAUSED:
        raise Conflict("cannot start a paused container, try unpause instead")
    return False


def _start(core: Core, entry: Entry, *, volatile: bool) -> bool:
    record = entry.record
    if record.alive:
        return _refuse_if_paused(entry)
    if entry.removal is not None:
        raise Conflict("container is marked for removal and cannot be started")
    after(record.phase, Change.START, record.id)
    try:
        run(STEPS, Start(core, entry, core.directory(record.id), volatile))
    except StartFailed as failure:
        raise _failed(core, entry, failure) from failure
    except DockerkitError as refused:
        core.commit(entry, entry.record.with_state(Change.FAIL, exit_code=_BEFORE_PROGRAM, error=refused.message))
        raise
    return True


def _wait_for_the_last_keeper(context: Start) -> None:
    keeper = context.entry.keeper
    if keeper is None:
        return
    try:
        keeper.gone.result(_UNREAD_WAIT)
    except WaitTimeout:
        keeper.release()  # nobody's unread output shall hold up the start for longer
        keeper.gone.result(_UNDO_WAIT)
    context.entry.keeper = None


def _files(context: Start) -> None:
    write_files(context.core, context.entry.record, context.directory)


def _hold_volumes(context: Start) -> None:
    context.held = context.core.holding.hold(context.entry.record)


def _release_volumes(context: Start) -> None:
    context.core.holding.undo(context.entry.record)


def _network(context: Start) -> None:
    context.joining = joining.Joining(context.core, context.entry, context.directory)
    joining.join(context.joining)


def _leave_networks(context: Start) -> None:
    joining.part(context.joining)


def _spec(context: Start) -> None:
    record = context.entry.record
    context.spec = runtime_spec(
        id=record.id,
        hostname=record.config.hostname,
        config=record.config,
        host_config=with_tmpfs(record.host_config, record.points),
        arguments=[record.path, *record.args],
        environment=process_environment(record.config, record.config.hostname, linking.environment(context.core, record)),
        directory=context.directory,
        cgroup=context.core.cgroup_path(record),
        joined=context.joining.joined | sharing.joined(context.core, record),
        binds=context.held.binds,
    )


def _spawn(context: Start) -> None:
    entry, record = context.entry, context.entry.record
    rotated = rotation(record.host_config.log_config)
    launch = Launch(
        id=record.id,
        directory=context.directory,
        spec=context.spec,
        rootfs=roots.rootfs(context.core, record, volatile=context.volatile),
        user=record.config.user,
        groups=tuple(record.host_config.group_add or ()),
        open_stdin=record.config.open_stdin,
        stdin_once=record.config.stdin_once,
        log=None if record.host_config.log_config.type == "none" else f"{context.directory}/log",
        log_max_size=rotated.size,
        log_max_files=rotated.files,
        seccomp=seccomp_program(context.spec, record.host_config, f"{context.core.root}/run", platform.machine()),
    )
    launch.attachments, entry.pending = entry.pending, []  # the runtime's from here on, whatever happens
    context.keeper = entry.keeper = context.core.runtime.spawn(launch)
    context.held.close()
    context.joining.close()
    failpoints.hit("engine.spawned")


def _kill(context: Start) -> None:
    context.keeper.kill(9)
    with contextlib.suppress(WaitTimeout):  # the exit is reported whenever it comes
        context.keeper.gone.result(_UNDO_WAIT)
    context.entry.keeper = None


def _record(context: Start) -> None:
    keeper = context.keeper
    started = context.entry.record.started(keeper.pid, keeper.started_at)
    context.core.commit(context.entry, started, *context.joining.happened, Happening("start"))


STEPS = (
    Step("wait for the last keeper", _wait_for_the_last_keeper),
    Step("files", _files),
    Step("network", _network, _leave_networks),
    Step("volumes", _hold_volumes, _release_volumes),
    Step("spec", _spec),
    Step("spawn", _spawn, _kill),
    Step("record", _record),
)


def _failed(core: Core, entry: Entry, failure: StartFailed) -> Failed:
    """Write down why it could not start and return the error."""
    error = error_of(failure, _PREFIX)
    core.commit(entry, entry.record.with_state(Change.FAIL, exit_code=exit_code(failure), error=error.message))
    return error
