"""Tar streams from strangers: read strictly, in bounded memory, and never without an answer."""

from __future__ import annotations

import gzip
import hashlib
import io
import lzma
import random
import tarfile
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dockerkit.daemon.images.archive import HEADER_LIMIT, Stream, content, members
from dockerkit.daemon.images.compression import decompress
from dockerkit.daemon.images.tree import split
from dockerkit.daemon.images.unpack import measure
from dockerkit.errors import Damaged
from tests.unit.images.imagematerial import directory, file, hardlink, symlink, tar


def pieces(data: bytes, size: int = 1000) -> Iterator[bytes]:
    return (data[at : at + size] for at in range(0, len(data), size))


def read(data: bytes, size: int = 1000) -> dict[str, bytes]:
    stream = Stream(pieces(data, size))
    return {member.name: b"".join(bytes(part) for _, part in content(stream, member)) for member in members(stream)}


def test_what_was_packed_is_read() -> None:
    data = tar(directory("d"), file("d/a", b"x" * 3000), file("b"))
    assert read(data) == {"d": b"", "d/a": b"x" * 3000, "b": b""}


@settings(max_examples=60)
@given(
    st.lists(
        st.tuples(
            st.text(st.characters(codec="utf-8", exclude_characters="/\0"), min_size=1, max_size=150), st.binary(max_size=1500)
        )
    )
)
def test_any_names_and_contents_come_back(entries: list[tuple[str, bytes]]) -> None:
    for format in (tarfile.PAX_FORMAT, tarfile.GNU_FORMAT):
        stream = Stream(pieces(tar(*(file(name, data) for name, data in entries), format=format), 777))
        got = [(m.name, b"".join(bytes(part) for _, part in content(stream, m))) for m in members(stream)]
        assert got == [(name.rstrip("/"), data) for name, data in entries]


def test_the_digest_covers_everything_even_what_is_skipped_and_the_padding() -> None:
    data = tar(file("a", b"1" * 5000), file("b"))
    stream = Stream(pieces(data))
    assert [member.name for member in members(stream)] == ["a", "b"]
    assert stream.finish() == f"sha256:{hashlib.sha256(data).hexdigest()}"


def test_a_broken_header_in_the_middle_is_an_error_not_the_end() -> None:
    data = bytearray(tar(file("a", b"1" * 600), file("b"), file("c")))
    data[512 + 1024] ^= 0xFF
    with pytest.raises(Damaged, match="bad header"):
        read(bytes(data))


@pytest.mark.parametrize("keep", [100, 600, 1500])
def test_an_archive_cut_short_is_an_error(keep: int) -> None:
    with pytest.raises(Damaged, match=r"cut short|malformed"):
        read(tar(file("a", b"1" * 2000))[:keep])


def test_a_name_of_a_gigabyte_is_refused_before_it_is_read() -> None:
    info = tarfile.TarInfo("././@LongLink")
    info.type, info.size = tarfile.GNUTYPE_LONGNAME, 1 << 30
    with pytest.raises(Damaged, match="claims"):
        read(info.tobuf(tarfile.GNU_FORMAT) + b"a" * 2048)


def test_a_negative_size_is_refused() -> None:
    info = tarfile.TarInfo("a")
    raw = bytearray(info.tobuf(tarfile.GNU_FORMAT))
    raw[124:136] = b"\xff" * 12  # base-256 for -1
    raw[148:156] = b"%06o\0 " % (256 + sum(raw[:148]) + sum(raw[156:512]))
    with pytest.raises(Damaged):
        read(bytes(raw) + b"\0" * 1024)


def test_a_thousand_headers_about_headers_are_refused() -> None:
    info = tarfile.TarInfo("././@LongLink")
    info.type, info.size = tarfile.GNUTYPE_LONGNAME, 2
    with pytest.raises(Damaged):
        read((info.tobuf(tarfile.GNU_FORMAT) + b"a\0".ljust(512, b"\0")) * 2000)


def test_a_sparse_map_that_lies_is_refused() -> None:
    info = tarfile.TarInfo("s")
    info.size = 1024
    info.pax_headers = {"GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.name": "s", "GNU.sparse.realsize": "100"}
    sparse = b"1\n50\n512\n".ljust(512, b"\0") + b"x" * 512
    with pytest.raises(Damaged, match="sparse map"):
        read(tar((info, sparse)))


def test_an_empty_archive_has_no_members() -> None:
    assert read(tar()) == {}
    assert read(b"\0" * 1024) == {}


