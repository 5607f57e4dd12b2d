"""One group parent for each test, on every implementation this host can offer; nothing stays behind."""

import os
import secrets

import pytest

from dockerkit.daemon.kernel.cgroups import detect


def version1(parent):
    return detect(parent)


IMPLEMENTATIONS = {"version1": version1}


@pytest.fixture(params=sorted(IMPLEMENTATIONS))
def cgroups(request):
    groups = IMPLEMENTATIONS[request.param](f"dockerkit-test{secrets.token_hex(4)}")
    groups.prepare()
    yield groups
    for path in groups.list():
        group = groups.open(path)
        group.kill()
        group.remove()
    groups.discard()


@pytest.fixture
def group(cgroups):
    return cgroups.create(f"{cgroups.parent}/confined/one", {})


@pytest.fixture
def inside():
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
