"""A tree goes out as a tar and comes in again: nothing is lost, nothing is held, nothing leads out."""

from __future__ import annotations

import io
import os
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as some

from dockerkit.daemon.images.compression import decompress
from dockerkit.daemon.images.extract import Destination, extract
from dockerkit.daemon.images.tree import split
from dockerkit.daemon.images.treestream import CHUNK, Manner, stream_contents, stream_entry
from dockerkit.errors import Conflict, Damaged, Failed
from dockerkit.schema.archive import go_mode


@pytest.fixture
def top(tmp_path: Path) -> Iterator[int]:
    (tmp_path / "top").mkdir()
    descriptor = os.open(tmp_path / "top", os.O_PATH | os.O_DIRECTORY)
    yield descriptor
    os.close(descriptor)


def put(root: int, raw: bytes, base: str = "", **how: object) -> None:
    """Extract as whoever runs the tests: everything belongs to him."""
    owner = (os.getuid(), os.getgid())
    extract([raw], Destination(root, split(base), frozenset()), owner=owner, **how)  # type: ignore[arg-type]


def tar(*members: tuple[str, bytes | str | None]) -> bytes:
    """Files (bytes), links (text) and directories (None)."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        for name, what in members:
            info = tarfile.TarInfo(name)
            info.mode = 0o755
            if what is None:
                info.type = tarfile.DIRTYPE
            elif isinstance(what, str):
                info.type, info.linkname = tarfile.SYMTYPE, what
            else:
                info.size = len(what)
            archive.addfile(info, io.BytesIO(what) if isinstance(what, bytes) else None)
    return file.getvalue()


def test_a_tree_survives_the_way_out_and_in(tmp_path: Path, top: int) -> None:
    source = tmp_path / "source"
    (source / "a/b").mkdir(parents=True)
    (source / "a/big").write_bytes(os.urandom(CHUNK + 12345))
    (source / "a/empty").touch()
    os.link(source / "a/big", source / "z")
    (source / "a/ü").symlink_to("../../out/of/it"[3:])
    os.mkfifo(source / "a/b/pipe", 0o640)
    os.utime(source / "a/b", ns=(0, 10**18))
    with_fd = os.open(source, os.O_PATH)
    raw = b"".join(stream_contents(with_fd, Manner()))
    os.close(with_fd)
    put(top, raw)
    made = tmp_path / "top"
    assert sorted(p.relative_to(made).as_posix() for p in made.rglob("*")) == [
        "a", "a/b", "a/b/pipe", "a/big", "a/empty", "a/ü", "z",
    ]  # fmt: skip
    assert (made / "a/big").read_bytes() == (source / "a/big").read_bytes()
    assert os.stat(made / "a/big").st_ino == os.stat(made / "z").st_ino
    assert os.stat(made / "a/b").st_mtime_ns == 10**18
    assert len(raw) % 512 == 0


def test_large_files_are_not_held_in_memory(tmp_path: Path, top: int) -> None:
    with open(tmp_path / "top/big", "wb") as file:
        file.truncate(64 << 20)
    assert max(map(len, stream_contents(top, Manner()))) <= CHUNK


def test_a_stream_that_is_not_read_on_lets_go(tmp_path: Path, top: int) -> None:
    for number in range(9):
        (tmp_path / f"top/d{number}").mkdir()
        (tmp_path / f"top/d{number}/f").write_bytes(bytes(1 << 17))
    before = len(os.listdir("/proc/self/fd"))
    stream = stream_contents(top, Manner())
    next(stream)
    assert len(os.listdir("/proc/self/fd")) > before
    stream.close()  # type: ignore[attr-defined]
    assert len(os.listdir("/proc/self/fd")) == before


def test_a_file_that_shrinks_is_an_error_and_one_that_goes_is_left_out(tmp_path: Path, top: int) -> None:
    (tmp_path / "top/a").write_bytes(bytes(4 << 20))
    (tmp_path / "top/b").touch()
    stream = stream_contents(top, Manner())
    next(stream)
    (tmp_path / "top/b").unlink()
    rest = b"".join(stream)
    assert b"b\0\0\0\0" not in rest[-2048:]
    stream = stream_entry(top, "a", "a", Manner())
    next(stream)
    os.truncate(tmp_path / "top/a", 100)
    with pytest.raises(Conflict, match="shrank"):
        list(stream)


def test_trees_without_end_are_refused(tmp_path: Path, top: int) -> None:
    current = os.open(tmp_path / "top", os.O_RDONLY)
    for _ in range(510):
        os.mkdir("d", dir_fd=current)
        deeper = os.open("d", os.O_RDONLY, dir_fd=current)
        os.close(current)
        current = deeper
    os.close(current)
    with pytest.raises(Failed, match="more than 500"):
        list(stream_contents(top, Manner()))


def test_a_hidden_file_system_is_an_empty_directory(tmp_path: Path, top: int) -> None:
    (tmp_path / "top/d").mkdir()
    (tmp_path / "top/d/f").touch()
    hidden = Manner(hidden=frozenset({os.stat(tmp_path).st_dev}))
    with tarfile.open(fileobj=io.BytesIO(b"".join(stream_entry(top, "d", "d", hidden)))) as archive:
        assert archive.getnames() == ["d"]


@pytest.mark.parametrize(
    "members",
    [
        [("../x", b"")],
        [("a/../../x", b"")],
        [("l", "../x")],
        [("d", None), ("d/l", "../../x")],
        [("f", b""), ("f/x", b"")],
        [("l", "l"), ("l/x", b"")],
    ],
)
def test_what_points_out_of_the_destination_is_refused(tmp_path: Path, top: int, members: list[tuple[str, bytes]]) -> None:
    (tmp_path / "top/in").mkdir()
    with pytest.raises(Damaged):
        put(top, tar(*members), "in")
    assert os.listdir(tmp_path / "top") == ["in"]


def test_links_that_are_there_are_taken_from_the_trees_root(tmp_path: Path, top: int) -> None:
    (tmp_path / "top/in").mkdir()
    (tmp_path / "top/etc").mkdir()
    (tmp_path / "top/in/abs").symlink_to("/etc")
    (tmp_path / "top/in/up").symlink_to("../../../../../../../etc")
    put(top, tar(("abs/one", b"1"), ("up/two", b"2")), "in")
    assert sorted(os.listdir(tmp_path / "top/etc")) == ["one", "two"]


def test_kinds_are_kept_when_asked(tmp_path: Path, top: int) -> None:
    (tmp_path / "top/d").mkdir()
    (tmp_path / "top/f").touch()
    for members, words in (((("d", b""),), "cannot overwrite directory"), ((("f", None),), "cannot overwrite non-directory")):
        with pytest.raises(Damaged, match=words):
            put(top, tar(*members), keep_kinds=True)
        put(top, tar(*members))
    assert (tmp_path / "top/f").is_dir()
    assert (tmp_path / "top/d").is_file()


def test_names_of_whiteouts_are_names(tmp_path: Path, top: int) -> None:
    (tmp_path / "top/x").touch()
    put(top, tar((".wh.x", b""), (".wh..wh..opq", b"")))
    assert sorted(os.listdir(tmp_path / "top")) == [".wh..wh..opq", ".wh.x", "x"]


def test_a_plain_tar_that_begins_like_bzip2_is_plain() -> None:
    raw = tar(("BZh9", b"x"))
    assert b"".join(decompress([raw])) == raw
    with pytest.raises(Damaged):
        list(decompress([b"BZh91AY&SY" + b"x" * 99]))


@given(some.binary(max_size=3000))
def test_no_bytes_whatever_break_anything_but_themselves(tmp_path_factory: pytest.TempPathFactory, raw: bytes) -> None:
    place = tmp_path_factory.mktemp("t")
    root = os.open(place, os.O_PATH)
    try:
        put(root, raw)
    except Damaged as error:
        assert error.message
    finally:
        os.close(root)


def test_modes_are_gos() -> None:
    assert [go_mode(mode) for mode in (0o100644, 0o040755, 0o120777, 0o104755, 0o041777, 0o010644, 0o020666, 0o060660)] == [
        420, 2147484141, 134218239, 8389101, 2148532735, 33554852, 69206454, 67109296,
    ]  # fmt: skip
