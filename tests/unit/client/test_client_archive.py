"""Archives in both directions: what goes in comes out, and nothing comes out elsewhere."""

from __future__ import annotations

import io
import os
import pathlib
import stat
import tarfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dockerkit import errors
from dockerkit.client import archive
from dockerkit.client.files import python_mode


def pieces_of(data: bytes, size: int = 700) -> list[bytes]:
    return [data[at : at + size] for at in range(0, len(data), size)]


@given(st.binary(max_size=5000), st.integers(0, 0o777), st.integers(1, 3000))
def test_bytes_go_in_and_come_out(content: bytes, mode: int, size: int) -> None:
    length, pieces = archive.of_bytes(["a", "a/b"], "a/b/ä.txt", content, mode)
    whole = b"".join(pieces)
    assert len(whole) == length
    with archive.files_of(pieces_of(whole, size)) as tar:
        members = []
        for member in tar:
            file = tar.extractfile(member)
            members.append((member.name, member.isdir(), member.mode, b"" if file is None else file.read()))
    assert archive.first_content(pieces_of(b"".join(archive.of_bytes([], "x", content, mode)[1]), size)) == content
    assert members == [("a", True, 0o755, b""), ("a/b", True, 0o755, b""), ("a/b/ä.txt", False, mode, content)]


def test_tree_keeps_links_and_permissions_and_belongs_to_root(tmp_path: pathlib.Path) -> None:
    (tmp_path / "sub").mkdir(mode=0o700)
    (tmp_path / "sub" / "file").write_bytes(b"x" * 1000)
    (tmp_path / "sub" / "file").chmod(0o640)
    (tmp_path / "link").symlink_to("/elsewhere")
    (tmp_path / "folder-link").symlink_to("sub")
    os.mkfifo(tmp_path / "pipe")
    with tarfile.open(fileobj=io.BytesIO(b"".join(archive.of_tree([], "top", str(tmp_path))))) as tar:
        found = {member.name: member for member in tar}
    assert sorted(found) == ["top", "top/folder-link", "top/link", "top/pipe", "top/sub", "top/sub/file"]
    assert (found["top/sub"].mode, found["top/sub/file"].mode, found["top/link"].linkname) == (0o700, 0o640, "/elsewhere")
    assert {(member.uid, member.gid, member.uname) for member in found.values()} == {(0, 0, "")}


def test_file_that_becomes_shorter_is_noticed(tmp_path: pathlib.Path) -> None:
    (tmp_path / "x").write_bytes(bytes(3 * archive.PIECE))
    going = archive.of_tree([], "x", str(tmp_path / "x"))
    next(going)
    os.truncate(tmp_path / "x", 10)
    with pytest.raises(errors.Damaged, match="shorter"):
        list(going)


def made(*members: tuple[tarfile.TarInfo, bytes]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for info, content in members:
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return out.getvalue()


def member(name: str, type: bytes = tarfile.REGTYPE, link: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.mode = type, link, 0o755 if type == tarfile.DIRTYPE else 0o4750
    return info


def test_one_file_is_the_target_itself(tmp_path: pathlib.Path) -> None:
    archive.extract(pieces_of(made((member("passwd"), b"content"))), str(tmp_path / "mine"))
    assert (tmp_path / "mine").read_bytes() == b"content"
    assert stat.S_IMODE((tmp_path / "mine").stat().st_mode) == 0o750


@pytest.mark.parametrize(
    "evil",
    [
        [(member("top/../../out"), b"x")],
        [(member("top/link", tarfile.SYMTYPE, "/"), b""), (member("top/link/out"), b"x")],
        [(member("top/link", tarfile.SYMTYPE, "../.."), b""), (member("top/link/out"), b"x")],
        [(member("top/hard", tarfile.LNKTYPE, "top/../../out"), b"")],
    ],
)
def test_hostile_archive_writes_nothing_elsewhere(tmp_path: pathlib.Path, evil: list[tuple[tarfile.TarInfo, bytes]]) -> None:
    target = tmp_path / "deep" / "target"
    target.parent.mkdir()
    with pytest.raises(errors.Damaged, match="not safe"):
        archive.extract(pieces_of(made((member("top", tarfile.DIRTYPE), b""), *evil)), str(target))
    assert not (tmp_path / "deep" / "out").exists()
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("go", "kind"),
    [
        (0o644, stat.S_IFREG),
        (1 << 31 | 0o755, stat.S_IFDIR),
        (1 << 27 | 0o777, stat.S_IFLNK),
        (1 << 26 | 0o660, stat.S_IFBLK),
        (1 << 26 | 1 << 21 | 0o660, stat.S_IFCHR),
        (1 << 25 | 0o600, stat.S_IFIFO),
        (1 << 24 | 0o600, stat.S_IFSOCK),
        (1 << 23 | 0o755, stat.S_IFREG | stat.S_ISUID),
        (1 << 31 | 1 << 20 | 0o777, stat.S_IFDIR | stat.S_ISVTX),
    ],
)
def test_modes_as_go_writes_them(go: int, kind: int) -> None:
    assert python_mode(go) == kind | (go & 0o777)
