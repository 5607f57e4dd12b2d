"""The daemon is killed in the middle of what it does with volumes; the next one finishes or undoes it, and nothing is left."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.livedaemon import LiveDaemon

pytestmark = pytest.mark.system


class House:
    """A data root whose daemon dies and comes back."""

    def __init__(self, start: Callable[..., LiveDaemon], root: str) -> None:
        self._start, self.root = start, root
        Path(root, "run").mkdir(exist_ok=True)
        self.points = Path(root, "run", "failpoints")
        self.points.touch()
        self.daemon = start(root)

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        status, answer = self.daemon.request(method, path, body)
        assert status < 300, answer
        return answer

    def dies(self, place: str, method: str, path: str, body: Any = None) -> None:
        """Have the daemon die at a place while it answers this, and start the next."""
        self.points.write_text(f"{place}=kill\n")
        try:
            answer = self.daemon.request(method, path, body)
        except (OSError, EOFError) as error:
            answer = error
        except Exception as error:  # http.client has errors of its own for a peer that dies
            answer = error
        assert isinstance(answer, Exception), answer
        self.daemon.process.wait(20)
        self.again()

    def again(self) -> None:
        self.points.write_text("")
        self.daemon = self._start(self.root)

    def create(self, *command: str, binds: list[str]) -> str:
        host = {"NetworkMode": "none", "Binds": binds}
        body = {"Image": "busybox", "Cmd": list(command), "HostConfig": host}
        return str(self.ask("POST", "/containers/create", body)["Id"])

    def run(self, script: str, bind: str) -> None:
        id = self.create("sh", "-c", script, binds=[bind])
        self.ask("POST", f"/containers/{id}/start")
        assert self.ask("POST", f"/containers/{id}/wait")["StatusCode"] == 0
        self.ask("DELETE", f"/containers/{id}")

    def names(self) -> list[str]:
        return sorted(v["Name"] for v in self.ask("GET", "/volumes")["Volumes"])

    def on_disk(self) -> list[str]:
        return sorted(name for name in os.listdir(f"{self.root}/volumes") if not name.startswith("."))

    def layers(self) -> list[str]:
        folder = Path(self.root, "volumes", ".layers")
        return os.listdir(folder) if folder.exists() else []

    def mounted(self) -> list[str]:
        lines = Path("/proc/self/mountinfo").read_text().splitlines()
        return [line.split()[4] for line in lines if f"{self.root}/volumes/" in line.split()[4] or "/run/images/" in line]


@pytest.fixture(scope="module")
def one_house(daemon_factory: Callable[..., LiveDaemon], new_root: Callable[[], str]) -> House:
    made = House(daemon_factory, new_root())
    made.daemon.bootstrap("busybox")
    return made


@pytest.fixture
def house(one_house: House) -> Iterator[House]:
    """Everything is gone after each test: from the state, the disk and the kernel."""
    yield one_house
    for row in one_house.ask("GET", "/containers/json?all=1"):
        one_house.ask("DELETE", f"/containers/{row['Id']}?force=1&v=1")
    for name in one_house.names():
        one_house.ask("DELETE", f"/volumes/{name}")
    one_house.daemon.crash()
    one_house.again()
    assert (one_house.names(), one_house.on_disk(), one_house.layers(), one_house.mounted()) == ([], [], [], [])


def test_made_and_not_written_down(house: House) -> None:
    house.dies("engine.volume-made", "POST", "/volumes/create", {"Name": "half"})
    assert (house.names(), house.on_disk()) == ([], [])
    house.ask("POST", "/volumes/create", {"Name": "half"})


def test_removed_and_not_written_down(house: House) -> None:
    house.ask("POST", "/volumes/create", {"Name": "leaving"})
    house.dies("engine.volume-removed", "DELETE", "/volumes/leaving")
    assert (house.names(), house.on_disk()) == ([], [])


@pytest.mark.parametrize("place", ["engine.volume-frozen", "engine.volume-cloned"])
@pytest.mark.parametrize("before", [False, True])
def test_killed_in_the_middle_of_a_clone(house: House, place: str, before: bool) -> None:
    house.run("echo precious > /d/f", "base:/d")
    if before:
        house.ask("POST", "/dockerkit/v1/volumes/base/clone", {"Name": "first"})
        house.run("echo more > /d/g", "base:/d")
    house.dies(place, "POST", "/dockerkit/v1/volumes/base/clone", {"Name": "copy"})
    assert house.names() == (["base", "first"] if before else ["base"])
    house.run("test $(cat /d/f) = precious" + (" && test $(cat /d/g) = more" if before else ""), "base:/d")
    house.ask("POST", "/dockerkit/v1/volumes/base/clone", {"Name": "copy"})
    house.run("test $(cat /d/f) = precious && rm /d/f", "copy:/d")
    house.run("test $(cat /d/f) = precious", "base:/d")


def test_volume_in_use_stays_mounted_and_goes_with_its_last_user(house: House) -> None:
    options = {"type": "tmpfs", "device": "tmpfs"}
    place = house.ask("POST", "/volumes/create", {"Name": "mem", "DriverOpts": options})["Mountpoint"]
    first, second = (house.create("sleep", "1000", binds=["mem:/d"]) for _ in range(2))
    house.ask("POST", f"/containers/{first}/start")
    Path(place, "f").write_text("in memory")
    house.daemon.crash()
    house.again()
    assert Path(place, "f").read_text() == "in memory"
    house.ask("POST", f"/containers/{second}/start")
    house.ask("DELETE", f"/containers/{first}?force=1")
    assert Path(place, "f").read_text() == "in memory"
    house.ask("DELETE", f"/containers/{second}?force=1")
    house.ask("POST", "/volumes/prune")  # the pool that unmounts is the one that removes: this is one more turn of it
    house.ask("DELETE", "/volumes/mem")
    assert house.mounted() == []


def test_user_that_ends_while_nobody_watches_leaves_no_mount(house: House) -> None:
    house.ask("POST", "/volumes/create", {"Name": "mem2", "DriverOpts": {"type": "tmpfs", "device": "tmpfs"}})
    id = house.create("sleep", "1000", binds=["mem2:/d"])
    house.ask("POST", f"/containers/{id}/start")
    pid = house.ask("GET", f"/containers/{id}/json")["State"]["Pid"]
    house.daemon.crash()
    pidfd = os.pidfd_open(pid)
    os.kill(pid, 9)
    os.close(pidfd)
    house.again()
    assert house.ask("POST", f"/containers/{id}/wait")["StatusCode"] == 137
    house.ask("DELETE", f"/containers/{id}")
    house.ask("DELETE", "/volumes/mem2")
    assert house.mounted() == []


def test_killed_with_volumes_mounted_for_a_start_that_never_was(house: House) -> None:
    house.ask("POST", "/volumes/create", {"Name": "mem3", "DriverOpts": {"type": "tmpfs", "device": "tmpfs"}})
    body = {
        "Image": "busybox",
        "Cmd": ["true"],
        "HostConfig": {
            "NetworkMode": "none",
            "Binds": ["mem3:/d"],
            "Mounts": [{"Type": "image", "Source": "busybox", "Target": "/i"}],
        },
    }
    id = house.ask("POST", "/containers/create", body)["Id"]
    house.dies("engine.volumes-held", "POST", f"/containers/{id}/start")
    assert house.mounted() == []
    house.ask("POST", f"/containers/{id}/start")
    assert house.ask("POST", f"/containers/{id}/wait")["StatusCode"] == 0


def test_anonymous_volumes_of_a_removal_that_was_cut_short(house: House) -> None:
    id = house.create("true", binds=["/anonymous"])
    assert len(house.names()) == 1
    house.dies("engine.trashed", "DELETE", f"/containers/{id}?v=1")
    assert (house.names(), house.on_disk()) == ([], [])


def test_data_directory_replaced_by_a_link_is_not_followed(house: House, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("of the host")
    place = house.ask("POST", "/volumes/create", {"Name": "linked"})["Mountpoint"]
    os.rmdir(place)
    os.symlink(tmp_path, place)
    id = house.create("cat", "/d/secret", binds=["linked:/d:nocopy"])
    status, told = house.daemon.request("POST", f"/containers/{id}/start")
    assert (status, "something was put in its place" in told["message"]) == (500, True)
    status, _ = house.daemon.request("GET", "/dockerkit/v1/volumes/linked/archive")
    assert status == 500
    house.ask("DELETE", f"/containers/{id}")
    house.ask("DELETE", "/volumes/linked")
    assert (tmp_path / "secret").read_text() == "of the host"


def test_directory_in_a_volume_swapped_for_a_link_while_containers_start(house: House) -> None:
    """A container swaps a subpath between a directory and a link to the host's root, as fast as it can: nobody gets out."""
    house.run("mkdir /d/a; echo inside > /d/a/mark", "swap:/d")
    swap = "cd /d; while :; do mv a b; ln -s / a; rm a; mv b a; done"
    swapping = house.create("sh", "-c", swap, binds=["swap:/d"])
    house.ask("POST", f"/containers/{swapping}/start")
    seen = set()
    for _ in range(40):
        mount = {"Type": "volume", "Source": "swap", "Target": "/s", "VolumeOptions": {"Subpath": "a"}}
        body = {"Image": "busybox", "Cmd": ["ls", "/s"], "HostConfig": {"NetworkMode": "none", "Mounts": [mount]}}
        id = house.ask("POST", "/containers/create", body)["Id"]
        status, told = house.daemon.request("POST", f"/containers/{id}/start")
        if status == 204:
            house.ask("POST", f"/containers/{id}/wait")
            seen.add(house.daemon.request("GET", f"/containers/{id}/logs?stdout=1")[1][8:].decode())
        else:
            assert "cannot access path a of volume swap" in told["message"]
        house.ask("DELETE", f"/containers/{id}")
    assert not any("etc\n" in listing for listing in seen), seen
