"""``restart``: stop, then start again. Nothing waits: the start follows the end on a thread of the engine's."""

from __future__ import annotations

from concurrent.futures import Future

from dockerkit.daemon.engine.core import Core
from dockerkit.daemon.engine.entries import Entry
from dockerkit.daemon.engine.events import Happening
from dockerkit.daemon.engine.start import start
from dockerkit.daemon.engine.stopping import stop
from dockerkit.errors import Failed


def restart(core: Core, entry: Entry, ref: str, timeout: int | None, signal: str) -> Future[None]:
    """End a container's program as :func:`~dockerkit.daemon.engine.stopping.stop` does, and run it again.

    One that is not running is only started; one that removes itself at its end stays.

    :param ref: what the caller called it.
    :returns: a future, completed when the program runs again; fails as a start does.
    :raises Invalid: no such signal.
    """
    restarted: Future[None] = Future()
    restarted.set_running_or_notify_cancel()  # it goes on whether or not somebody still wants to know
    _expect(entry, 1)
    try:
        stopped = stop(core, entry, timeout, signal)
    except BaseException:
        _expect(entry, -1)
        raise
    # the end is told on the thread that hears all keepers, which must not wait for a start
    stopped.add_done_callback(lambda _: core.pool.submit(_start_again, core, entry, ref, restarted))
    return restarted


def _start_again(core: Core, entry: Entry, ref: str, restarted: Future[None]) -> None:
    _expect(entry, -1)
    try:
        start(core, entry)
        core.note(entry.record, Happening("restart"))
    except Failed as error:
        restarted.set_exception(type(error)(f"cannot restart container {ref}: {error.message}", hint=error.hint))
    except Exception as error:
        restarted.set_exception(error)
    else:
        restarted.set_result(None)


def _expect(entry: Entry, more: int) -> None:
    """Count the restarts that are under way: while there are some, the container's end is not the last word on it."""
    with entry.lock:
        entry.restarts += more
