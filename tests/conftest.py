"""What every suite shares: a live daemon of its own, a client to it, and the check that nothing is left behind."""

from __future__ import annotations

import os
import pathlib
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator

import pytest

from dockerkit.daemon.images.bootstrap import elf
from tests.leftovers import left_behind
from tests.livedaemon import LiveDaemon
from tests.privatenet import forget

ROOTS: list[str] = []
"""Every data root the suite made; the last check looks for what they left."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Say why system tests do not run where they cannot."""
    if os.geteuid() == 0 and sys.platform == "linux":
        return
    skip = pytest.mark.skip(reason="needs root on Linux: namespaces, mounts and cgroups are made for real")
    for item in items:
        if item.get_closest_marker("system") or "live_daemon" in getattr(item, "fixturenames", ()):
            item.add_marker(skip)


@pytest.fixture(scope="session", autouse=True)
def nothing_left_behind() -> Iterator[None]:
    """After the last test: no process, mount, cgroup or file of any data root the suite made."""
    yield
    left = left_behind(ROOTS)
    for root in ROOTS:
        forget(root)
    assert not left, "the suite left this behind:\n" + "\n".join(left)


@pytest.fixture(scope="session")
def new_root() -> Iterator[Callable[[], str]]:
    """Make data roots that are removed after the last test (short paths: sockets live in them)."""
    made: list[str] = []

    def make() -> str:
        root = tempfile.mkdtemp(prefix="dkt-")
        made.append(root)
        ROOTS.append(root)
        return root

    yield make
    for root in made:
        shutil.rmtree(root)


@pytest.fixture(scope="session")
def daemon_factory(new_root: Callable[[], str]) -> Iterator[Callable[..., LiveDaemon]]:
    """Start daemons on roots of their own; all are stopped after the last test."""
    started: list[LiveDaemon] = []

    def start(root: str | None = None, *, private: bool = True, **environment: str) -> LiveDaemon:
        daemon = LiveDaemon.start(root or new_root(), environment, private=private)
        started.append(daemon)
        return daemon

    yield start
    for daemon in started:
        daemon.stop()


@pytest.fixture(scope="session")
def live_daemon(daemon_factory: Callable[..., LiveDaemon]) -> LiveDaemon:
    """One daemon for the whole suite, with the images ``busybox`` at hand."""
    daemon = daemon_factory()
    daemon.bootstrap("busybox")
    return daemon


@pytest.fixture
def client(live_daemon: LiveDaemon):  # type: ignore[no-untyped-def]
    """A client of the suite's daemon; the test leaves the daemon without containers."""
    import dockerkit

    with dockerkit.connect(live_daemon.url) as connected:
        before = {c.id for c in connected.containers.list(all=True)}
        yield connected
        for container in connected.containers.list(all=True):
            if container.id not in before:
                container.remove(force=True)


@pytest.fixture(scope="session")
def static_busybox() -> pathlib.Path:
    """The host's static busybox, or a skip that says how to get it."""
    for path in ("/bin/busybox", "/usr/bin/busybox"):
        if os.path.exists(path) and _is_static(path):
            return pathlib.Path(path)
    pytest.skip("no static busybox here: apt-get install busybox-static")


def _is_static(path: str) -> bool:
    program = elf.parse(pathlib.Path(path).read_bytes())
    return program is not None and not program.interpreter
