"""What is said of mounts and cannot be: a real dockerd, then ours. Its 20.10 answers some with 500; 28 and we with 400."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.parity.engines import Box, EngineUnderTest

VOLUME, BIND, TMPFS = 'invalid mount config for type "volume": ', 'invalid mount config for type "bind": ', "tmpfs"
ROOT = "invalid specification: destination can't be '/'"


@pytest.fixture
def box(engine: EngineUnderTest) -> Iterator[Box]:
    """Containers and volumes of one test; gone afterwards."""
    box = Box(engine)
    yield box
    box.empty()
    for volume in engine.api.get("/volumes").json["Volumes"] or ():
        engine.api.delete(f"/volumes/{volume['Name']}")


def relative(path: str) -> str:
    return f"invalid mount path: '{path}' mount path must be absolute"


BINDS = [
    ("", "invalid volume specification: ''"),
    (":", "invalid volume specification: ':'"),
    (":/c", "invalid volume specification: ':/c'"),
    ("/a:/b:ro:x", "invalid volume specification: '/a:/b:ro:x'"),
    ("aa", f"invalid volume specification: 'aa': {VOLUME}{relative('aa')}"),
    ("aa:b", f"invalid volume specification: 'aa:b': {VOLUME}{relative('b')}"),
    ("aa:/", f"invalid volume specification: 'aa:/': {VOLUME}{ROOT}"),
    ("/usr:/", f"invalid volume specification: '/usr:/': {BIND}{ROOT}"),
    ("/usr:c", f"invalid volume specification: '/usr:c': {BIND}{relative('c')}"),
    ("aa:/c:zz", "invalid mode: zz"),
    ("aa:/c:ro,rw", "invalid mode: ro,rw"),
    ("aa:/c:z,Z", "invalid mode: z,Z"),
    ("/usr:/c:rshared,rslave", "invalid mode: rshared,rslave"),
    ("/usr:/c:delegated,cached", "invalid mode: delegated,cached"),
    ("aa::/c", "invalid mode: /c"),
    ("aa:/c:rshared", f"invalid volume specification: 'aa:/c:rshared': {VOLUME}field BindOptions must not be specified"),
    ("/usr:/c:nocopy", f"invalid volume specification: '/usr:/c:nocopy': {BIND}field VolumeOptions must not be specified"),
]


@pytest.mark.parametrize(("said", "words"), BINDS)
def test_binds_that_cannot_be(box: Box, said: str, words: str) -> None:
    answer = box.ask(["true"], host={"Binds": [said]})
    assert (answer.status in (400, 500), answer.message) == (True, words)


MOUNTS = [
    ({"Target": "/c"}, "", "mount type unknown"),
    ({"Type": "zz", "Target": "/c"}, "zz", "mount type unknown"),
    ({"Type": "npipe", "Source": "x", "Target": "/c"}, "npipe", "mount type unknown"),
    ({"Type": "volume"}, "volume", "field Target must not be empty"),
    ({"Type": "volume", "Target": "c"}, "volume", relative("c")),
    ({"Type": "volume", "Target": "/"}, "volume", ROOT),
    ({"Type": "bind", "Source": "/usr", "Target": "/"}, "bind", ROOT),
    (
        {"Type": "volume", "Source": "aa", "Target": "/c", "BindOptions": {"Propagation": "rslave"}},
        "volume",
        "field BindOptions must not be specified",
    ),
    (
        {"Type": "volume", "Target": "/c", "ReadOnly": True},
        "volume",
        "must not set ReadOnly mode when using anonymous volumes",
    ),
    ({"Type": "bind", "Target": "/c"}, "bind", "field Source must not be empty"),
    ({"Type": "bind", "Source": "usr", "Target": "/c"}, "bind", relative("usr")),
    ({"Type": "bind", "Source": "/nosuchx", "Target": "/c"}, "bind", "bind source path does not exist: /nosuchx"),
    (
        {"Type": "bind", "Source": "/usr", "Target": "/c", "VolumeOptions": {"NoCopy": True}},
        "bind",
        "field VolumeOptions must not be specified",
    ),
    (
        {"Type": "bind", "Source": "/usr", "Target": "/c", "BindOptions": {"Propagation": "zz"}},
        "bind",
        "invalid propagation mode: zz",
    ),
    ({"Type": "tmpfs", "Source": "x", "Target": "/c"}, "tmpfs", "field Source must not be specified"),
    ({"Type": "tmpfs", "Target": "/c", "BindOptions": {}}, "tmpfs", "field BindOptions must not be specified"),
]


@pytest.mark.parametrize(("mount", "kind", "words"), MOUNTS, ids=lambda value: str(value)[:60])
def test_mounts_that_cannot_be(box: Box, mount: dict[str, Any], kind: str, words: str) -> None:
    answer = box.ask(["true"], host={"Mounts": [mount]})
    assert (answer.status, answer.message) == (400, f'invalid mount config for type "{kind}": {words}')


TWICE = [
    {"Binds": ["aa:/c", "bb:/c"]},
    {"Binds": ["aa:/c", "bb:/c/"]},
    {"Binds": ["aa:/c"], "Mounts": [{"Type": "volume", "Source": "bb", "Target": "/c"}]},
    {"Mounts": [{"Type": "volume", "Source": "aa", "Target": "/c"}, {"Type": "volume", "Source": "bb", "Target": "/c"}]},
    {"Binds": ["aa:/c"], "Tmpfs": {"/c": ""}},
    {"Binds": ["aa:/c"], "Mounts": [{"Type": "tmpfs", "Target": "/c"}]},
]


@pytest.mark.parametrize("host", TWICE)
def test_two_mounts_in_one_place(box: Box, host: dict[str, Any]) -> None:
    answer = box.ask(["true"], host=host)
    assert (answer.status, answer.message.lower()) == (400, "duplicate mount point: /c")


@pytest.mark.parametrize(
    ("host", "kinds"),
    [
        ({"Binds": ["aa:/c"]}, ["volume aa"]),
        ({"Tmpfs": {"/c": ""}}, []),
        ({"Mounts": [{"Type": "tmpfs", "Target": "/c"}]}, ["tmpfs "]),
        ({"Binds": ["/usr:/c"]}, ["bind "]),
    ],
)
def test_what_the_image_wants_gives_way(box: Box, host: dict[str, Any], kinds: list[str]) -> None:
    id = box.create("true", host=host, Volumes={"/c": {}})
    assert [f"{mount['Type']} {mount.get('Name', '')}" for mount in box.inspect(id)["Mounts"]] == kinds


@pytest.mark.parametrize(
    ("said", "at", "mode", "writable"),
    [
        ("aa:/c:nocopy,ro", "/c", "nocopy,ro", False),
        ("aa:/c:cached", "/c", "cached", True),
        ("aa:/c:", "/c", "z", True),
        ("aa:/a/../b", "/b", "z", True),
        ("aa:/dev/../c2/", "/c2", "z", True),
        ("/usr:/c:cached,ro", "/c", "cached,ro", False),
        ("/c", "/c", "z", True),
    ],
)
def test_binds_that_can_be(box: Box, said: str, at: str, mode: str, writable: bool) -> None:
    (mount,) = box.inspect(box.create("true", host={"Binds": [said]}))["Mounts"]
    assert (mount["Destination"], mount["Mode"], mount["RW"]) == (at, mode, writable)


def test_volume_over_a_file_of_the_image(box: Box) -> None:
    answer = box.ask(["true"], Volumes={"/etc/passwd": {}})
    assert answer.status in (400, 500)
    assert answer.message.startswith("cannot mount volume over existing file, file exists ")
    assert answer.message.endswith("/etc/passwd")
