"""The tests' own volume plugin, proved on a real dockerd: what drives it there must drive it here."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.parity.engines import Box, EngineUnderTest

PLUGIN = Path(__file__).parents[1] / "system" / "volumes" / "referenceplugin.py"


@pytest.fixture(scope="module")
def private(
    tmp_path_factory: pytest.TempPathFactory, reference_engine: EngineUnderTest
) -> Iterator[tuple[EngineUnderTest, Path]]:
    """A reference whose private ``/run`` we can enter, with the plugin in it."""
    pid = reference_process(reference_engine)
    folder = Path(os.path.dirname(reference_engine.socket), "plugin")
    folder.mkdir()
    command = ["nsenter", "-m", "-t", str(pid), "sh", "-c", 'mkdir -p /run/docker/plugins && exec "$@"', "sh"]
    command += [sys.executable, str(PLUGIN), "/run/docker/plugins/honest.sock", str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as plugin:
        assert plugin.stdout is not None
        assert plugin.stdout.readline() == "ready\n"
        try:
            yield reference_engine, folder
        finally:
            plugin.terminate()
    subprocess.run(["nsenter", "-m", "-t", str(pid), "rm", "-f", "/run/docker/plugins/honest.sock"], check=True)
    shutil.rmtree(folder)


def reference_process(engine: EngineUnderTest) -> int:
    """Return dockerd's process, by the file it writes."""
    return int(Path(os.path.dirname(engine.socket), "pid").read_text())


def test_a_real_dockerd_drives_the_plugin(private: tuple[EngineUnderTest, Path]) -> None:
    engine, folder = private
    box = Box(engine)
    made = engine.api.post("/volumes/create", {"Name": "pv1", "Driver": "honest", "DriverOpts": {"k": "v"}})
    assert (made.status, made.json["Driver"], made.json["Scope"]) == (201, "honest", "global")
    assert box.sh("echo hi > /d/f", host={"Binds": ["pv1:/d"]}).code == 0
    assert (folder / "pv1" / "f").read_text() == "hi\n"
    box.empty()
    assert engine.api.get("/volumes/pv1").json["Status"] == {"mood": "fine"}
    refused = engine.api.post("/volumes/create", {"Name": "no1", "Driver": "honest", "DriverOpts": {"refuse": "1"}})
    assert (refused.status, refused.message) == (500, "create no1: will not make no1")
    assert engine.api.delete("/volumes/pv1").status == 204
    asked = [json.loads(line)[0] for line in (folder / "asked").read_text().splitlines()]
    for method in ("Create", "Mount", "Unmount", "Remove"):
        assert f"/VolumeDriver.{method}" in asked
