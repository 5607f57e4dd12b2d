"""A daemon that ends while a container is paused, or between the act and the word: the next one makes them agree."""

from __future__ import annotations

import pathlib
from collections.abc import Callable, Iterator

import pytest

from dockerkit.daemon.engine.engine import Engine
from dockerkit.schema.container import CreateRequest, HostConfig

pytestmark = pytest.mark.system


@pytest.fixture
def alive(new_root: Callable[[], str]) -> Iterator[list[Engine]]:
    """Engines on one root, one after the other; the last one lives."""
    root = new_root()
    engines = [Engine(root)]
    engines[0].start()
    engines[0].images.bootstrap("busybox", programs=[], packages=[], progress=lambda _: None)
    yield engines
    for row in engines[-1].containers.list(all=True):
        engines[-1].containers.remove(row.id, force=True).result(20)
    engines[-1].close()


def _run(engine: Engine) -> str:
    request = CreateRequest(image="busybox", cmd=["sleep", "1000"], host_config=HostConfig(network_mode="none"))
    id = engine.containers.create(request).id
    engine.containers.start(id)
    return id


def _next(engines: list[Engine]) -> Engine:
    root = engines[-1]._core.root
    engines[-1].close()
    engines.append(Engine(root))
    engines[-1].start()
    return engines[-1]


def _frozen(engine: Engine, id: str) -> str:
    path = engine._core.cgroup_path(engine._core.entries.resolve(id).record)
    return pathlib.Path("/sys/fs/cgroup/freezer", path, "freezer.state").read_text().strip()


def test_a_paused_container_is_paused_still_and_can_be_ended(alive):
    id = _run(alive[-1])
    alive[-1].containers.pause(id)
    engine = _next(alive)
    assert engine.containers.inspect(id).state.status == "paused"
    assert _frozen(engine, id) == "FROZEN"
    engine.containers.kill(id)
    assert engine.containers.wait(id).result(20).status_code == 137


@pytest.mark.parametrize(("written", "found"), [("paused", "FROZEN"), ("running", "THAWED")])
def test_what_is_written_down_wins_over_what_was_just_being_done(alive, written, found):
    engine = alive[-1]
    id = _run(engine)
    if written == "paused":
        engine.containers.pause(id)
    group = engine._core.cgroup(engine._core.entries.resolve(id).record)
    (group.thaw if written == "paused" else group.freeze)()
    engine = _next(alive)
    assert engine.containers.inspect(id).state.status == written
    assert _frozen(engine, id) == found
