"""What every suite shares: a live daemon of its own, a client to it, and the check that nothing is left behind."""

from __future__ import annotations

import os
import pathlib
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator

import pytest
from hypothesis import settings

from dockerkit.daemon.images.bootstrap import elf
from tests import earlier
from tests.leftovers import left_behind, take_away
from tests.livedaemon import LiveDaemon
from tests.parity import reference as private
from tests.parity.attempts import pytest_runtest_protocol, pytest_terminal_summary
from tests.privatenet import forget

__all__ = ["pytest_runtest_protocol", "pytest_terminal_summary"]
SUITE = os.getpid()
ROOTS: list[str] = []
"""Every data root the suite made; the last check looks for what they left."""
BORROWED = os.environ.get("DOCKERKIT_PARITY_REFERENCE", "")
"""Socket of a dockerd to compare with, instead of starting one; it must have ``busybox:latest`` and be nobody's treasure."""

settings.register_profile("same", derandomize=True, deadline=None)
settings.register_profile("other", deadline=None)
settings.load_profile("same")
"""What is drawn is the same each time, however long it takes; ``--hypothesis-profile=other`` draws anew."""


def pytest_configure(config: pytest.Config) -> None:
    """Have both signals end the suite in order; take away what earlier suites left that could not end so.

    A shell has what it starts in the background ignore SIGINT, and whatever that starts in its turn: the programs that the
    tests interrupt would not hear of it.
    """
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, _terminated)
    if not hasattr(config, "workerinput"):  # pytest-xdist: one of several; the first of all has looked
        for line in earlier.swept():
            print(line, file=sys.stderr)


def _terminated(number: int, frame: object) -> None:
    if os.getpid() == SUITE:
        pytest.exit("SIGTERM: fixtures are taken down", returncode=128 + number)
    signal.signal(number, signal.SIG_DFL)  # a test's fork, which is to die as anybody else
    os.kill(os.getpid(), number)


ALONE = {
    "browser": "a browser is slow enough by itself",
    "parity/test_parity_reference.py": "looks at all of /run",
    "system/networks/test_firewall_tables.py": "compares times",
    "system/plugin/test_plugin_killed.py": "looks for what any suite left in /tmp",
    "system/probe": "looks for what any probe left anywhere",
    "system/traffic/test_traffic_outside.py": "switches on the machine's own forwarding",
    "system/traffic/test_traffic_storm.py": "two hundred containers, and a limit of time",
}
"""Tests that are marked ``alone``, and why."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark those that come alone; say why system tests do not run where they cannot."""
    here = pathlib.Path(__file__).parent
    for item in items:
        if any(item.path.is_relative_to(here / path) for path in ALONE):
            item.add_marker("alone")
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
    if left:
        take_away(ROOTS)
    for root in ROOTS:
        forget(root)
    assert not left, "the suite left this behind:\n" + "\n".join(left)


@pytest.fixture(scope="session")
def new_root() -> Iterator[Callable[[], str]]:
    """Make data roots that are removed after the last test (short paths: sockets live in them)."""
    made: list[str] = []

    def make() -> str:
        root = tempfile.mkdtemp(prefix=earlier.prefix())
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


@pytest.fixture(scope="session")
def reference_socket() -> Iterator[str]:
    """The socket of a real dockerd, one for the whole suite, or a skip that says what to install."""
    if BORROWED:
        yield BORROWED
        return
    if reason := private.why_not():
        pytest.skip(reason)
    directory = tempfile.mkdtemp(prefix="dkr-")
    os.rmdir(directory)
    with private.Reference(directory) as running:
        yield running.socket


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
