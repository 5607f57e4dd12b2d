"""Parity: every test here runs on a real dockerd first (``reference``), then on ours; only what holds there may judge us."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.parity.commandline import Docker
from tests.parity.engines import Box, EngineUnderTest
from tests.parity.wire import Api

BORROWED_OURS = os.environ.get("DOCKERKIT_PARITY_OURS", "")
"""Socket of a dockerkit daemon with ``busybox:latest``, instead of the suite's own."""
HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the whole folder, and say why it is skipped where it cannot run."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.parity)
            if os.geteuid() != 0:
                item.add_marker(pytest.mark.skip(reason="needs root: engines make namespaces for real"))


@pytest.fixture(scope="session")
def reference_engine(reference_socket: str) -> EngineUnderTest:
    """A real dockerd of our own."""
    return EngineUnderTest("reference", reference_socket, Api(reference_socket, "").get("/version").json["ApiVersion"])


@pytest.fixture(scope="session")
def ours_engine(request: pytest.FixtureRequest) -> EngineUnderTest:
    """The suite's dockerkit daemon."""
    if BORROWED_OURS:
        return EngineUnderTest("ours", BORROWED_OURS, "1.51")
    live = request.getfixturevalue("live_daemon")
    return EngineUnderTest("ours", live.socket, "1.51")


@pytest.fixture(scope="session", params=["reference", "ours"])
def engine(request: pytest.FixtureRequest) -> EngineUnderTest:
    """One engine after the other."""
    found: EngineUnderTest = request.getfixturevalue(f"{request.param}_engine")
    return found


@pytest.fixture
def box(engine: EngineUnderTest) -> Iterator[Box]:
    """Containers of one test; gone afterwards."""
    box = Box(engine)
    yield box
    box.empty()


@pytest.fixture(scope="session")
def docker_cli() -> str:
    """The docker command line, or a skip."""
    path = shutil.which("docker")
    if path is None:
        pytest.skip("the docker command line is not installed (apt-get install docker-cli or docker.io)")
    return path


@pytest.fixture
def docker(docker_cli: str, engine: EngineUnderTest, tmp_path: Path) -> Iterator[Docker]:
    """A command line; containers it made are removed afterwards."""
    docker = Docker(docker_cli, engine, tmp_path)
    before = set(docker("ps", "-aq", "--no-trunc").out.split())
    yield docker
    for id in set(docker("ps", "-aq", "--no-trunc").out.split()) - before:
        docker("rm", "-f", "-v", id)


@pytest.fixture
def client(engine: EngineUnderTest) -> Iterator[Any]:
    """docker-py on the engine; containers made through it are removed."""
    docker = pytest.importorskip("docker", reason="docker-py is not installed (pip install docker==7.2.0)")
    client = docker.DockerClient(base_url=engine.url)
    before = {container.id for container in client.containers.list(all=True)}
    yield client
    for container in client.containers.list(all=True, ignore_removed=True):
        if container.id not in before:
            container.remove(force=True, v=True)
    client.close()
