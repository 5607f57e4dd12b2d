"""A clone and a start of the same volume at once: nobody gets the directory that is becoming a layer of both volumes."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from pretendclock import PretendClock
from pretendcore import pretend_core

from dockerkit.daemon.engine.core import Core
from dockerkit.daemon.engine.volumes.cloning import clone
from dockerkit.daemon.volumes import mounting


@pytest.fixture
def core(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Core]:
    """A core whose overlays are made nowhere."""
    monkeypatch.setattr(mounting, "mount_layers", lambda *_: None)
    (tmp_path / "trash").mkdir()
    made = pretend_core(str(tmp_path), PretendClock())
    monkeypatch.setattr(made.volumes.drivers.local, "way_to_clone", lambda _: "overlay")
    yield made
    made.database.close()


def test_volume_is_not_mounted_while_it_becomes_a_layer(core: Core, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    volumes = core.volumes
    volumes.create("base")
    (tmp_path / "volumes" / "base" / "_data" / "file").write_text("1")
    found: list[int] = []
    start = threading.Thread(target=lambda: found.append(_root(core)))
    layers = volumes.drivers.local.layers
    following = layers.next

    def meanwhile(name: str, below: Sequence[str]) -> list[str]:
        """Whoever looked for users of the volume found none; now one comes."""
        start.start()
        start.join(0.3)
        return following(name, below)

    monkeypatch.setattr(layers, "next", meanwhile)
    made = clone(volumes, "base", "copy")
    start.join(10)
    (layer,) = made.layers
    frozen = os.stat(tmp_path / "volumes" / ".layers" / layer)
    assert found != [frozen.st_ino], "a container writes into what two volumes stand on"
    assert found == [os.stat(tmp_path / "volumes" / "base" / "_data").st_ino]


def _root(core: Core) -> int:
    record, root = core.volumes.mount("base", "container")
    try:
        return os.fstat(root).st_ino
    finally:
        os.close(root)
        core.volumes.drivers.unmount(record, "container")
