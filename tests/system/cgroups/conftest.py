"""One group parent for each test, on every implementation this host can offer; nothing stays behind.

Version 2 is there twice: on the machine's own unified hierarchy, which may lack the controllers (version 1 has them then), and
on one of plain files, which has all of them and no processes: tests of processes do without it, tests of what is version 2's
own do without version 1. What else an implementation cannot do is skipped by what a test needs.
"""

import os
import secrets

import pytest
from faketree import FakeTree

from dockerkit.daemon.kernel.cgroups import detect, version2
from dockerkit.daemon.kernel.cgroups.controllers2 import look
from dockerkit.daemon.kernel.cgroups.hierarchies import read_mounts

MOUNTED = read_mounts()
IMPLEMENTATIONS = [
    *(["version1"] if MOUNTED.version1 else []),
    *(["version2"] if MOUNTED.version2 else []),
    "version2-of-files",
]


def pytest_generate_tests(metafunc):
    """Run each test on the implementations that have what it is about."""
    if "handle" not in metafunc.fixturenames:
        return
    unfit = {"version1"} if metafunc.module.__name__.endswith("version2") else set()
    if "real" in metafunc.fixturenames:
        unfit.add("version2-of-files")
    metafunc.parametrize("handle", [name for name in IMPLEMENTATIONS if name not in unfit], indirect=True)


@pytest.fixture
def handle(request, monkeypatch, tmp_path):
    """Return a function that gives a new handle for one parent, as another process would have it."""
    parent = f"dockerkit-test{secrets.token_hex(4)}"
    if request.param != "version2-of-files":
        return lambda: detect(parent, version=int(request.param[-1]))
    directory = tmp_path / "unified"
    directory.mkdir()
    FakeTree.root(str(directory))
    monkeypatch.setattr(version2, "Tree", FakeTree)
    monkeypatch.setattr(version2.bpf, "impose", lambda directory, program: None)
    return lambda: version2.Version2(parent, str(directory), look(str(directory)).controllers)


@pytest.fixture
def real():
    """Asked for where there must be processes."""


@pytest.fixture
def cgroups(handle):
    groups = handle()
    groups.prepare()
    yield groups
    for path in groups.list():
        group = groups.open(path)
        if group.pids():
            group.kill()
        group.remove()
    groups.discard()


@pytest.fixture
def needs(cgroups):
    """Skip where the host cannot keep these limits."""

    def check(*features):
        if missing := set(features) - cgroups.features():
            pytest.skip(f"{cgroups.reason or 'plain files'} without {', '.join(sorted(missing))}")

    return check


@pytest.fixture
def group(cgroups):
    return cgroups.create(f"{cgroups.parent}/confined/one", {})


@pytest.fixture
def inside(real):
    """Run a function in a forked child that has joined a group; returns the child's pid. Children are reaped at the end."""
    children = []

    def start(group, function, *, wait=True):
        readable, writable = os.pipe()
        pid = os.fork()
        if pid == 0:
            code = 70
            try:
                group.join()
                os.write(writable, b".")
                code = function() or 0
            finally:
                os._exit(code)
        children.append(pid)
        os.close(writable)
        if wait:
            assert os.read(readable, 1) == b".", "the child could not join"
        os.close(readable)
        return pid

    yield start
    for pid in children:
        try:
            os.kill(pid, 9)
            os.waitpid(pid, 0)
        except (ProcessLookupError, ChildProcessError):
            continue


@pytest.fixture
def exit_status():
    """Wait for a child; return its exit code, negative for a signal."""

    def wait(pid):
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])

    return wait
