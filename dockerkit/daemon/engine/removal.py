"""``rm``: a container's directory, record and name go; one that runs is killed first when forced.

Nothing waits: the removal is a future, completed when everything is gone.
"""

from __future__ import annotations

import contextlib
import logging
import os
from concurrent.futures import Future
from functools import partial

from msgspec.structs import replace

from dockerkit.daemon.engine.core import Core
from dockerkit.daemon.engine.entries import Entry
from dockerkit.daemon.engine.events import Happening
from dockerkit.daemon.engine.images.using import used_by
from dockerkit.daemon.engine.lifecycle import Change, Phase
from dockerkit.daemon.kernel import failpoints, trees
from dockerkit.errors import Conflict, DockerkitError, Exhausted, Failed

log = logging.getLogger(__name__)
SIGKILL = 9


def remove(core: Core, entry: Entry, *, force: bool, volumes: bool = False, by_itself: bool = False) -> Future[None]:
    """Remove a container; with `force` kill it first. Asking twice gives the same future.

    :param volumes: its anonymous volumes go too; those of one that goes by itself, or with its owner, always do.
    :param by_itself: nobody asked: who still has output of it to read may do so first.
    :raises Conflict: it runs and `force` was not said; in Docker's words.
    """
    with entry.lock:
        if entry.removal is not None:
            if entry.keeper is not None and not by_itself:
                entry.keeper.release()
            return entry.removal
        record = entry.record
        if record.active and not force:
            raise Conflict(f'cannot remove container "/{record.name}": container is {_refusal(record.phase)}')
        removal = entry.removal = Future()
        removal.set_running_or_notify_cancel()  # several may wait for it: none of them may cancel it
        keeper = entry.keeper
        if keeper is None:
            _finish(core, entry, removal, volumes)
        else:
            if record.alive:
                keeper.kill(SIGKILL)
                core.note(record, Happening("kill", {"signal": str(SIGKILL)}))
            if record.phase is Phase.PAUSED:  # a frozen process dies only when thawed
                with contextlib.suppress(FileNotFoundError):  # it is gone already
                    core.cgroup(record).thaw()
            if not by_itself:
                keeper.release()  # nobody's unread output shall hold up a removal that was asked for
            keeper.gone.add_done_callback(lambda _: core.pool.submit(_finish, core, entry, removal, volumes))
    return removal


def _refusal(phase: Phase) -> str:
    if phase is Phase.PAUSED:
        return "paused and must be unpaused first"
    return f"{phase.value}: stop the container before removing or force remove"


def _finish(core: Core, entry: Entry, removal: Future[None], volumes: bool) -> None:
    id = entry.record.id
    anonymous = volumes or entry.record.owned or entry.record.drops_volumes
    try:
        _intend(core, entry, anonymous)
        core.volumes.drop(id, entry.record.points, anonymous=anonymous)
        _erase(core, entry)
    except Exception as error:
        log.exception("container %s could not be removed", id)
        entry.removal = None
        _mark_dead(core, entry, error)
        entry.waiters.removed(entry.record.state.exit_code, f"failed to remove container {id}: {error}")
        removal.set_exception(
            Failed(f"container {id} could not be removed: {error}", hint="remove it again once the cause is gone")
        )
        return
    entry.waiters.removed(entry.record.state.exit_code)
    removal.set_result(None)
    core.pool.submit(_sweep_up, core, entry)


def _sweep_up(core: Core, entry: Entry) -> None:
    """Delete what was written, and the image when it was there for this container only."""
    remove_tree(core.trash(entry.record.id))
    core.images.let_go(entry.record.image, partial(used_by, core))


def _intend(core: Core, entry: Entry, anonymous: bool) -> None:
    """Write the intent before the act: a crash in between is taken up again. A full disk must not forbid what frees it."""
    if entry.record.phase is not Phase.REMOVING:
        with contextlib.suppress(Exhausted):
            core.commit(entry, replace(entry.record.with_state(Change.REMOVE), drops_volumes=anonymous))


def _erase(core: Core, entry: Entry) -> None:
    """Take everything out of sight at once; each act may have been done before a crash. What was written goes afterwards."""
    for attachment in entry.pending:
        os.close(attachment.fd)
    entry.pending = []
    with contextlib.suppress(FileNotFoundError):
        os.rename(core.directory(entry.record.id), core.trash(entry.record.id))
    failpoints.hit("engine.trashed")
    core.erase(entry, Happening("destroy"))


def _mark_dead(core: Core, entry: Entry, error: Exception) -> None:
    """Write down that the removal failed; when that fails too, it is said beside the removal's own failure."""
    if entry.record.phase is Phase.REMOVING:
        try:
            core.commit(entry, entry.record.with_state(Change.STICK, error=str(error)))
        except DockerkitError as second:
            error.add_note(f"and it could not be written down: {second}")


def remove_tree(path: str) -> None:
    """Remove a directory and all beneath it, by descriptor and never through a link; harmless when it is not there."""
    trees.remove(path)
