"""``kill`` and ``stop``: signals to the container's init, and the grace between asking and killing."""

from __future__ import annotations

import contextlib
from concurrent.futures import Future

from msgspec.structs import replace

from dockerkit.daemon.engine.core import Core
from dockerkit.daemon.engine.entries import Entry
from dockerkit.daemon.engine.events import Happening
from dockerkit.daemon.engine.lifecycle import Change, Phase
from dockerkit.daemon.engine.record import Record
from dockerkit.daemon.engine.removal import SIGKILL
from dockerkit.daemon.engine.waiting import NEXT_EXIT
from dockerkit.errors import Conflict
from dockerkit.schema.container import WaitResponse
from dockerkit.schema.signals import parse_signal

DEFAULT_GRACE = 10
"""Seconds between the stop signal and SIGKILL, as dockerd."""


def kill(core: Core, entry: Entry, signal: str, ref: str) -> Future[None]:
    """Send a signal to the container's init; one that awaits its restart will not be restarted.

    A paused one goes on with a signal that is meant to end it, so that the signal can.

    :param ref: what the caller called it; Docker's clients look for it in the refusal.
    :param signal: ``"SIGTERM"``, ``"term"`` or ``"15"``.
    :raises Invalid: no such signal.
    :raises Conflict: it is not running; in Docker's words.
    :returns: a future, completed at once, or after SIGKILL when it has ended: who asks then sees it dead, as from dockerd.
    """
    number = parse_signal(signal)
    killed: Future[None] = Future()
    killed.set_running_or_notify_cancel()  # the signal is sent whether or not somebody still wants to know
    with entry.lock:
        if entry.record.phase is Phase.RESTARTING:
            _give_up(core, entry)
        elif entry.record.alive and entry.keeper is not None:
            ended = entry.waiters.add(NEXT_EXIT) if number == SIGKILL else None
            _send(core, entry, number)
            if ended is not None:
                ended.add_done_callback(lambda _: killed.set_result(None))
                return killed
        else:
            raise Conflict(f"cannot kill container: {ref}: container {entry.record.id} is not running")
    killed.set_result(None)
    return killed


def stop(core: Core, entry: Entry, timeout: int | None, signal: str) -> Future[bool]:
    """Ask the container to end, and kill it when `timeout` seconds have passed; -1 waits for ever.

    :returns: a future, completed when it has ended: True, or at once False when it was not running.
    """
    stopped: Future[bool] = Future()
    stopped.set_running_or_notify_cancel()  # the stop goes on whether or not somebody still wants to know
    config = entry.record.config
    with entry.lock:
        number = parse_signal(signal or config.stop_signal or "SIGTERM")
        if entry.record.phase is Phase.RESTARTING:
            _give_up(core, entry, Happening("stop"))
            stopped.set_result(True)
            return stopped
        if not entry.record.alive or entry.keeper is None:
            stopped.set_result(False)
            return stopped
        ended = entry.waiters.add(NEXT_EXIT)
        _send(core, entry, number, asked=True)
    _then_kill(core, entry, _grace(entry, timeout), ended, stopped)
    return stopped


def resume(core: Core, entry: Entry) -> None:
    """Go on with the stop of a daemon before, whose grace begins anew: what it was is not known."""
    _then_kill(core, entry, _grace(entry, None), entry.waiters.add(NEXT_EXIT), Future())


def _grace(entry: Entry, timeout: int | None) -> int:
    grace = timeout if timeout is not None else entry.record.config.stop_timeout
    return grace if isinstance(grace, int) else DEFAULT_GRACE


def _send(core: Core, entry: Entry, number: int, *, asked: bool = False) -> None:
    """Send a signal to a living container; `asked`: it is the one it was asked to be stopped by."""
    assert entry.keeper is not None
    record, happenings = entry.record, [Happening("kill", {"signal": str(number)})]
    entry.keeper.kill(number)
    if asked or _ends(record, number):
        record = replace(record, manually_stopped=True, stopping=record.stopping or asked)
        if record.phase is Phase.PAUSED:
            with contextlib.suppress(FileNotFoundError):  # it ended this moment
                core.cgroup(record).thaw()
            record = record.with_state(Change.UNPAUSE)
            happenings += [Happening("unpause")] if number != SIGKILL else []
    core.commit(entry, record, *happenings)


def _ends(record: Record, number: int) -> bool:
    """Tell whether a signal is meant to end a container: for dockerd any is, unless the container has named its own."""
    named = record.config.stop_signal
    return not named or number in (SIGKILL, parse_signal(named))


def _give_up(core: Core, entry: Entry, *happenings: Happening) -> None:
    """Leave a container ended that awaits its restart."""
    record = entry.record.with_state(Change.GIVE_UP)
    core.commit(entry, replace(record, manually_stopped=True), *happenings)
    entry.waiters.exited(record.state.exit_code)


def _then_kill(core: Core, entry: Entry, grace: int, ended: Future[WaitResponse], stopped: Future[bool]) -> None:
    timer = core.timers.after(grace, lambda: core.pool.submit(_kill_if_running, core, entry, ended)) if grace >= 0 else None

    def finish(_: Future[WaitResponse]) -> None:
        if timer:
            timer.cancel()
        stopped.set_result(True)

    ended.add_done_callback(finish)


def _kill_if_running(core: Core, entry: Entry, ended: Future[WaitResponse]) -> None:
    with entry.lock:
        if not ended.done() and entry.keeper is not None and entry.record.alive:
            _send(core, entry, SIGKILL)
