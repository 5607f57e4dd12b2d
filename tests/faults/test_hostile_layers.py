"""A corpus of layers that are attacks: each is one ``Damaged`` that names the entry, and leaves the store as it was.

Every layer comes in by all three ways: ``load`` in Docker's archive, ``load`` in an OCI layout, ``import``. Beside the data
root lies something that must not change, and the store already holds an image.
"""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import random
import struct
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import zstandard
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dockerkit.daemon.images import Images
from dockerkit.daemon.images.archives.importing import Wish
from dockerkit.errors import Damaged
from tests.unit.images.archivematerial import LAYER, Layout, docker, holdings
from tests.unit.images.imagematerial import Member, device, directory, file, hardlink, symlink, tar

pytestmark = pytest.mark.system
WISH = Wish(created="2026-01-01T00:00:00Z")


@pytest.fixture
def top(tmp_path: Path) -> Iterator[Path]:
    """A data root that holds an image, and beside it a secret that is as it was at the end."""
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "secret").write_text("secret")
    Images(str(tmp_path / "root")).load(iter([docker(LAYER, tags=["kept:1"])]), silent)
    yield tmp_path
    assert sorted(os.listdir(tmp_path)) == ["outside", "root"]
    assert (tmp_path / "outside" / "secret").read_text() == "secret"
    assert os.stat(tmp_path / "outside" / "secret").st_nlink == 1
    assert sorted(os.listdir(tmp_path / "outside")) == ["secret"]


def silent(_message: object) -> None:
    """Nobody listens."""


def by_docker(images: Images, layer: bytes) -> None:
    images.load(iter([docker(layer)]), silent)


def by_layout(images: Images, layer: bytes) -> None:
    layout = Layout()
    layout.name(layout.image(layer), "x:1")
    images.load(iter([layout.archive()]), silent)


def by_import(images: Images, layer: bytes) -> None:
    images.import_(iter([layer]), WISH, None)


WAYS = [by_docker, by_layout, by_import]
Way = Callable[[Images, bytes], None]


def refused(top: Path, way: Way, layer: bytes) -> str:
    """Take a layer in, which must fail and change nothing; return what was said."""
    images = Images(str(top / "root"))
    before = holdings(str(top / "root"))
    with pytest.raises(Damaged) as error:
        way(images, layer)
    assert holdings(str(top / "root")) == before
    assert [image.references for image in images.list()] == [("kept:1",)]
    return error.value.message


def raw(name: str, **fields: bytes) -> bytes:
    """A header with fields that no library writes, its checksum right."""
    info = tarfile.TarInfo(name)
    block = bytearray(info.tobuf(tarfile.USTAR_FORMAT))
    places = {"size": 124, "mode": 100, "uid": 108, "typeflag": 156, "linkname": 157}
    for field, value in fields.items():
        block[places[field] : places[field] + len(value)] = value
    block[148:156] = b"%06o\0 " % (256 + sum(block[:148]) + sum(block[156:512]))
    return bytes(block)


def sparse(name: str, size: int) -> Member:
    """A file of which there is nothing but its size."""
    info = tarfile.TarInfo(name)
    info.size = 512
    info.pax_headers = {"GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.name": name}
    info.pax_headers["GNU.sparse.realsize"] = str(size)
    return info, b"0\n".ljust(512, b"\0")


