"""Copying trees, and the directories of volumes: what they keep, and what they refuse to follow."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from dockerkit.daemon.volumes.copying import copy_tree, is_empty, shares_blocks
from dockerkit.daemon.volumes.directories import Directories
from dockerkit.daemon.volumes.local import Local, Shelf
from dockerkit.errors import Damaged, Failed, NotFound


def opened(path: Path) -> int:
    return os.open(path, os.O_RDONLY | os.O_DIRECTORY)


def copied(source: Path, target: Path) -> None:
    target.mkdir(exist_ok=True)
    descriptors = opened(source), opened(target)
    try:
        copy_tree(*descriptors)
    finally:
        for descriptor in descriptors:
            os.close(descriptor)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    top = tmp_path / "tree"
    (top / "sub" / "deep").mkdir(parents=True)
    (top / "file").write_bytes(b"content" * 1000)
    (top / "empty").touch()
    os.link(top / "file", top / "sub" / "other name")
    os.symlink("../file", top / "sub" / "link")
    os.symlink("/etc/passwd", top / "outside")
    os.mkfifo(top / "pipe")
    with open(top / "sparse", "wb") as file:
        file.truncate(64 << 20)
        file.seek(32 << 20)
        file.write(b"middle")
    (top / "sub").chmod(0o711)
    os.utime(top / "sub" / "deep", ns=(1_000_000_000, 2_000_000_000))
    return top


def test_everything_is_kept(tree: Path, tmp_path: Path) -> None:
    target = tmp_path / "copy"
    copied(tree, target)
    assert (target / "file").read_bytes() == b"content" * 1000
    assert (target / "file").stat().st_ino == (target / "sub" / "other name").stat().st_ino
    assert os.readlink(target / "outside") == "/etc/passwd"
    assert (target / "pipe").is_fifo()
    assert (target / "sub").stat().st_mode & 0o7777 == 0o711
    assert (target / "sub" / "deep").stat().st_mtime_ns == 2_000_000_000
    sparse = (target / "sparse").stat()
    assert (sparse.st_size, sparse.st_blocks * 512 < 1 << 20) == (64 << 20, True)
    with open(target / "sparse", "rb") as file:
        file.seek(32 << 20)
        assert file.read(6) == b"middle"


def test_socket_is_kept(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(tmp_path / "a" / "s"))
    copied(tmp_path / "a", tmp_path / "b")
    assert (tmp_path / "b" / "s").is_socket()


def test_nothing_is_overwritten_and_no_link_is_followed(tree: Path, tmp_path: Path) -> None:
    target = tmp_path / "copy"
    target.mkdir()
    (tmp_path / "elsewhere").mkdir()
    os.symlink(tmp_path / "elsewhere", target / "sub")
    with pytest.raises(FileExistsError):
        copied(tree, target)
    assert list((tmp_path / "elsewhere").iterdir()) == []


@pytest.mark.parametrize("put", ["link", "file"])
def test_node_exchanged_as_it_is_made_does_not_lead_out(put: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A container that has the volume already puts a link in the place of a pipe that its image made: chmod(2) follows it."""
    source, target, secret = tmp_path / "image", tmp_path / "volume", tmp_path / "shadow"
    source.mkdir()
    os.mkfifo(source / "pipe")
    (source / "pipe").chmod(0o666)
    secret.write_text("the host's")
    secret.chmod(0o600)
    make = os.mknod

    def exchanged(name: str, mode: int, device: int, *, dir_fd: int) -> None:
        make(name, mode, device, dir_fd=dir_fd)
        (target / "pipe").unlink()
        if put == "link":
            (target / "pipe").symlink_to(secret)
        else:
            os.link(secret, target / "pipe")

    monkeypatch.setattr(os, "mknod", exchanged)
    with pytest.raises(FileExistsError):
        copied(source, target)
    assert (secret.stat().st_mode & 0o7777, secret.stat().st_uid) == (0o600, os.getuid())


def test_too_deep_is_refused(tmp_path: Path) -> None:
    place = tmp_path / "deep"
    place.mkdir()
    descriptor = opened(place)
    for _ in range(510):
        os.mkdir("d", dir_fd=descriptor)
        inner = os.open("d", os.O_RDONLY, dir_fd=descriptor)
        os.close(descriptor)
        descriptor = inner
    os.close(descriptor)
    with pytest.raises(Failed, match="more than 500 directories"):
        copied(place, tmp_path / "copy")


def test_sharing_is_tried_and_leaves_nothing(tmp_path: Path) -> None:
    descriptor = opened(tmp_path)
    assert shares_blocks(descriptor) in (True, False)
    assert is_empty(descriptor)
    os.close(descriptor)


@pytest.mark.parametrize("inside", ["_data", ""])
def test_link_in_place_of_a_volume_is_not_followed(tmp_path: Path, inside: str) -> None:
    directories = Directories(str(tmp_path))
    directories.make("vol")
    place = tmp_path / "volumes" / "vol" / inside
    os.rename(place, tmp_path / "moved")
    os.symlink(tmp_path / "moved", place)
    with pytest.raises(Damaged):
        directories.open("vol")


def test_directories_are_made_found_and_taken_away(tmp_path: Path) -> None:
    (tmp_path / "trash").mkdir()
    local = Local(str(tmp_path))
    local.create("vol")
    local.create("vol")
    Path(local.mountpoint("vol"), "f").write_text("1234")
    os.link(Path(local.mountpoint("vol"), "f"), Path(local.mountpoint("vol"), "g"))
    assert (local.size("vol"), local.stray({}), local.stray({"vol": 1})) == (4, ["vol"], [])
    place = local.remove("vol")
    assert local.stray({}) == []
    with pytest.raises(NotFound):
        local.open("vol")
    local.delete(place)
    local.delete(place)
    assert os.listdir(tmp_path / "trash") == []


def test_plain_volume_needs_no_mount(tmp_path: Path) -> None:
    local = Local(str(tmp_path))
    local.create("vol")
    local.mount(Shelf("vol"))
    assert local.mounted() == []
    assert not Shelf("vol", {"size": "x"}).mountable
    assert Shelf("vol", {"type": "tmpfs"}).mountable
