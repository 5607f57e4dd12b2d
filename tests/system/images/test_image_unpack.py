"""Layers on a real file system: what the archive says is there, and no archive reaches outside. Named after disasters."""

from __future__ import annotations

import errno
import os
import random
import stat
import tarfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dockerkit.errors import Damaged
from tests.system.images.unpacking import put, put_bytes
from tests.unit.images.imagematerial import Member, device, directory, file, hardlink, symlink, tar

pytestmark = pytest.mark.system


def kind(path: Path) -> int:
    return stat.S_IFMT(os.lstat(path).st_mode)


def test_files_directories_and_links_are_as_the_archive_says(root: Path) -> None:
    done = put(
        root,
        directory("d", mode=0o750, uid=5, gid=6, mtime=1000),
        file("d/f", b"hello", mode=0o4755, uid=7, gid=8, mtime=2000),
        symlink("d/s", "f", uid=9, gid=10),
        hardlink("h", "d/f"),
    )
    status = os.stat(root / "d" / "f")
    assert (stat.S_IMODE(status.st_mode), status.st_uid, status.st_gid, status.st_mtime, status.st_nlink) == (
        0o4755,
        7,
        8,
        2000,
        2,
    )
    assert (root / "h").read_text() == "hello"
    assert os.readlink(root / "d" / "s") == "f"
    assert (os.lstat(root / "d" / "s").st_uid, os.lstat(root / "d" / "s").st_gid) == (9, 10)
    folder = os.stat(root / "d")
    assert (stat.S_IMODE(folder.st_mode), folder.st_uid, folder.st_gid, folder.st_mtime) == (0o750, 5, 6, 1000)
    assert done.size == 5


def test_the_umask_of_the_daemon_does_not_show(root: Path) -> None:
    before = os.umask(0o077)
    try:
        put(root, directory("d", mode=0o777), file("d/f", mode=0o666), file("made/up/parents", b""), device("n", 1, 3))
    finally:
        os.umask(before)
    modes = [stat.S_IMODE(os.stat(root / name).st_mode) for name in ("d", "d/f", "made", "made/up", "n")]
    assert modes == [0o777, 0o666, 0o755, 0o755, 0o600]


def test_setgid_sticky_and_setuid_survive_the_change_of_owner(root: Path) -> None:
    put(root, directory("t", mode=0o1777, uid=3), file("u", mode=0o4755, uid=3), file("g", mode=0o2755, gid=3))
    assert [stat.S_IMODE(os.stat(root / name).st_mode) for name in "tug"] == [0o1777, 0o4755, 0o2755]


def test_file_capabilities_survive_the_change_of_owner(root: Path) -> None:
    capability = "\x01\x00\x00\x02\x00\x20\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
    info, data = file("ping", b"", uid=5)
    info.pax_headers = {"SCHILY.xattr.security.capability": capability, "SCHILY.xattr.user.note": "é"}
    put(root, (info, data))
    assert os.getxattr(root / "ping", "security.capability") == capability.encode("latin-1")
    assert os.getxattr(root / "ping", "user.note") == "é".encode()


def test_overlay_attributes_of_the_archive_are_not_set(root: Path) -> None:
    info, data = directory("d")
    info.pax_headers = {"SCHILY.xattr.trusted.overlay.redirect": "/etc", "SCHILY.xattr.trusted.overlay.opaque": "y"}
    put(root, (info, data))
    assert os.listxattr(root / "d") == []


def test_devices_and_fifos_are_made(root: Path) -> None:
    put(root, device("null", 1, 3), device("disk", 7, 300, tarfile.BLKTYPE), device("pipe", 0, 0, tarfile.FIFOTYPE))
    assert (kind(root / "null"), os.stat(root / "null").st_rdev) == (stat.S_IFCHR, os.makedev(1, 3))
    assert (kind(root / "disk"), os.stat(root / "disk").st_rdev) == (stat.S_IFBLK, os.makedev(7, 300))
    assert kind(root / "pipe") == stat.S_IFIFO


@pytest.mark.parametrize("format", [tarfile.PAX_FORMAT, tarfile.GNU_FORMAT])
def test_long_names_and_long_links(root: Path, format: int) -> None:
    deep = "/".join(["x" * 200] * 8)
    put(root, file(f"{deep}/end", b"1"), symlink("s", "y" * 1000), file("z" * 255, b"2"), format=format)
    assert (root / deep / "end").read_bytes() == b"1"
    assert os.readlink(root / "s") == "y" * 1000
    assert (root / ("z" * 255)).read_bytes() == b"2"


def test_a_component_too_long_for_any_file_system_is_refused(root: Path) -> None:
    for name in ("z" * 300, f"{'z' * 300}/a"):
        with pytest.raises(Damaged):
            put(root, file(name))


