"""Leases: what is under way is never collected, and a crash leaves none."""

from __future__ import annotations

import fcntl
import os
import signal
import threading
from pathlib import Path

import pytest

from dockerkit.daemon.images.leases import LeasedStore, Leases
from dockerkit.daemon.images.store import Store


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(str(tmp_path))


@pytest.fixture
def leases(store: Store) -> Leases:
    return Leases(store.directory)


def held(leases: Leases) -> frozenset[str]:
    with leases.collecting() as found:
        return found


def files(store: Store) -> list[str]:
    return os.listdir(f"{store.directory}/leases")


def test_what_is_written_is_held_until_the_work_is_done(store: Store, leases: Leases) -> None:
    with leases.take() as lease:
        blob = LeasedStore(store, lease).write(b"x", "text/plain")
        assert held(leases) == {blob.digest}
    assert (held(leases), files(store)) == (frozenset(), [])


def test_a_blob_is_held_before_it_is_there(store: Store, leases: Leases, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[frozenset[str]] = []
    real = os.rename

    def rename(*names: str) -> None:
        seen.append(held(leases))
        real(*names)

    with leases.take() as lease:
        monkeypatch.setattr(os, "rename", rename)
        blob = LeasedStore(store, lease).write(b"x", "text/plain")
    assert seen == [{blob.digest}]


def test_what_is_found_is_held(store: Store, leases: Leases) -> None:
    blob = store.write(b"x", "text/plain")
    with leases.take() as lease:
        assert LeasedStore(store, lease).has(blob.digest)
        assert not LeasedStore(store, lease).has(f"sha256:{'0' * 64}")
        assert held(leases) == {blob.digest}


def test_nothing_is_found_while_something_is_collected(store: Store, leases: Leases) -> None:
    blob = store.write(b"x", "text/plain")
    answers: list[bool] = []
    with leases.take() as lease:
        with leases.collecting() as found:
            asking = threading.Thread(target=lambda: answers.append(LeasedStore(store, lease).has(blob.digest)))
            asking.start()
            assert blob.digest not in found
            store.delete(blob.digest)
        asking.join(10)
    assert answers == [False]


def test_several_pieces_of_work_hold_side_by_side(store: Store, leases: Leases) -> None:
    with leases.take() as one, leases.take() as two:
        one.hold("a")
        two.hold("b")
        assert held(leases) == {"a", "b"}


def test_work_that_fails_gives_its_lease_back(store: Store, leases: Leases) -> None:
    with pytest.raises(ZeroDivisionError), leases.take() as lease:
        lease.hold("a")
        _ = 1 // 0
    assert (held(leases), files(store)) == (frozenset(), [])


def test_a_killed_process_leaves_no_lease(store: Store, leases: Leases) -> None:
    told, tell = os.pipe()
    child = os.fork()
    if child == 0:
        with Leases(store.directory).take() as lease:
            lease.hold("a")
            os.write(tell, b"!")
            signal.pause()
    assert os.read(told, 1) == b"!"
    assert held(leases) == {"a"}, "another process's lease counts while it lives"
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    os.close(told)
    os.close(tell)
    assert (held(leases), files(store)) == (frozenset(), [])


def test_a_collection_does_not_see_a_lease_before_it_is_locked(
    store: Store, leases: Leases, monkeypatch: pytest.MonkeyPatch
) -> None:
    collections: list[threading.Thread] = []
    real = fcntl.flock

    def flock(file: int, how: int) -> None:
        if not collections:
            collections.append(threading.Thread(target=held, args=(leases,)))
            collections[0].start()
            collections[0].join(0.3)  # as much time as it needs, if nothing holds it up
        real(file, how)

    monkeypatch.setattr(fcntl, "flock", flock)
    with leases.take() as lease:
        collections[0].join()
        lease.hold("a")
        assert held(leases) == {"a"}
