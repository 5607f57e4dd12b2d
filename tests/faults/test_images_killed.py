"""A process that is killed while images come in or go: the next one finds a readable store, and no garbage after its sweep."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from dockerkit.daemon.images import Images
from dockerkit.daemon.images import store as storing
from dockerkit.daemon.images.archives.importing import Wish
from dockerkit.schema.names import parse_reference
from tests.unit.images.archivematerial import LAYER, docker, holdings
from tests.unit.images.imagematerial import file, tar

pytestmark = pytest.mark.system
BIG = tar(*(file(f"f{number}", os.urandom(100_000)) for number in range(60)))


def killed(act: Callable[[Callable[[], None]], None]) -> None:
    """Run `act` in a child that is killed where it says so."""
    told, tell = os.pipe()
    child = os.fork()
    if child == 0:

        def here() -> None:
            os.write(tell, b"!")
            signal.pause()

        try:
            act(here)
        finally:
            os._exit(1)
    os.close(tell)
    assert os.read(told, 1) == b"!"
    os.close(told)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)


@pytest.fixture
def root(tmp_path: Path) -> str:
    """A data root that holds an image."""
    Images(str(tmp_path)).load(iter([docker(LAYER, tags=["kept:1"])]), lambda _: None)
    return str(tmp_path)


def swept(root: str) -> Images:
    images = Images(root)
    images.sweep()
    return images


@pytest.mark.parametrize("pieces", [1, 5, 20, 55])
def test_killed_in_the_middle_of_a_load(root: str, pieces: int) -> None:
    before = holdings(root)
    archive = docker(LAYER, BIG)

    def load(here: Callable[[], None]) -> None:
        def chunks() -> Iterator[bytes]:
            for number, at in enumerate(range(0, len(archive), 100_000)):
                if number == pieces:
                    here()
                yield archive[at : at + 100_000]

        Images(root).load(chunks(), lambda _: None)

    killed(load)
    swept(root)
    assert holdings(root) == before


@pytest.mark.parametrize("point", ["settle", "name"])
def test_killed_between_the_last_byte_and_the_name(root: str, point: str, monkeypatch: pytest.MonkeyPatch) -> None:
    before = holdings(root)

    def bring(here: Callable[[], None]) -> None:
        from dockerkit.daemon.images.arriving import Intake
        from dockerkit.daemon.images.incoming import Incoming

        where = {"settle": Intake, "name": Incoming}[point]
        setattr(where, point, lambda *_, **__: here())
        Images(root).import_(iter([BIG]), Wish("2026-01-01T00:00:00Z"), parse_reference("new"))

    killed(bring)
    swept(root)
    assert holdings(root) == before


def test_killed_while_the_names_are_written(root: str) -> None:
    before = holdings(root)

    def bring(here: Callable[[], None]) -> None:
        real = os.rename

        def rename(old: str, new: str, **rest: int) -> None:
            here() if new.endswith("index.json") else real(old, new, **rest)

        images = Images(root)
        storing.os.rename = rename
        images.load(iter([docker(LAYER, BIG, tags=["new:1"])]), lambda _: None)

    killed(bring)
    swept(root)
    assert holdings(root) == before


@pytest.mark.parametrize("point", ["drop", "delete"])
def test_killed_in_the_middle_of_a_removal(root: str, point: str) -> None:
    before = holdings(root)
    Images(root).load(iter([docker(LAYER, BIG, tags=["gone:1"])]), lambda _: None)

    def remove(here: Callable[[], None]) -> None:
        from dockerkit.daemon.images.index import NameIndex
        from dockerkit.daemon.images.store import Store

        where = {"drop": NameIndex, "delete": Store}[point]
        setattr(where, point, lambda *_: here())
        Images(root).remove("gone:1", force=True, used_by=lambda _: [])

    killed(remove)
    images = swept(root)
    if point == "drop":  # it never happened
        assert images.get("gone:1").size == 6_000_005
        images.remove("gone:1", force=True, used_by=lambda _: [])
    assert holdings(root) == before