def test_names_that_are_not_utf8_come_out_as_they_are(root: Path) -> None:
    put(root, file(os.fsdecode(b"\xff\xfe"), b"1"), format=tarfile.GNU_FORMAT)
    assert os.listdir(os.fsencode(root)) == [b"\xff\xfe"]


def test_sparse_files_have_holes(root: Path) -> None:
    info = tarfile.TarInfo("s")
    extent = b"x" * 4096
    info.size = 512 + len(extent)
    size = 1 << 30
    info.pax_headers = {
        "GNU.sparse.major": "1",
        "GNU.sparse.minor": "0",
        "GNU.sparse.name": "s",
        "GNU.sparse.realsize": str(size),
    }
    put(root, (info, f"1\n{1 << 20}\n4096\n".encode().ljust(512, b"\0") + extent))
    status = os.stat(root / "s")
    assert status.st_size == size
    assert status.st_blocks * 512 < 1 << 16
    with open(root / "s", "rb") as opened:
        opened.seek(1 << 20)
        assert opened.read(4097) == extent + b"\0"


def test_a_sparse_file_of_exabytes_is_refused_at_once(root: Path) -> None:
    info = tarfile.TarInfo("s")
    info.size = 512
    info.pax_headers = {
        "GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.name": "s", "GNU.sparse.realsize": str(1 << 62),
    }  # fmt: skip
    with pytest.raises(Damaged, match=r"'s' brings its files to 4\.61EB"):
        put(root, (info, b"0\n".ljust(512, b"\0")))


def test_times_beyond_any_clock_are_cut(root: Path) -> None:
    put(root, file("a", mtime=-5), file("b", mtime=1 << 40), file("c", mtime=1.5))
    assert [os.stat(root / name).st_mtime for name in "abc"] == [0, 0, 1.5]


# names that lead out


@pytest.mark.parametrize("name", ["../outside/secret", "a/../../outside/secret", "/../outside/secret", ".."])
def test_dotdot_is_refused(root: Path, name: str) -> None:
    with pytest.raises(Damaged, match="leads out"):
        put(root, file(name, b"stolen"))


def test_an_absolute_name_stays_inside(root: Path) -> None:
    put(root, file(f"{root.parent}/outside/secret", b"mine"))
    assert (root / str(root.parent)[1:] / "outside" / "secret").read_bytes() == b"mine"


@pytest.mark.parametrize(
    "target", ["../outside", "/outside", "{outside}", "../../../../../../../../../{outside}", "a/../../outside"]
)
def test_a_link_to_the_outside_used_as_a_directory_stays_inside(root: Path, target: str) -> None:
    put(
        root,
        directory("a"),
        symlink("a/link", target.format(outside=root.parent / "outside")),
        file("a/link/secret", b"mine"),
        directory("a/link/d", mode=0o777),
    )
    found = [path for path in root.rglob("secret") if path.is_file()]
    assert [path.read_bytes() for path in found] == [b"mine"]


def test_a_chain_of_links_stays_inside(root: Path) -> None:
    put(root, symlink("one", "two"), symlink("two", "three/.."), symlink("three", "/../../../../"), file("one/secret", b"mine"))
    assert (root / "secret").read_bytes() == b"mine"


def test_a_ring_of_links_is_refused(root: Path) -> None:
    with pytest.raises(Damaged, match="too many links"):
        put(root, symlink("a", "b"), symlink("b", "a"), file("a/x"))


def test_a_file_written_over_a_link_replaces_the_link(root: Path) -> None:
    put(root, symlink("x", str(root.parent / "outside" / "secret")), file("x", b"mine"))
    assert (kind(root / "x"), (root / "x").read_bytes()) == (stat.S_IFREG, b"mine")


def test_a_directory_over_a_link_does_not_change_the_links_target(root: Path) -> None:
    put(root, symlink("x", str(root.parent / "outside")), directory("x", mode=0o777))
    assert kind(root / "x") == stat.S_IFDIR


def test_the_mode_of_a_link_changes_nothing_behind_it(root: Path) -> None:
    put(root, symlink("x", str(root.parent / "outside"), mode=0o700, uid=5))


@pytest.mark.parametrize("target", ["../outside/secret", "{outside}/secret", "link/secret"])
def test_a_hard_link_to_the_outside_is_refused(root: Path, target: str) -> None:
    with pytest.raises(Damaged):
        put(root, symlink("link", str(root.parent / "outside")), hardlink("h", target.format(outside=root.parent / "outside")))


def test_a_hard_link_to_a_link_is_a_link_not_its_target(root: Path) -> None:
    put(root, symlink("s", str(root.parent / "outside" / "secret")), hardlink("h", "s"), file("h", b"mine"))
    assert os.readlink(root / "s") == str(root.parent / "outside" / "secret")
    assert (root / "h").read_bytes() == b"mine"