_ABOUT_HEADERS = raw("x", typeflag=b"L", size=b"00000000002\0") + b"a".ljust(512, b"\0")
_GREEDY = [{"id": lzma.FILTER_LZMA2, "preset": 6, "dict_size": 1 << 30}]
_DEEP = "/".join("d" * 300)
_ENDLESS = tar(*(m for n in range(8) for m in (directory(f"l{n}/{_DEEP}"), symlink(f"l{n + 1}", f"l{n}/{_DEEP}"))))
DISASTERS: dict[str, tuple[bytes, str]] = {
    "dot-dot": (tar(file("../escaped", b"x")), r"'\.\./escaped' leads out"),
    "dot-dot behind a directory": (tar(directory("a"), file("a/../../escaped")), r"'a/\.\./\.\./escaped' leads out"),
    "dot-dot after an absolute name": (tar(file("/../../escaped")), r"'/\.\./\.\./escaped' leads out"),
    "a whiteout of what is above": (tar(file(".wh..")), r"whiteout '\.wh\.\.'"),
    "a whiteout of the root": (tar(file(".wh.")), r"whiteout '\.wh\.'"),
    "a whiteout of the parent": (tar(file("a/.wh...")), r"whiteout '\.wh\.\.\.'"),
    "beneath a whiteout": (tar(file(".wh.a/b")), r"'\.wh\.a/b' lies beneath a whiteout"),
    "the root is a link": (tar(symlink("./", "../outside")), r"root '.*' is not a directory"),
    "the root is a file": (tar(file("./", b"x", type=tarfile.LNKTYPE, linkname="a")), r"root|hard link"),
    "a hard link to the root": (tar(hardlink("a", ".")), r"'a' is a hard link to the root"),
    "a hard link out of the root": (tar(hardlink("a", "../outside/secret")), r"'\.\./outside/secret' leads out"),
    "a hard link to an absolute name": (tar(hardlink("a", "/etc/shadow")), r"'a' is a hard link to '/etc/shadow'"),
    "a hard link through a link": (tar(symlink("d", "/"), hardlink("a", "d/etc/x")), r"'etc'.* not one|'a' is a hard link"),
    "a hard link to a directory": (tar(directory("d"), hardlink("a", "d")), r"'a' is a hard link to 'd'"),
    "a hard link to a whiteout": (tar(file(".wh.w"), hardlink("a", "w")), r"'a' is a hard link to 'w'"),
    "a hard link into itself": (tar(directory("d"), file("d/f"), hardlink("d", "d/f")), r"'d' is a hard link into itself"),
    "a file used as a directory": (tar(file("f", b"x"), file("f/g")), r"'f' is used as a directory"),
    "directories without end": (tar(file("d/" * 2000 + "f")), r"more than 500 directories in one another"),
    "directories without end, through links": (_ENDLESS, r"more than 500 directories in one another"),
    "links in a circle": (tar(symlink("a", "b"), symlink("b", "a"), file("a/x")), r"too many links in 'a'"),
    "a name of 64 KiB": (tar(file("n" * 65536), format=tarfile.GNU_FORMAT), r"n{40}"),
    "a path of 64 KiB": (tar(file("/".join(["n" * 300] * 200)), format=tarfile.GNU_FORMAT), r"n{40}"),
    "a link of 64 KiB": (tar(symlink("l", "t" * 65536), format=tarfile.GNU_FORMAT), r"'l'"),
    "a long name of a gigabyte": (raw("././@LongLink", typeflag=b"L", size=b"10000000000\0"), r"claims"),
    "a PAX header of a gigabyte": (raw("x", typeflag=b"x", size=b"10000000000\0"), r"claims"),
    "a thousand headers about headers": (_ABOUT_HEADERS * 2000, r"bad header"),
    "a link to nothing": (tar(symlink("a", "")), r"'a' is a link to nothing"),
    "a size that lies": (raw("big", size=b"77777777777\0") + b"x" * 512, r"cut short"),
    "a negative size": (raw("neg", size=b"\xff" * 12), r"malformed"),
    "an exabyte of nothing": (tar(sparse("hole", 1 << 60)), r"'hole' brings its files to"),
    "a sparse map that lies": (tar((sparse("s", 100)[0], b"1\n50\n512\n".ljust(512, b"\0"))), r"sparse map of 's'|bad header"),
    "an owner beyond the last": (raw("o", uid=b"\x80\0\0\0\xff\xff\xff\xff") + bytes(1024), r"'o' belongs to 4294967295"),
    "a device beyond the last": (tar(device("d", 1 << 13, 0)), r"'d' is device"),
    "a type nobody knows": (raw("t", typeflag=b"Z"), r"unknown type"),
    "a checksum that is wrong": (bytes([*LAYER[:148], *b"0000000\0", *LAYER[156:]]), r"bad header at byte 0"),
    "a broken header in the middle": (LAYER[:1024] + b"\xff" * 512 + LAYER, r"bad header at byte 1024"),
    "cut short": (tar(file("f", b"x" * 5000))[:2000], r"cut short"),
    "cut short while compressed": (gzip.compress(tar(file("f", random.Random(1).randbytes(50_000))))[:-2000], r"cut short"),
    "a checksum of gzip that is wrong": (gzip.compress(LAYER)[:-8] + b"\0" * 8, r"broken"),
    "rubbish behind gzip": (gzip.compress(LAYER) + b"rubbish", r"broken|cut short|malformed"),
    "xz that wants a gigabyte of memory": (lzma.compress(LAYER, filters=_GREEDY), r"broken"),
    "zstd that is none": (b"\x28\xb5\x2f\xfd" + b"\xff" * 600, r"broken|malformed|cut short"),
    "bzip2 that is none": (b"BZh91AY&SY" + b"\xff" * 600, r"broken"),
    "gzip in gzip": (gzip.compress(gzip.compress(LAYER)), r"bad header at byte 0"),
    "no tar at all": (b"MZ" + b"\xff" * 2000, r"bad header at byte 0"),
}  # fmt: skip


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", DISASTERS)
def test_disaster(top: Path, name: str, way: Way) -> None:
    import re

    layer, named = DISASTERS[name]
    said = refused(top, way, layer)
    assert re.search(named, said), said


