"""Sessions: what they own goes with them, and a client that outlives the daemon may come back to the next."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from concurrent.futures import Future
from types import SimpleNamespace

import pytest
from msgspec.structs import replace
from pretendclock import PretendClock
from pretendcore import add, pretend_core

from dockerkit.daemon.engine.networks import rules
from dockerkit.daemon.engine.networks.entries import NetworkEntry
from dockerkit.daemon.engine.networks.record import NetworkRecord
from dockerkit.daemon.engine.sessions import RECLAIM_SECONDS, Sessions
from dockerkit.daemon.state import networks
from dockerkit.daemon.state import sessions as stored
from dockerkit.errors import NotAllowed, NotFound
from dockerkit.schema.wire import decode, encode

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


def test_what_is_let_go_of_while_its_session_ends_goes_with_its_anonymous_volumes(core, monkeypatch):
    sessions = _sessions(core)
    entry = _own(core, id := sessions.open(None, ME))
    entry.keeper = SimpleNamespace(gone=Future(), release=lambda: None)  # its program takes a while to die
    dropped, gone = [], _destroyed(core)
    monkeypatch.setattr(core.volumes, "drop", lambda *_, anonymous: dropped.append(anonymous))
    sessions.close(id)
    sessions.disown(id, entry.record.id)
    entry.keeper.gone.set_result(None)
    assert gone.wait(PATIENCE)
    assert dropped == [True]


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


def _network(core, monkeypatch, name="net"):
    monkeypatch.setattr(rules, "apply", lambda core: None)
    entry = NetworkEntry(NetworkRecord(id=name * 21, name=name, created=1, driver="null"))
    with core.database.transaction() as tx:
        networks.put(tx, entry.record.id, name, encode(entry.record))
    core.networks.add(entry)
    return entry


def test_network_of_a_session_goes_with_it_after_its_containers(core, monkeypatch):
    sessions, entry = _sessions(core), _network(core, monkeypatch)
    id = sessions.open(None, 0)
    sessions.own_network(id, "net")
    assert [decode(row, NetworkRecord).session for row in networks.everything(core.database)] == [id]
    entry.members["nobody"] = None  # one that goes this moment, and is not known any more
    sessions.close(id)
    assert core.networks.find("net") is None
    assert list(networks.everything(core.database)) == []


def test_network_taken_from_a_session_outlives_it(core, monkeypatch):
    sessions, _ = _sessions(core), _network(core, monkeypatch)
    id, other = sessions.open(None, 0), sessions.open(None, 0)
    sessions.own_network(id, "net")
    sessions.disown_network(other, "net")
    sessions.disown_network(id, "net")
    sessions.close(id)
    assert core.networks.find("net") is not None


def test_who_owns_a_network_must_be_open_and_the_network_somebody_s_own(core, monkeypatch):
    sessions, _ = _sessions(core), _network(core, monkeypatch, "bridge")
    with pytest.raises(NotFound, match="No such session"):
        sessions.own_network("nosuch", "bridge")
    id = sessions.open(None, 0)
    with pytest.raises(NotAllowed, match="pre-defined"):
        sessions.own_network(id, "bridge")
    with pytest.raises(NotFound, match="network nosuch not found"):
        sessions.own_network(id, "nosuch")
