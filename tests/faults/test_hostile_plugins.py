"""Plugins that hang, drip, lie or shout: each is one clear error within its time, and the daemon goes on."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.livedaemon import LiveDaemon
from tests.system.volumes.test_volume_plugins import serving

pytestmark = pytest.mark.system
PATIENCE = 1.0
SAID = {
    "hangs": 'plugin "hangs" did not answer VolumeDriver.Create within 1 s',
    "drips": 'plugin "drips" did not answer VolumeDriver.Create within 1 s',
    "rubbish": 'plugin "rubbish" answered VolumeDriver.Create with what is not JSON',
    "no-http": 'plugin "no-http" answered VolumeDriver.Create with what is not HTTP',
    "list": 'plugin "list" answered VolumeDriver.Create with what is not JSON',
    "error": "VolumeDriver.Create: disk on fire",
    "huge": "plugin answered VolumeDriver.Create with more than 4194304 bytes",
    "closes": 'plugin "closes"',
}


@pytest.fixture(scope="module")
def places(new_root: Callable[[], str]) -> Path:
    return Path(new_root())


@pytest.fixture(scope="module")
def house(daemon_factory: Callable[..., LiveDaemon], places: Path) -> LiveDaemon:
    daemon = daemon_factory(DOCKERKIT_PLUGIN_SOCKETS=str(places / "s"), DOCKERKIT_PLUGIN_TIMEOUT=str(PATIENCE))
    daemon.bootstrap("busybox")
    return daemon


@pytest.mark.parametrize("mischief", sorted(SAID))
def test_mischief_is_one_clear_error_in_time(house: LiveDaemon, places: Path, mischief: str) -> None:
    with serving(places / "s" / f"{mischief}.sock", places / mischief, mischief):
        begun = time.monotonic()
        status, told = house.request("POST", "/volumes/create", {"Name": "hv1", "Driver": mischief})
        assert time.monotonic() - begun < 20 * PATIENCE
        assert status in (500, 503)
        assert told["message"].startswith("create hv1: ")
        assert SAID[mischief] in told["message"], told
        assert house.request("GET", "/volumes")[1]["Volumes"] == []


def test_mountpoint_that_is_no_absolute_path_is_refused(house: LiveDaemon, places: Path) -> None:
    with serving(places / "s" / "escapes.sock", places / "escapes") as plugin:
        assert house.request("POST", "/volumes/create", {"Name": "ev1", "Driver": "escapes"})[0] == 201
        plugin.mischief = "escapes"
        host = {"NetworkMode": "none", "Binds": ["ev1:/d:nocopy"]}
        made = house.request("POST", "/containers/create", {"Image": "busybox", "Cmd": ["true"], "HostConfig": host})[1]
        status, told = house.request("POST", f"/containers/{made['Id']}/start")
        assert (status, "with no absolute path" in told["message"]) == (500, True), told
        plugin.mischief = ""
        assert house.request("DELETE", f"/containers/{made['Id']}?v=1")[0] == 204
        assert house.request("DELETE", "/volumes/ev1")[0] == 204


def test_plugin_that_went_away_keeps_nobody_from_ending(house: LiveDaemon, places: Path) -> None:
    host = {"NetworkMode": "none", "Binds": ["gone1:/d"], "VolumeDriver": "goes"}
    with serving(places / "s" / "goes.sock", places / "goes"):
        made = house.request("POST", "/containers/create", {"Image": "busybox", "Cmd": ["sleep", "100"], "HostConfig": host})[1]
        assert house.request("POST", f"/containers/{made['Id']}/start")[0] == 204
    assert house.request("GET", f"/containers/{made['Id']}/json")[0] == 200
    assert house.request("DELETE", f"/containers/{made['Id']}?force=1")[0] == 204
    status, listed = house.request("GET", "/volumes")
    assert (status, [v["Name"] for v in listed["Volumes"]]) == (200, ["gone1"])
    assert "goes" in listed["Warnings"][0]
    assert house.request("DELETE", "/volumes/gone1")[0] in (500, 503)
    assert house.request("DELETE", "/volumes/gone1?force=1")[0] == 204
