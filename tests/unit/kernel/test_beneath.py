"""Nothing beneath a root leads out of it."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from dockerkit.daemon.kernel import beneath


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    place = tmp_path / "outside"
    place.mkdir()
    (place / "secret").write_text("host")
    return place


@pytest.fixture
def root(tmp_path: Path) -> Iterator[int]:
    (tmp_path / "root").mkdir()
    fd = os.open(tmp_path / "root", os.O_PATH | os.O_DIRECTORY)
    yield fd
    os.close(fd)


def place_of(fd: int) -> str:
    try:
        return os.readlink(f"/proc/self/fd/{fd}")
    finally:
        os.close(fd)


def test_an_absolute_link_is_taken_from_the_root(root: int, tmp_path: Path, outside: Path) -> None:
    (tmp_path / "root/etc").mkdir()
    (tmp_path / "root/link").symlink_to("/etc")
    assert place_of(beneath.open_in(root, "/link")) == str(tmp_path / "root/etc")


def test_dots_stop_at_the_root(root: int, tmp_path: Path, outside: Path) -> None:
    assert place_of(beneath.open_in(root, "../../..")) == str(tmp_path / "root")
    with pytest.raises(FileNotFoundError):
        beneath.open_in(root, "../outside/secret")


def test_a_link_to_the_host_finds_nothing(root: int, tmp_path: Path, outside: Path) -> None:
    (tmp_path / "root/out").symlink_to(outside)
    with pytest.raises(FileNotFoundError):
        beneath.open_in(root, "out/secret")


def test_making_a_file_through_a_link_to_the_host_makes_it_inside(root: int, tmp_path: Path, outside: Path) -> None:
    (tmp_path / "root/out").symlink_to(outside)
    made = place_of(beneath.make_file(root, "/out/made"))
    assert made == f"{tmp_path}/root{outside}/made"
    assert sorted(path.name for path in outside.iterdir()) == ["secret"]


def test_a_dangling_link_is_followed_inside_and_its_end_made(root: int, tmp_path: Path) -> None:
    (tmp_path / "root/etc").mkdir()
    (tmp_path / "root/etc/resolv.conf").symlink_to("../run/systemd/resolve/stub-resolv.conf")
    made = place_of(beneath.make_file(root, "/etc/resolv.conf"))
    assert made == str(tmp_path / "root/run/systemd/resolve/stub-resolv.conf")


def test_dots_after_a_link_are_counted_from_where_it_led(root: int, tmp_path: Path) -> None:
    (tmp_path / "root/a/b").mkdir(parents=True)
    (tmp_path / "root/link").symlink_to("a/b")
    assert place_of(beneath.make_directory(root, "link/../../../../../x")) == str(tmp_path / "root/x")
    assert place_of(beneath.make_directory(root, "link/../y")) == str(tmp_path / "root/a/y")


def test_links_that_go_in_circles_end(root: int, tmp_path: Path) -> None:
    (tmp_path / "root/one").symlink_to("two")
    (tmp_path / "root/two").symlink_to("one")
    with pytest.raises(OSError, match="Too many levels") as caught:
        beneath.make_directory(root, "one/x")
    assert caught.value.errno == errno.ELOOP


def test_a_magic_link_is_refused(tmp_path: Path) -> None:
    proc = os.open("/proc", os.O_PATH | os.O_DIRECTORY)
    try:
        with pytest.raises(OSError, match="Too many levels"):
            beneath.open_in(proc, "self/root/etc/passwd")
    finally:
        os.close(proc)


def test_a_file_in_the_way_of_a_directory_is_said(root: int, tmp_path: Path) -> None:
    (tmp_path / "root/file").write_text("")
    with pytest.raises(NotADirectoryError):
        beneath.make_directory(root, "file/x")


def test_what_exists_is_left_as_it_is(root: int, tmp_path: Path) -> None:
    (tmp_path / "root/file").write_text("kept")
    os.close(beneath.make_file(root, "file"))
    assert (tmp_path / "root/file").read_text() == "kept"


def test_no_descriptor_is_left_open(root: int, tmp_path: Path) -> None:
    before = sorted(os.listdir("/proc/self/fd"))
    os.close(beneath.make_directory(root, "a/b/../c/./d"))
    with pytest.raises(NotADirectoryError):
        (tmp_path / "root/f").write_text("")
        beneath.make_file(root, "f/x/y")
    assert sorted(os.listdir("/proc/self/fd")) == before
