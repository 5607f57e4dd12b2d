"""Sandboxes: warm when asked for, never shared, gone when closed, and back after the kernel once had no room."""

from __future__ import annotations

import errno
import os
import subprocess
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from netlab import IDENTITY, Lab, new_namespace

from dockerkit.daemon.kernel import namespaces
from dockerkit.daemon.kernel.netlink import Visitor
from dockerkit.daemon.networks import sandboxes
from dockerkit.daemon.networks.links import Links
from dockerkit.daemon.networks.sandboxes import Sandboxes

pytestmark = pytest.mark.system


def inode(descriptor: int) -> int:
    return os.fstat(descriptor).st_ino


def test_nobody_gets_anothers_namespace(lab: Lab) -> None:
    with ThreadPoolExecutor(8) as threads:
        taken = list(threads.map(lambda _: lab.sandbox(), range(24)))
    assert len({inode(sandbox.fd) for sandbox in taken} | {inode(lab.namespace), os.stat("/proc/self/ns/net").st_ino}) == 26
    assert all([link.name for link in sandbox.links()] == ["lo"] and sandbox.links()[0].up for sandbox in taken)


def test_the_thread_that_asks_stays_where_it_is(lab: Lab) -> None:
    here = os.stat("/proc/thread-self/ns/net").st_ino
    lab.joined(lab.made("10.9.0.0/24"))
    assert os.stat("/proc/thread-self/ns/net").st_ino == here != inode(lab.namespace)


def test_the_next_are_made_when_there_is_time(monkeypatch: pytest.MonkeyPatch) -> None:
    visitor, made = Visitor(), threading.Semaphore(0)
    real = namespaces.unshare

    def counted(flags: int) -> None:
        real(flags)
        made.release()

    monkeypatch.setattr(sandboxes.namespaces, "unshare", counted)
    pool = Sandboxes(visitor)
    first = pool.take()
    assert all(made.acquire(timeout=5) for _ in range(1 + sandboxes.WARM))
    second = pool.take()
    assert not made.acquire(blocking=False)  # not while that one's container starts
    pool.warm()
    assert made.acquire(timeout=5)
    second.close()
    first.close()
    first.close()
    pool.close()
    visitor.close()


def test_a_kernel_without_room_once_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    visitor, real, refusals = Visitor(), namespaces.unshare, iter([errno.ENOSPC, errno.ENOSPC])

    def full(flags: int) -> None:
        if code := next(refusals, 0):
            raise OSError(code, "unshare: no room")
        real(flags)

    monkeypatch.setattr(sandboxes.namespaces, "unshare", full)
    pool = Sandboxes(visitor)
    pool.warm()
    sandbox = pool.take()  # the first warm one had failed
    assert [link.name for link in sandbox.links()] == ["lo"]
    sandbox.close()
    pool.close()
    visitor.close()


def test_links_leave_no_thread_descriptor_or_namespace() -> None:
    before, namespace = set(threading.enumerate()), new_namespace()
    descriptors = len(os.listdir("/proc/self/fd"))
    lab = Lab(namespace, Links(IDENTITY, namespace))
    lab.joined(lab.made("10.9.0.0/24", "fd77::/64"))
    lab.close()
    assert set(threading.enumerate()) == before
    assert len(os.listdir("/proc/self/fd")) == descriptors - 1  # the namespace's own is closed too


def test_a_daemon_in_the_machines_own_namespace_sees_its_routes() -> None:
    links = Links(IDENTITY)
    try:
        listed = subprocess.check_output(["ip", "-4", "route"], text=True)
        for route in links.host_routes():
            assert route.version == 6 or str(route).removesuffix("/32") in listed
        assert links.names() == []
    finally:
        links.close()
