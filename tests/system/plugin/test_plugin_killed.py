"""A suite that is killed without a word leaves nothing: no container, no holder, no folder."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest

from tests.livedaemon import LiveDaemon
from tests.unit.plugin.suites import HOME, Suite

pytest_plugins = ["pytester"]
pytestmark = pytest.mark.system

CONFTEST = """
    from pytest_dockerkit import container
    box = container("busybox", "sleep", "1000", scope="session")
    one = container("busybox", "sleep", "1000", scope="session", shared=True)
"""
TESTS = """
    import os, signal, pytest

    @pytest.mark.parametrize("n", range({workers}))
    def test(box, one, dk_container, n):
        ids = (box.id, one.id, dk_container("busybox", "sleep", "1000").id)
        with open("told", "w") as told:
            print(*ids, file=told, flush=True)
        signal.pause()
"""
FOREIGN = """
    import dataclasses
    import dockerkit.client.engine as engine

    known = engine._identity
    engine._identity = lambda version, wanted: dataclasses.replace(known(version, wanted), extensions="")
"""


def running(suite: Suite, workers: int, *arguments: str) -> tuple[subprocess.Popen[bytes], set[str]]:
    """Start a suite; return it and its containers when all its tests are in the middle."""
    os.mkfifo(suite.path / "told")
    reader = os.open(suite.path / "told", os.O_RDONLY | os.O_NONBLOCK)
    os.set_blocking(reader, True)
    writer = os.open(suite.path / "told", os.O_WRONLY)  # so that there is no end of file between two tests
    process = suite.start(*arguments)
    with open(reader) as told:
        ids = {id for _ in range(workers) for id in told.readline().split()}
    os.close(writer)
    return process, ids


def gone(daemon: LiveDaemon, ids: set[str]) -> bool:
    """Wait until the engine has removed these; it wakes us."""
    for id in ids:
        status, _ = daemon.request("POST", f"/containers/{id}/wait?condition=removed")
        assert status in (200, 404)
    _, left = daemon.request("GET", "/containers/json?all=1")
    return not ids & {container["Id"] for container in left}


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("whole_group", [True, False], ids=["all", "first"])
def test_killed_suites_leave_nothing(suite: Suite, live_daemon: LiveDaemon, workers: int, whole_group: bool) -> None:
    before = set(shared_folders())
    suite.write(CONFTEST, TESTS.format(workers=workers))
    process, ids = running(suite, workers, *(() if workers == 1 else ("-n", str(workers))))
    assert len(ids) == (3 if workers == 1 else 2 * workers + 1)
    if whole_group:
        os.killpg(process.pid, signal.SIGKILL)
    else:
        process.kill()
    process.wait()
    assert gone(live_daemon, ids)
    for folder in set(shared_folders()) - before:
        holder_ended(folder)


def shared_folders() -> list[Path]:
    return list(Path(tempfile.gettempdir()).glob("dockerkit-shared-*"))


def holder_ended(folder: Path) -> None:
    """Wait for the holder of a killed run: its socket ends with it, and then the folder is gone."""
    import socket

    for door in folder.glob("*/holder.sock"):
        with socket.socket(socket.AF_UNIX) as asking:
            try:
                asking.connect(str(door))
                asking.recv(1)
            except OSError:
                continue
    assert not folder.exists()


def test_on_a_foreign_engine_the_next_suite_sweeps(suite: Suite, live_daemon: LiveDaemon, client: Any) -> None:
    suite.write(FOREIGN + CONFTEST, TESTS.format(workers=1))
    process, ids = running(suite, 1)
    assert {"dockerkit.owner", "dockerkit.process"} <= client.containers[min(ids)].labels.keys()
    process.kill()
    process.wait()
    assert all(id in client.containers for id in ids), "nobody watches there"
    suite.write(FOREIGN, "def test(dk_container): dk_container('busybox', 'sleep', '1000')")
    suite.run().assert_outcomes(passed=1)
    assert gone(live_daemon, ids)


def test_on_a_foreign_engine_what_was_kept_is_not_swept(suite: Suite, client: Any) -> None:
    suite.write(FOREIGN + CONFTEST, "def test(box): assert 0")
    result = suite.run("--dk-keep")
    kept = re.search(r"^box: docker -H (\S+) exec -it ([0-9a-f]{12}) sh$", result.stdout.str(), re.MULTILINE)
    assert kept[1] == client.url
    suite.write(FOREIGN, "def test(dk_client): pass")
    suite.run().assert_outcomes(passed=1)
    assert client.containers[kept[2]].status == "running"


def test_a_holder_whose_run_has_ended_already_ends_too(live_daemon: LiveDaemon, tmp_path: Path) -> None:
    run = subprocess.Popen(["true"])
    run.wait()
    folder = tmp_path / "shared" / "engine"
    folder.mkdir(parents=True)
    command = [sys.executable, "-m", "dockerkit.testing.holder", live_daemon.url, str(folder), str(run.pid), "1"]
    held = subprocess.run(command, check=False, cwd=HOME, stdout=subprocess.PIPE, timeout=60)
    assert (held.returncode, held.stdout) == (0, b"ready\n")
    assert not folder.parent.exists()