@settings(max_examples=300, deadline=None)
@given(seed=st.integers(0, 2**32), count=st.integers(1, 12))
def test_a_tar_with_flipped_bytes_is_read_or_refused_and_nothing_else(seed: int, count: int) -> None:
    chance = random.Random(seed)
    long = "n" * 180
    data = bytearray(
        tar(directory("d"), file(f"d/{long}", b"x" * 700), symlink("l", "d"), hardlink("h", f"d/{long}"), file("z", b"1"))
    )
    for _ in range(count):
        data[chance.randrange(len(data))] = chance.randrange(256)
    try:
        read(bytes(data))
    except Damaged as error:
        assert "archive" in str(error)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=3000))
def test_noise_is_refused_or_empty(data: bytes) -> None:
    try:
        measure([data])
    except Damaged as error:
        assert str(error)


@pytest.mark.parametrize("pack", [gzip.compress, lzma.compress, bytes])
@pytest.mark.parametrize("size", [1, 7, 1 << 20])
def test_compression_is_told_by_its_first_bytes(pack, size: int) -> None:  # type: ignore[no-untyped-def]
    data = random.Random(1).randbytes(300_000)
    assert b"".join(decompress(pieces(pack(data), max(size, 1) if size > 1 else 1000))) == data


def test_several_gzip_streams_are_one(pad: bytes = b"\0" * 700) -> None:
    data = gzip.compress(b"one ") + gzip.compress(b"two ") + gzip.compress(b"three") + pad
    assert b"".join(decompress(pieces(data, 5))) == b"one two three"


@pytest.mark.parametrize("pack", [gzip.compress, lzma.compress])
def test_a_compressed_stream_cut_short_is_an_error(pack) -> None:  # type: ignore[no-untyped-def]
    data = pack(random.Random(2).randbytes(100_000))
    with pytest.raises(Damaged, match="cut short"):
        b"".join(decompress(pieces(data[:-200])))


@pytest.mark.parametrize("pack", [gzip.compress, lzma.compress])
def test_a_compressed_stream_with_a_flipped_byte_is_an_error(pack) -> None:  # type: ignore[no-untyped-def]
    data = bytearray(pack(random.Random(3).randbytes(100_000)))
    data[len(data) // 2] ^= 1
    with pytest.raises(Damaged):
        b"".join(decompress(pieces(bytes(data))))


def test_a_bomb_is_handed_out_a_megabyte_at_a_time() -> None:
    bomb = gzip.compress(b"\0" * (64 << 20), 9)
    largest = max(len(piece) for piece in decompress([bomb]))
    assert largest <= 1 << 20


def test_zstd_is_read() -> None:
    zstandard = pytest.importorskip("zstandard")
    data = random.Random(4).randbytes(200_000)
    assert b"".join(decompress(pieces(zstandard.compress(data)))) == data


@pytest.mark.parametrize(
    ("name", "parts"),
    [("a/b", ("a", "b")), ("/a//b/", ("a", "b")), ("./a/./b", ("a", "b")), ("a/../b", ("b",)), (".", ()), ("", ()), ("/", ())],
)
def test_names_are_cleaned(name: str, parts: tuple[str, ...]) -> None:
    assert split(name) == parts


@pytest.mark.parametrize("name", ["..", "../a", "a/../../b", "/..", "./../a", "a/b/../../../c"])
def test_a_name_that_leads_out_is_refused(name: str) -> None:
    with pytest.raises(Damaged, match="leads out"):
        split(name)


@given(st.text())
def test_no_name_yields_a_step_up(name: str) -> None:
    try:
        parts = split(name)
    except Damaged:
        return
    assert not {"", ".", ".."} & set(parts)
    assert not any("/" in part or "\0" in part for part in parts)


def test_measuring_counts_regular_files_only() -> None:
    data = tar(directory("d"), file("d/a", b"12345"), hardlink("b", "d/a"), symlink("c", "d/a"), file("e", b"67"))
    assert measure(pieces(gzip.compress(data))) == 7


def test_a_header_at_the_limit_is_still_read() -> None:
    name = "x" * (HEADER_LIMIT - 600)
    assert list(read(tar(file(name), format=tarfile.GNU_FORMAT))) == [name]


def test_a_tar_without_its_end_blocks_is_read() -> None:
    out = io.BytesIO(tar(file("a", b"1")))
    assert read(out.getvalue()[:1024]) == {"a": b"1"}
