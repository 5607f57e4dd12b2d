"""Sessions: what they own goes with them, and a client that outlives the daemon may come back to the next."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading

import pytest
from msgspec.structs import replace
from pretendclock import PretendClock
from pretendcore import add, pretend_core

from dockerkit.daemon.engine.sessions import RECLAIM_SECONDS, Sessions
from dockerkit.daemon.state import sessions as stored
from dockerkit.errors import NotFound

PATIENCE = 20.0
ME = os.getpid()
MADE: list[Sessions] = []


def _sessions(core):
    """Make sessions that end with the test."""
    MADE.append(Sessions(core))
    return MADE[-1]


@pytest.fixture
def clock():
    return PretendClock()


@pytest.fixture
def core(tmp_path, clock):
    made = pretend_core(str(tmp_path), clock)
    os.makedirs(made.trash(""))
    yield made
    for sessions in MADE:
        sessions.stop()
    MADE.clear()
    made.events.close()
    made.database.close()


@pytest.fixture
def process():
    """A process that ends when it is killed."""
    made = subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE)
    yield made
    made.kill()
    made.communicate()


def _own(core, id, name="x"):
    entry = add(core, name)
    core.commit(entry, replace(entry.record, session=id))
    return entry


def _names(core):
    return sorted(entry.record.name for entry in core.entries.all())


def _destroyed(core) -> threading.Event:
    gone = threading.Event()
    core.events.subscribe(lambda event: gone.set() if event.action == "destroy" else None)
    return gone


def test_what_a_session_owns_goes_with_its_process(core, process):
    sessions = _sessions(core)
    _own(core, sessions.open(os.pidfd_open(process.pid), process.pid))
    add(core, "y")
    gone = _destroyed(core)
    process.kill()
    assert gone.wait(PATIENCE)
    assert _names(core) == ["y"]


def test_a_session_of_the_daemon_before_is_reclaimed_by_its_process_in_time(core, clock):
    before = _sessions(core).open(None, ME)
    _own(core, before)
    sessions = _sessions(core)
    sessions.recover()
    clock.pass_(RECLAIM_SECONDS - 0.5)
    assert sessions.open(os.pidfd_open(ME), ME, reclaim=before) == before
    clock.pass_(100)
    assert _names(core) == ["x"]
    sessions.check(before)
    sessions.close(before)
    assert _names(core) == []
    assert stored.everything(core.database) == {}


def test_who_comes_too_late_is_told_so_and_what_it_owned_is_gone(core, clock):
    before = _sessions(core).open(None, ME)
    _own(core, before)
    sessions = _sessions(core)
    sessions.recover()
    clock.pass_(RECLAIM_SECONDS + 0.1)
    assert _names(core) == []
    pidfd = os.pidfd_open(ME)
    with pytest.raises(NotFound, match="No such session"):
        sessions.open(pidfd, ME, reclaim=before)
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(pidfd)


def test_a_session_whose_process_is_gone_is_not_waited_for(core, clock, process):
    before = _sessions(core).open(None, process.pid)
    _own(core, before)
    process.kill()
    process.wait()
    sessions = _sessions(core)
    sessions.recover()
    clock.pass_(0)
    assert _names(core) == []


def test_a_process_that_ends_before_it_comes_back_takes_its_containers_along_at_once(core, process):
    before = _sessions(core).open(None, process.pid)
    _own(core, before)
    sessions = _sessions(core)
    sessions.recover()
    gone = _destroyed(core)
    os.kill(process.pid, signal.SIGKILL)
    assert gone.wait(PATIENCE)


@pytest.mark.parametrize("how", ["unknown", "held", "of another process"])
def test_what_cannot_be_reclaimed_is_refused(core, how):
    sessions = _sessions(core)
    id = _sessions(core).open(None, ME)
    if how == "of another process":
        sessions.recover()
    if how == "held":
        id = sessions.open(None, ME)
    with pytest.raises(NotFound):
        sessions.open(None, 1 if how == "of another process" else ME, reclaim="0" * 32 if how == "unknown" else id)


def test_a_session_that_was_reclaimed_cannot_be_reclaimed_again(core):
    id = _sessions(core).open(None, ME)
    sessions = _sessions(core)
    sessions.recover()
    sessions.open(None, ME, reclaim=id)
    with pytest.raises(NotFound):
        sessions.open(None, ME, reclaim=id)
