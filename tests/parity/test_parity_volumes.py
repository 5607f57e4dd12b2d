"""Volumes: a real dockerd's answers, then ours. Words are compared without case: moby 28 begins in lower case."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.parity.engines import Box, EngineUnderTest, alike
from tests.parity.wire import Answer

ANONYMOUS = "com.docker.volume.anonymous"


@pytest.fixture
def box(engine: EngineUnderTest) -> Iterator[Box]:
    """Containers and volumes of one test; gone afterwards."""
    box = Box(engine)
    yield box
    box.empty()
    for volume in engine.api.get("/volumes").json["Volumes"] or ():
        engine.api.delete(f"/volumes/{volume['Name']}")


def volume(box: Box, name: str = "", **wish: Any) -> Answer:
    return box.api.post("/volumes/create", {"Name": name, **wish})


def names(box: Box, **filters: list[str]) -> list[str]:
    answer = box.api.get("/volumes", **({"filters": filters} if filters else {}))
    assert answer.status == 200, answer
    return sorted(each["Name"] for each in answer.json["Volumes"] or ())


def test_shape_of_a_volume(box: Box) -> None:
    made = volume(box, "shape", Labels={"a": "b"}).json
    assert sorted(made) == ["CreatedAt", "Driver", "Labels", "Mountpoint", "Name", "Options", "Scope"]
    assert (made["Driver"], made["Scope"], made["Labels"], made["Options"]) == ("local", "local", {"a": "b"}, None)
    assert made["Mountpoint"].endswith("/volumes/shape/_data")
    assert made["CreatedAt"].endswith("Z")
    assert len(made["CreatedAt"]) == len("2026-01-31T12:00:00Z")
    assert box.api.get("/volumes/shape").json == made
    listed = box.api.get("/volumes").json
    assert (listed["Volumes"], listed["Warnings"]) == ([made], None)


def test_same_name_again_is_the_same_volume(box: Box) -> None:
    first = volume(box, "again", Labels={"a": "b"})
    second = volume(box, "again", Labels={"c": "d"})
    assert (second.status, second.json) == (201, first.json)


def test_volume_nobody_names(box: Box) -> None:
    made = volume(box).json
    assert len(made["Name"]) == 64
    assert set(made["Labels"] or {}) <= {ANONYMOUS}  # since 1.42


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("a", "create a: volume name is too short, names should be at least two alphanumeric characters"),
        (
            "a/b",
            'create a/b: "a/b" includes invalid characters for a local volume name, only "[a-zA-Z0-9][a-zA-Z0-9_.-]" are '
            "allowed. If you intended to pass a host directory, use absolute path",
        ),
        (
            "..",
            'create ..: ".." includes invalid characters for a local volume name, only "[a-zA-Z0-9][a-zA-Z0-9_.-]" are '
            "allowed. If you intended to pass a host directory, use absolute path",
        ),
    ],
)
def test_names_that_cannot_be(box: Box, name: str, words: str) -> None:
    assert alike(volume(box, name), 400, words)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"foo": "bar"}, 'create opts: invalid option: "foo"'),
        ({"type": "tmpfs"}, 'create opts: missing required option: "device"'),
        ({"device": "tmpfs"}, 'create opts: missing required option: "type"'),
        ({"o": "size=1m"}, 'create opts: missing required option: "device"'),
        ({"size": "10m"}, "create opts: quota size requested but no quota support"),
    ],
)
def test_options_that_cannot_be(box: Box, options: dict[str, str], words: str) -> None:
    assert alike(volume(box, "opts", DriverOpts=options), 400, words)


def test_filters_of_the_list(box: Box) -> None:
    volume(box, "one", Labels={"a": "b"})
    volume(box, "two")
    box.create("true", host={"Binds": ["two:/d"]})
    assert names(box, name=["on"]) == ["one"]
    assert names(box, label=["a"]) == names(box, label=["a=b"]) == ["one"]
    assert names(box, label=["a=c"]) == []
    assert names(box, driver=["local"]) == ["one", "two"]
    assert names(box, driver=["other"]) == []
    assert names(box, dangling=["true"]) == names(box, dangling=["1"]) == ["one"]
    assert names(box, dangling=["false"]) == ["two"]
    assert alike(box.api.get("/volumes", filters={"dangling": ["maybe"]}), 400, "Invalid filter 'dangling=[maybe]'")
    assert alike(box.api.get("/volumes", filters={"nosuch": ["x"]}), 400, "Invalid filter 'nosuch'")


def test_what_is_not_there(box: Box) -> None:
    assert alike(box.api.get("/volumes/nosuch"), 404, "get nosuch: no such volume")
    assert alike(box.api.delete("/volumes/nosuch"), 404, "get nosuch: no such volume")
    assert box.api.delete("/volumes/nosuch", force=1).status == 204


def test_what_is_used_is_not_removed(box: Box) -> None:
    id = box.create("true", host={"Binds": ["used:/d"]})
    for force in (0, 1):
        assert alike(box.api.delete("/volumes/used", force=force), 409, f"remove used: volume is in use - [{id}]")
    box.remove(id, v=1)
    assert box.api.delete("/volumes/used").status == 204


def test_removal_takes_anonymous_volumes_when_asked(box: Box) -> None:
    binds = {"Binds": ["named:/n", "/b"], "Mounts": [{"Type": "volume", "Target": "/m"}]}
    box.remove(box.create("true", host=binds, Volumes={"/a": {}}), v=1)
    assert names(box) == ["named"]
    box.remove(box.create("true", host=binds, Volumes={"/a": {}}))
    assert len(names(box)) == 4


def test_what_of_another_container_is_used_stays(box: Box) -> None:
    first = box.create("true", Volumes={"/a": {}})
    second = box.create("true", host={"VolumesFrom": [first]})
    box.remove(first, v=1)
    assert len(names(box)) == 1
    box.remove(second, v=1)
    assert names(box) == []


def test_prune(box: Box) -> None:
    volume(box, "kept", Labels={"keep": "1"})
    volume(box, "going")
    volume(box, "mem", DriverOpts={"type": "tmpfs", "device": "tmpfs"})
    box.create("true", host={"Binds": ["used:/d"]})
    assert box.api.post("/volumes/prune", filters={"label": ["nosuch"]}).json == {"VolumesDeleted": [], "SpaceReclaimed": 0}
    assert alike(box.api.post("/volumes/prune", filters={"nosuch": ["x"]}), 400, "Invalid filter 'nosuch'")
    everything = {} if box.engine.name == "reference" else {"all": ["true"]}  # since 1.42 only those that nobody named
    gone = box.api.post("/volumes/prune", filters={"label!": ["keep"], **everything}).json
    assert gone == {"VolumesDeleted": ["going"], "SpaceReclaimed": 0}
    assert names(box) == ["kept", "mem", "used"]


def test_sizes_are_told_of_plain_volumes(box: Box) -> None:
    box.sh("dd if=/dev/zero of=/d/f bs=1k count=8", host={"Binds": ["sized:/d"]})
    volume(box, "mem", DriverOpts={"type": "tmpfs", "device": "tmpfs"})
    found = box.api.get("/system/df").json["Volumes"]
    assert [(each["Name"], each["UsageData"]) for each in found] == [("sized", {"Size": 8192, "RefCount": 1})]


def test_events(box: Box) -> None:
    begun = f"{time.time():.9f}"
    volume(box, "told")
    id = box.up("true", host={"Binds": ["told:/d:ro"]})
    box.wait(id)
    box.remove(id)
    box.api.delete("/volumes/told")
    filters = {"type": ["volume"], "volume": ["told"]}
    happened = [each for each in events(box, filters, begun) if each["Actor"]["ID"] == "told"]
    if [each["Action"] for each in happened[:2]] == ["create", "create"]:  # dockerd tells it again when a container takes it
        happened.pop(1)
    assert [each["Action"] for each in happened] == ["create", "mount", "unmount", "destroy"]
    own = {"driver": "local"}
    mounted = {"container": id, "destination": "/d", "driver": "local", "propagation": "", "read/write": "false"}
    assert [each["Actor"]["Attributes"] for each in happened] == [own, mounted, {"container": id, "driver": "local"}, own]


def events(box: Box, filters: dict[str, list[str]], since: str) -> list[dict[str, Any]]:
    answer = box.api.get("/events", since=since, until=str(int(time.time()) + 1), filters=filters)
    return [json.loads(line) for line in answer.body.decode().splitlines()]


def test_mounts_as_inspect_shows_them(box: Box) -> None:
    id = box.create(
        "true",
        host={
            "Binds": ["v1:/a", "v2:/b:ro", "v3:/c:nocopy", "/usr:/d", "/usr:/e:ro,rslave", "/f"],
            "Mounts": [
                {"Type": "volume", "Source": "v4", "Target": "/g"},
                {"Type": "bind", "Source": "/usr", "Target": "/h", "ReadOnly": True},
                {"Type": "tmpfs", "Target": "/i"},
            ],
            "Tmpfs": {"/j": ""},
        },
        Volumes={"/k": {}},
    )
    seen = {mount.pop("Destination"): mount for mount in box.inspect(id)["Mounts"]}
    shown = {at: (m["Type"], m["Mode"], m["RW"], m["Propagation"], m.get("Driver")) for at, m in seen.items()}
    assert shown == {
        "/a": ("volume", "z", True, "", "local"),
        "/b": ("volume", "ro", False, "", "local"),
        "/c": ("volume", "nocopy", True, "", "local"),
        "/d": ("bind", "", True, "rprivate", None),
        "/e": ("bind", "ro,rslave", False, "rslave", None),
        "/f": ("volume", "z", True, "", "local"),
        "/g": ("volume", "z", True, "", "local"),
        "/h": ("bind", "", False, "rprivate", None),
        "/i": ("tmpfs", "", True, "", None),
        "/k": ("volume", "", True, "", "local"),
    }
    assert seen["/a"]["Source"].endswith("/volumes/v1/_data")
    assert (seen["/a"]["Name"], len(seen["/f"]["Name"]), len(seen["/k"]["Name"])) == ("v1", 64, 64)
    assert (seen["/d"]["Source"], seen["/i"]["Source"]) == ("/usr", "")
    assert box.inspect(id)["HostConfig"]["Binds"][0] == "v1:/a"


def test_copy_up(box: Box) -> None:
    assert box.sh("stat -c '%a %u' /tmp", host={"Binds": ["up1:/tmp"]}).lines == ["1777 0"]
    listed = box.sh("ls /bin | wc -l").lines
    assert box.sh("ls /bin | wc -l", host={"Binds": ["up2:/bin:ro"]}).lines == listed
    assert box.sh("ls /x | wc -l", host={"Binds": ["up2:/x"]}).lines == listed
    assert box.sh("ls /etc/passwd", host={"Binds": ["up3:/etc:nocopy"]}).code == 1
    assert box.sh("ls /tmp/../x | wc -l", host={"Binds": ["up4:/x"]}).lines == ["0"]


def test_volumes_from(box: Box) -> None:
    one = box.create("true", host={"Binds": ["f1:/v", "/usr:/u:ro"]}, Volumes={"/a": {}})
    two = box.create("true", host={"Binds": ["f2:/v"]})

    def mounts(host: dict[str, Any], **config: Any) -> dict[str, Any]:
        found = box.inspect(box.create("true", host=host, **config))["Mounts"]
        return {m["Destination"]: (m.get("Name", ""), m["Mode"], m["RW"]) for m in found}

    assert mounts({"VolumesFrom": [one, f"{two}:ro"]})["/v"] == ("f2", "", False)
    assert mounts({"VolumesFrom": [two, one]})["/v"] == ("f1", "", True)
    assert mounts({"VolumesFrom": [one]})["/u"] == ("", "", False)
    assert mounts({"VolumesFrom": [one], "Binds": ["own:/v"]})["/v"] == ("own", "z", True)
    inherited = mounts({"VolumesFrom": [one]}, Volumes={"/a": {}, "/v": {}})
    assert inherited["/v"] == ("f1", "", True)
    assert inherited["/a"] == mounts({"VolumesFrom": [one]})["/a"]


@pytest.mark.parametrize(
    ("said", "status", "words"),
    [
        ("", 400, "volumes-from specification cannot be an empty string"),
        ("nosuch", 400, "No such container: nosuch"),
        ("nosuch:zz", 400, "invalid mode: zz"),
        ("nosuch:nocopy", 400, "invalid mode: nocopy"),
    ],
)
def test_volumes_from_that_cannot_be(box: Box, said: str, status: int, words: str) -> None:
    assert alike(box.ask(["true"], host={"VolumesFrom": [said]}), status, words)


def test_file_system_of_a_volume(box: Box) -> None:
    volume(box, "mem", DriverOpts={"type": "tmpfs", "device": "tmpfs", "o": "size=1m,uid=77,nosuid"})
    volume(box, "dir", DriverOpts={"type": "none", "device": "/usr", "o": "bind"})
    cut = "s/.* \\(\\/[ab]\\) \\([^ ]*\\) .*- \\([^ ]*\\) .*/\\1 \\2 \\3/"
    look = f"grep -E ' /(a|b) ' /proc/self/mountinfo | sed '{cut}'; stat -c %u /a"
    seen = box.sh(look, host={"Binds": ["mem:/a", "dir:/b"]})
    assert seen.lines[0] == "/a rw,nosuid,relatime tmpfs"
    assert seen.lines[1].startswith("/b rw,relatime ")
    assert seen.lines[2] == "77"


def test_volume_that_cannot_be_mounted(box: Box) -> None:
    made = volume(box, "bad", DriverOpts={"type": "none", "device": "/nosuchdir", "o": "bind"}).json
    id = box.create("true", host={"Binds": ["bad:/q"]})
    place = made["Mountpoint"]
    words = (
        f"error while mounting volume '{place}': failed to mount local volume: mount /nosuchdir:{place}, flags: 0x1000: "
        "no such file or directory"
    )
    assert alike(box.post(id, "start"), 500, words)
