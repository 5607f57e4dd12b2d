"""An engine in this process, on a data root of its own: verbs are called as the API calls them."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from dockerkit.daemon.engine.engine import Engine
from dockerkit.schema.container import CreateRequest, HostConfig


@pytest.fixture(scope="module")
def engine(request: pytest.FixtureRequest, new_root: Callable[[], str]) -> Iterator[Engine]:
    """A started engine with ``busybox``; a module that wants it of both snapshotters says ``BOTH_SNAPSHOTTERS``."""
    with pytest.MonkeyPatch.context() as patched:
        if chosen := getattr(request, "param", ""):
            patched.setenv("DOCKERKIT_SNAPSHOTTER", chosen)
        started = Engine(new_root())
    started.start()
    started.images.bootstrap("busybox", programs=[], packages=[], progress=lambda _: None)
    yield started
    for row in started.containers.list(all=True):
        started.containers.remove(row.id, force=True).result(20)
    started.close()


@pytest.fixture
def make(engine: Engine) -> Iterator[Callable[..., str]]:
    """Create containers (and start them, unless told otherwise); they are removed after the test."""
    made: list[str] = []

    def create(*cmd: str, name: str = "", start: bool = True, host: HostConfig | None = None, **config: object) -> str:
        host = host or HostConfig(network_mode="none")
        request = CreateRequest(image="busybox", cmd=list(cmd or ("sleep", "1000")), host_config=host, **config)
        id = engine.containers.create(request, name=name).id
        made.append(id)
        if start:
            engine.containers.start(id)
        return id

    yield create
    known = {row.id for row in engine.containers.list(all=True)}
    for id in known.intersection(made):
        engine.containers.remove(id, force=True).result(20)