HARMLESS: dict[str, bytes] = {
    "an absolute name stays inside": tar(file("/etc/x", b"1")),
    "a link that leads out is only a link": tar(symlink("out", "../../../../outside/secret"), file("after", b"1")),
    "a file through a link that leads out lands inside": tar(symlink("d", "/../../outside"), file("d/secret", b"stolen")),
    "a directory that becomes a link under way": tar(directory("d"), symlink("d", "/outside"), file("d/secret", b"x")),
    "a link that becomes a directory under way": tar(symlink("d", "../outside"), directory("d"), file("d/secret", b"x")),
    "/dev as a link": tar(symlink("dev", "/outside"), file("dev/null", b"x")),
    "/proc as a link": tar(symlink("proc", "../../outside"), file("proc/secret", b"x")),
    "a mark for everything": tar(file("keep", b"1"), file(".wh..wh..opq")),
    "the same name a hundred times": tar(*(file("a", bytes([number])) for number in range(100))),
    "times of another age": tar(file("a", mtime=-(1 << 40)), file("b", mtime=1 << 60), file("c", pax_headers={"mtime": "nan"})),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", HARMLESS)
def test_what_looks_like_an_attack_harms_only_itself(top: Path, name: str, way: Way) -> None:
    way(Images(str(top / "root")), HARMLESS[name])


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lzma.compress, zstandard.ZstdCompressor().compress])
@pytest.mark.parametrize("way", WAYS)
def test_a_bomb_is_refused_before_it_has_unfolded(
    top: Path, way: Way, pack: Callable[[bytes], bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKERKIT_LAYER_BYTES", "4m")
    bomb = pack(tar(file("zeros", bytes(8 << 20))))
    assert "archive is hostile" in refused(top, way, bomb)


@pytest.mark.parametrize("way", WAYS)
def test_more_than_so_many_times_its_size_is_a_bomb(top: Path, way: Way, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dockerkit.daemon.images.limits._UNSUSPICIOUS", 1 << 20)
    monkeypatch.setenv("DOCKERKIT_LAYER_RATIO", "100")
    assert "out of" in refused(top, way, gzip.compress(tar(file("zeros", bytes(64 << 20)))))


@pytest.mark.parametrize("way", WAYS)
def test_millions_of_entries_are_refused_at_the_limit(top: Path, way: Way, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKERKIT_LAYER_ENTRIES", "1000")
    said = refused(top, way, gzip.compress(tar(*(file(f"f{number}") for number in range(1200)))))
    assert "more than 1000 entries, at 'f1000'" in said


@pytest.mark.parametrize("way", WAYS)
def test_several_layers_of_which_the_last_is_hostile_leave_nothing(top: Path, way: Way) -> None:
    def several(images: Images, layer: bytes) -> None:
        images.load(iter([docker(tar(file("a", b"1")), tar(file("b", b"2")), layer)]), silent)

    assert "leads out" in refused(top, several if way is by_docker else way, tar(file("../x")))


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**32), count=st.integers(1, 20), packed=st.booleans())
def test_a_layer_with_flipped_bytes_is_taken_or_refused_and_nothing_else(
    top: Path, seed: int, count: int, packed: bool
) -> None:
    chance = random.Random(seed)
    members = (
        directory("d"),
        file("d/f", b"x" * 700),
        symlink("l", "d"),
        hardlink("h", "d/f"),
        file(".wh.gone"),
        file("n" * 150),
    )
    layer = bytearray(tar(*members))
    for _ in range(count):
        layer[chance.randrange(len(layer))] = chance.randrange(256)
    data = gzip.compress(bytes(layer)) if packed else bytes(layer)
    images = Images(str(top / "root"))
    before = holdings(str(top / "root"))
    try:
        image = images.import_(iter([data[at : at + 999] for at in range(0, len(data), 999)]), WISH, None)
    except Damaged as error:
        assert error.message.isprintable()
    else:
        images.remove(image.id, force=True, used_by=lambda _: [])
    assert holdings(str(top / "root")) == before


names = st.lists(
    st.sampled_from(["a", "b", "..", ".", "", "dev", "proc", ".wh.a", ".wh..wh..opq", "x" * 260]), min_size=1, max_size=5
)
kinds = st.sampled_from([b"0", b"1", b"2", b"3", b"4", b"5", b"6", b"S", b"g"])


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(names, kinds, names), min_size=1, max_size=12))
def test_any_order_of_names_links_and_kinds_stays_inside(top: Path, entries: list[tuple[list[str], bytes, list[str]]]) -> None:
    def member(parts: list[str], kind: bytes, target: list[str]) -> Member:
        info = tarfile.TarInfo("/".join(parts) or "a")
        info.type, info.linkname, info.devmajor = kind, "/".join(target), 1
        return info, b""

    images = Images(str(top / "root"))
    before = holdings(str(top / "root"))
    try:
        layer = tar(*(member(*entry) for entry in entries), format=tarfile.GNU_FORMAT)
    except (ValueError, struct.error):
        return  # the library that writes it has refused already
    try:
        image = images.import_(iter([layer]), WISH, None)
    except Damaged:
        pass
    else:
        images.remove(image.id, force=True, used_by=lambda _: [])
    assert holdings(str(top / "root")) == before


def test_a_reader_that_stops_midway_leaves_nothing(top: Path) -> None:
    def broken() -> Iterator[bytes]:
        data = docker(tar(file("big", random.Random(2).randbytes(5 << 20))))
        yield data[: 3 << 20]
        raise ConnectionResetError("the client has gone")

    images = Images(str(top / "root"))
    before = holdings(str(top / "root"))
    with pytest.raises(ConnectionResetError):
        images.load(broken(), silent)
    assert holdings(str(top / "root")) == before


def test_a_stream_in_single_bytes_is_taken_as_any(top: Path) -> None:
    data = docker(gzip.compress(LAYER), document=None)
    data = docker(LAYER, tags=["y:1"])
    images = Images(str(top / "root"))
    images.load(iter([data[at : at + 1] for at in range(len(data))]), silent)
    assert images.get("y:1").size == 5
    assert io.BytesIO(data).getvalue() == data
