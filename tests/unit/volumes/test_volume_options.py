"""Options of the driver ``local``, names, and the grammar's corners that no engine is needed for."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dockerkit.daemon.engine.volumes import grammar
from dockerkit.daemon.engine.volumes.point import Point, points_of, shown
from dockerkit.daemon.volumes.names import check_volume_name
from dockerkit.daemon.volumes.options import FileSystem, check_options, read_options, resolved
from dockerkit.errors import Failed, Invalid
from dockerkit.schema.container import Mount, MountPoint


def test_options_become_flags_and_data() -> None:
    read = read_options({"type": "tmpfs", "device": "tmpfs", "o": "size=1m,ro,nosuid,rw,uid=7,rshared,defaults,,bind"})
    assert read == FileSystem("tmpfs", "tmpfs", 0x2 | 0x1000, 1 << 20 | 0x4000, "size=1m,uid=7")
    assert read_options({}) is None


def test_passwords_are_not_told() -> None:
    shown_ = FileSystem("cifs", "//h/s", 0, 0, "username=me,password=secret,pass=x").shown("/m")
    assert shown_ == "mount //h/s:/m, data: username=me,password=********,pass=********"


def test_address_is_left_alone_and_a_name_that_is_none_is_told() -> None:
    known = FileSystem("nfs", ":/x", data="addr=127.0.0.1,rw")
    assert resolved(known) is known
    assert resolved(FileSystem("tmpfs", "t", data="addr=name")).data == "addr=name"
    with pytest.raises(Failed, match=r"lookup no\.such\.host\.invalid"):
        resolved(FileSystem("nfs", ":/x", data="addr=no.such.host.invalid"))


@pytest.mark.parametrize("options", [{"size": "zz"}, {"size": "1m"}, {"o": ""}, {"TYPE": "x"}])
def test_options_that_cannot_be(options: dict[str, str]) -> None:
    with pytest.raises(Invalid):
        check_options(options)


@given(st.text(max_size=300))
def test_no_name_is_a_path(name: str) -> None:
    try:
        check_volume_name(name)
    except Invalid:
        return
    assert "/" not in name
    assert not name.startswith(".")
    assert 2 <= len(name.encode()) <= 255


@given(st.text(st.characters(codec="utf-8"), max_size=40))
def test_binds_are_read_or_refused(text: str) -> None:
    try:
        point = grammar.read_bind(text)
    except Invalid:
        return
    assert point.destination.startswith("/")
    assert point.destination != "/"
    assert "/../" not in point.destination + "/"


@given(st.text("a/.", max_size=12))
def test_subpath_stays_within_by_its_words(subpath: str) -> None:
    mount = Mount(type="volume", source="data", target="/d", volume_options={"Subpath": subpath})
    try:
        point = grammar.read_mount(mount)
    except Invalid:
        return
    depth = 0
    for part in point.subpath.split("/"):
        depth += {"": 0, ".": 0, "..": -1}.get(part, 1)
        assert depth >= 0 or part != ".." or ".." not in grammar.posixpath.normpath(point.subpath).split("/")[0]
    assert not point.subpath.startswith("/")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"ReadOnlyNonRecursive": True}, "mount options conflict: !ReadOnly && BindOptions.ReadOnlyNonRecursive"),
        ({"ReadOnlyForceRecursive": True}, "mount options conflict: !ReadOnly && BindOptions.ReadOnlyForceRecursive"),
    ],
)
def test_read_only_below_needs_read_only(options: dict[str, bool], words: str) -> None:
    with pytest.raises(Invalid) as caught:
        grammar.read_mount(Mount(type="bind", source="/a", target="/b", bind_options=options))
    assert caught.value.message.endswith(words)


def test_records_of_before_are_understood() -> None:
    old = [MountPoint(type="bind", source="/a", destination="/b", mode="ro", rw=False, propagation="rprivate")]
    (point,) = points_of([], old)
    assert (point.source, point.destination, point.rw) == ("/a", "/b", False)
    assert shown([point]) == old
    assert points_of([Point(type="tmpfs", destination="/t")], old)[0].type == "tmpfs"
