"""``kill`` and ``stop``: signals to the container's init, and the grace between asking and killing."""

from __future__ import annotations

import threading
from concurrent.futures import Future

from dockerkit.daemon.engine.core import Core
from dockerkit.daemon.engine.entries import Entry
from dockerkit.daemon.engine.events import Happening
from dockerkit.daemon.engine.lifecycle import Phase
from dockerkit.daemon.engine.removal import SIGKILL
from dockerkit.daemon.engine.waiting import NEXT_EXIT
from dockerkit.errors import Conflict
from dockerkit.schema.container import WaitResponse
from dockerkit.schema.signals import parse_signal

DEFAULT_GRACE = 10
"""Seconds between the stop signal and SIGKILL, as dockerd."""


def kill(core: Core, entry: Entry, signal: str, ref: str) -> None:
    """Send a signal to the container's init.

    :param ref: what the caller called it; Docker's clients look for it in the refusal.
    :param signal: ``"SIGTERM"``, ``"term"`` or ``"15"``.
    :raises Invalid: no such signal.
    :raises Conflict: it is not running; in Docker's words.
    """
    number = parse_signal(signal)
    with entry.lock:
        record, keeper = entry.record, entry.keeper
        if record.phase is not Phase.RUNNING or keeper is None:
            raise Conflict(f"cannot kill container: {ref}: container {record.id} is not running")
        keeper.kill(number)
        core.commit(entry, record, Happening("kill", {"signal": str(number)}))


def stop(core: Core, entry: Entry, timeout: int | None, signal: str) -> Future[bool]:
    """Ask the container to end, and kill it when `timeout` seconds have passed; -1 waits for ever.

    :returns: a future, completed when it has ended: True, or at once False when it was not running.
    """
    stopped: Future[bool] = Future()
    stopped.set_running_or_notify_cancel()  # the stop goes on whether or not somebody still wants to know
    config = entry.record.config
    with entry.lock:
        record, keeper = entry.record, entry.keeper
        if record.phase is not Phase.RUNNING or keeper is None:
            stopped.set_result(False)
            return stopped
        number = parse_signal(signal or config.stop_signal or "SIGTERM")
        ended = entry.waiters.add(NEXT_EXIT)
        keeper.kill(number)
        core.commit(entry, record, Happening("kill", {"signal": str(number)}))
    grace = timeout if timeout is not None else config.stop_timeout
    _then_kill(core, entry, DEFAULT_GRACE if not isinstance(grace, int) else grace, ended, stopped)
    return stopped


def _then_kill(core: Core, entry: Entry, grace: int, ended: Future[WaitResponse], stopped: Future[bool]) -> None:
    timer = threading.Timer(grace, _kill_if_running, (core, entry, ended))
    timer.daemon = True

    def finish(_: Future[WaitResponse]) -> None:
        timer.cancel()
        with entry.lock:
            core.commit(entry, entry.record, Happening("stop"))
        stopped.set_result(True)

    ended.add_done_callback(finish)
    if grace >= 0 and not ended.done():
        timer.start()


def _kill_if_running(core: Core, entry: Entry, ended: Future[WaitResponse]) -> None:
    with entry.lock:
        keeper = entry.keeper
        if not ended.done() and keeper is not None and entry.record.phase is Phase.RUNNING:
            keeper.kill(SIGKILL)
            core.commit(entry, entry.record, Happening("kill", {"signal": str(SIGKILL)}))
