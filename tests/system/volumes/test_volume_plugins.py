"""Volume plugins: a small honest one by the documented protocol, and how plugins are found."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.livedaemon import LiveDaemon
from tests.system.volumes.referenceplugin import Plugin

pytestmark = pytest.mark.system


@contextlib.contextmanager
def serving(path: Path, directory: Path, mischief: str = "") -> Iterator[Plugin]:
    path.parent.mkdir(parents=True, exist_ok=True)
    directory.mkdir(parents=True, exist_ok=True)
    with Plugin(str(path), str(directory), mischief) as plugin:
        thread = threading.Thread(target=plugin.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield plugin
        finally:
            plugin.shutdown()
            thread.join()


@pytest.fixture(scope="module")
def places(new_root: Callable[[], str]) -> Path:
    """A folder with a short path: sockets live in it."""
    return Path(new_root())


@pytest.fixture(scope="module")
def house(daemon_factory: Callable[..., LiveDaemon], places: Path) -> LiveDaemon:
    """A daemon that looks for plugins in folders of ours, and waits a second for them."""
    daemon = daemon_factory(
        DOCKERKIT_PLUGIN_SOCKETS=f"{places}/s", DOCKERKIT_PLUGIN_SPECS=f"{places}/e", DOCKERKIT_PLUGIN_TIMEOUT="1"
    )
    daemon.bootstrap("busybox")
    return daemon


def asked(plugin: Plugin) -> list[tuple[str, dict[str, Any]]]:
    return [tuple(json.loads(line)) for line in Path(plugin.directory, "asked").read_text().splitlines()]


def test_life_of_a_plugins_volume(house: LiveDaemon, places: Path) -> None:
    with serving(places / "s" / "honest.sock", places / "honest") as plugin:
        status, made = house.request("POST", "/volumes/create", {"Name": "pv1", "Driver": "honest", "DriverOpts": {"k": "v"}})
        assert (status, made["Driver"], made["Scope"], made["Options"]) == (201, "honest", "global", {"k": "v"})
        assert made["Mountpoint"] == f"{places}/honest/pv1"
        body = {
            "Image": "busybox", "Cmd": ["sh", "-c", "echo hi > /d/f"],
            "HostConfig": {"NetworkMode": "none", "Binds": ["pv1:/d", "pv1:/e:ro"]},
        }  # fmt: skip
        id = house.request("POST", "/containers/create", body)[1]["Id"]
        assert house.request("POST", f"/containers/{id}/start")[0] == 204
        assert house.request("POST", f"/containers/{id}/wait")[1]["StatusCode"] == 0
        assert (places / "honest" / "pv1" / "f").read_text() == "hi\n"
        assert house.request("GET", "/volumes/pv1")[1]["Status"] == {"mood": "fine"}
        status, told = house.request("DELETE", "/volumes/pv1")
        assert (status, told["message"]) == (409, f"remove pv1: volume is in use - [{id}]")
        assert house.request("DELETE", f"/containers/{id}")[0] == 204
        plugin.made["elsewhere"] = {}
        listed = {v["Name"]: v["Driver"] for v in house.request("GET", "/volumes")[1]["Volumes"]}
        assert listed == {"pv1": "honest", "elsewhere": "honest"}
        assert house.request("DELETE", "/volumes/pv1")[0] == 204
        calls = asked(plugin)
    assert calls[0] == ("/Plugin.Activate", {})
    mounts = [body["ID"] for path, body in calls if path == "/VolumeDriver.Mount"]
    unmounts = [body["ID"] for path, body in calls if path == "/VolumeDriver.Unmount"]
    assert sorted(mounts) == sorted(unmounts)
    assert id in mounts


def test_plugin_that_refuses_says_why_in_its_own_words(house: LiveDaemon, places: Path) -> None:
    with serving(places / "s" / "stubborn.sock", places / "stubborn"):
        wish = {"Name": "no1", "Driver": "stubborn", "DriverOpts": {"refuse": "1"}}
        status, told = house.request("POST", "/volumes/create", wish)
        assert (status, told["message"]) == (500, "create no1: will not make no1")
        assert house.request("GET", "/volumes/no1")[0] == 404


def test_plugins_are_found_by_spec_and_json_too(house: LiveDaemon, places: Path) -> None:
    (places / "e").mkdir(exist_ok=True)
    with serving(places / "x" / "one.sock", places / "byspec"):
        (places / "e" / "byspec.spec").write_text(f"unix://{places}/x/one.sock\n")
        (places / "e" / "byjson.json").write_text(json.dumps({"Name": "byjson", "Addr": f"unix://{places}/x/one.sock"}))
        for driver in ("byspec", "byjson"):
            status, told = house.request("POST", "/volumes/create", {"Name": f"v-{driver}", "Driver": driver})
            assert status == 201, told
            assert house.request("DELETE", f"/volumes/v-{driver}")[0] == 204
    for name, text in (("bad1.spec", "not an address"), ("bad2.json", "{"), ("bad3.json", "[]"), ("bad4.json", '{"Addr": 3}')):
        (places / "e" / name).write_text(text)
        status, told = house.request("POST", "/volumes/create", {"Name": "vbad", "Driver": name.partition(".")[0]})
        assert (status, name in told["message"]) == (500, True), told


@pytest.mark.parametrize("name", ["nosuch", "../honest", "a/b", "..", "x" * 300])
def test_plugin_that_is_not_there(house: LiveDaemon, name: str) -> None:
    status, told = house.request("POST", "/volumes/create", {"Name": "vv", "Driver": name})
    assert status == 404
    assert told["message"] == f'create vv: error looking up volume plugin {name}: plugin "{name}" not found'