@pytest.mark.parametrize("target", ["nowhere", "d", ".", "f/x"])
def test_a_hard_link_to_no_file_is_refused(root: Path, target: str) -> None:
    with pytest.raises(Damaged):
        put(root, directory("d"), file("f"), hardlink("h", target))


def test_a_hard_link_to_a_whiteout_is_refused(root: Path) -> None:
    with pytest.raises(Damaged, match="no file of this layer"):
        put(root, file(".wh.a"), hardlink("b", "a"))


def test_a_hard_link_to_itself_keeps_the_file(root: Path) -> None:
    put(root, file("a", b"1"), hardlink("a", "./a"))
    assert (root / "a").read_bytes() == b"1"


def test_a_hard_link_that_replaces_the_directory_of_its_target_is_refused(root: Path) -> None:
    with pytest.raises(Damaged, match="into itself"):
        put(root, file("d/f", b"1"), hardlink("d", "d/f"))


def test_a_file_as_a_parent_is_refused(root: Path) -> None:
    with pytest.raises(Damaged, match="used as a directory"):
        put(root, file("f"), file("f/x"))


def test_a_fifo_as_a_parent_is_refused_and_not_opened(root: Path) -> None:
    with pytest.raises(Damaged, match="used as a directory"):
        put(root, device("p", 0, 0, tarfile.FIFOTYPE), file("p/x"))


def test_the_root_cannot_be_replaced(root: Path) -> None:
    for member in (file("."), symlink("./", "/"), hardlink("/", "a"), device(".", 1, 3)):
        with pytest.raises(Damaged):
            put(root, file("a"), member)


def test_the_roots_own_attributes_are_set(root: Path) -> None:
    put(root, directory("./", mode=0o711, uid=4, mtime=1234), file("a"))
    status = os.stat(root)
    assert (stat.S_IMODE(status.st_mode), status.st_uid, status.st_mtime) == (0o711, 4, 1234)


# numbers


@pytest.mark.parametrize("owner", [{"uid": -1}, {"gid": -1}, {"uid": 0xFFFFFFFF}, {"uid": 1 << 40}])
def test_an_owner_that_is_no_number_of_a_user_is_refused(root: Path, owner: dict[str, int]) -> None:
    with pytest.raises(Damaged):
        put(root, file("a", **owner), format=tarfile.GNU_FORMAT)


def test_an_unknown_type_is_refused(root: Path) -> None:
    info, data = file("a")
    info.type = b"Z"
    with pytest.raises(Damaged):
        put(root, (info, data))


def test_a_layer_cut_short_is_refused(root: Path) -> None:
    with pytest.raises(Damaged, match="cut short"):
        put_bytes(root, tar(file("a", b"x" * 5000))[:3000])


def test_a_disk_that_is_full_is_not_called_a_damaged_archive(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "pwrite", full)
    with pytest.raises(OSError, match="No space"):
        put(root, file("a", b"x"))


NAMES = st.sampled_from(
    ["a", "b", "a/b", "a/b/c", "b/a", "l", "l/x", "/a", "..", "a/../b", ".", ".wh.a", "a/.wh.b", "a/.wh..wh..opq"]
)
TARGETS = st.sampled_from(["a", "b", "a/b", "..", "/", "../outside", "/outside", "../outside/secret", "l", "l/x", "../../.."])
MEMBERS = st.one_of(
    st.builds(file, NAMES, st.binary(max_size=20)),
    st.builds(directory, NAMES),
    st.builds(symlink, NAMES, TARGETS),
    st.builds(hardlink, NAMES, TARGETS),
    st.builds(device, NAMES, st.just(1), st.just(3)),
)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(entries=st.lists(MEMBERS, max_size=12))
def test_no_sequence_of_entries_reaches_the_outside(root: Path, entries: list[Member]) -> None:
    with os.scandir(root) as old:
        for entry in old:
            _remove(entry)
    try:
        put(root, *entries)
    except Damaged as error:
        assert "archive" in str(error)
    assert (root.parent / "outside" / "secret").read_text() == "secret"
    assert os.stat(root.parent / "outside" / "secret").st_nlink == 1


def _remove(entry: os.DirEntry[str]) -> None:
    import shutil

    if entry.is_dir(follow_symlinks=False):
        shutil.rmtree(entry.path)
    else:
        os.unlink(entry.path)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**32))
def test_a_layer_with_flipped_bytes_is_unpacked_or_refused_and_nothing_else(root: Path, seed: int) -> None:
    chance = random.Random(seed)
    data = bytearray(
        tar(directory("d"), file("d/f", b"x" * 700), symlink("l", "../outside"), file("l/y"), hardlink("h", "d/f"))
    )
    for _ in range(chance.randrange(1, 6)):
        data[chance.randrange(len(data))] = chance.randrange(256)
    with os.scandir(root) as old:
        for entry in old:
            _remove(entry)
    try:
        put_bytes(root, bytes(data))
    except Damaged as error:
        assert str(error)
