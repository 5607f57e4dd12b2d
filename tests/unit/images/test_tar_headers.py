"""Plain headers, written and read as the standard library does; what is not plain is left to it."""

from __future__ import annotations

import tarfile

from hypothesis import given
from hypothesis import strategies as st

from dockerkit.daemon.images import tarheaders
from dockerkit.daemon.images.tarheaders import Head

kinds = st.sampled_from([tarfile.REGTYPE, tarfile.DIRTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE])
names = st.text(st.characters(min_codepoint=33, max_codepoint=300, exclude_characters="/"), min_size=1, max_size=120)
heads = st.builds(
    Head,
    name=names,
    kind=kinds,
    mode=st.integers(0, 0o177777),
    owner=st.tuples(st.integers(0, 1 << 22), st.integers(0, 1 << 22)),
    size=st.integers(0, 1 << 34),
    mtime=st.integers(-5, 1 << 34),
    link=st.one_of(st.just(""), names),
)


def by_tarfile(head: Head) -> bytes:
    info = tarfile.TarInfo(head.name)
    info.type, info.mode, info.size, info.mtime, info.linkname = head.kind, head.mode, head.size, head.mtime, head.link
    info.uid, info.gid = head.owner
    return info.tobuf(tarfile.PAX_FORMAT, "utf-8", "surrogateescape")


@given(heads)
def test_written_as_the_standard_library_writes(head: Head) -> None:
    assert tarheaders.write(head) == by_tarfile(head)


@given(heads, st.sampled_from([tarfile.PAX_FORMAT, tarfile.GNU_FORMAT, tarfile.USTAR_FORMAT]))
def test_read_as_the_standard_library_reads_or_left_to_it(head: Head, format: int) -> None:
    info = tarfile.TarInfo(head.name)
    info.type, info.mode, info.size, info.mtime, info.linkname = head.kind, head.mode, head.size, head.mtime, head.link
    info.uid, info.gid = head.owner
    try:
        block = info.tobuf(format, "utf-8", "surrogateescape")[:512]
    except ValueError:
        return
    plain = tarheaders.read(block)
    if plain is not None:
        read = tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape")
        for field in ("name", "type", "mode", "uid", "gid", "size", "mtime", "linkname"):
            assert getattr(plain, field) == getattr(read, field), field


@given(st.binary(min_size=512, max_size=512))
def test_rubbish_is_left_to_it(block: bytes) -> None:
    assert tarheaders.read(block) is None


def test_a_wrong_checksum_is_left_to_it() -> None:
    block = bytearray(tarheaders.write(Head("a", tarfile.REGTYPE, 0o644)))
    assert tarheaders.read(bytes(block)) is not None
    block[0] ^= 1
    assert tarheaders.read(bytes(block)) is None
