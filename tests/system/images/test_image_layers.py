"""Layers and init layers on disk: made once, whole or not at all, and stackable by the kernel's overlay."""

from __future__ import annotations

import ctypes
import os
import stat
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from dockerkit.daemon.images import Images, layers
from dockerkit.daemon.images.index import NameIndex
from dockerkit.daemon.images.initial import merged
from dockerkit.daemon.images.store import Store
from dockerkit.errors import Damaged, Exhausted
from tests.unit.images.imagematerial import directory, file, put_image, symlink, tar

pytestmark = pytest.mark.system
CLONE_NEWNS, MS_PRIVATE_REC = 0x20000, 0x44000


def shelf(root: Path, *tars: bytes, name: str = "x") -> Images:
    images = Images(str(root))
    store = Store(str(root / "images"))
    put_image(store, NameIndex(store.directory), tars, [name])
    return images


def leftovers(root: Path) -> list[str]:
    return [name for name in os.listdir(root / "layers") if name.startswith(".tmp-")]


def in_overlay(lower: tuple[str, ...], scratch: Path, look: Callable[[Path], object]) -> str:
    """Return what `look` sees at the top of an overlay, mounted in a mount namespace of a child's own."""
    for name in ("upper", "work", "merged"):
        (scratch / name).mkdir()
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        libc = ctypes.CDLL(None, use_errno=True)
        libc.unshare(CLONE_NEWNS)
        libc.mount(None, b"/", None, MS_PRIVATE_REC, None)
        options = f"lowerdir={':'.join(lower)},upperdir={scratch}/upper,workdir={scratch}/work"
        failed = libc.mount(b"overlay", os.fsencode(scratch / "merged"), b"overlay", 0, options.encode())
        os.write(write, repr(look(scratch / "merged") if not failed else os.strerror(ctypes.get_errno())).encode())
        os._exit(0)
    os.close(write)
    with open(read) as answer:
        text = answer.read()
    os.waitpid(pid, 0)
    return text


def test_lower_is_topmost_first_with_the_init_layer_above(tmp_path: Path) -> None:
    images = shelf(tmp_path, tar(file("a", b"1")), tar(file("b", b"2")))
    image = images.get("x")
    lower = images.lower(image)
    assert [Path(path).parent.name for path in lower] == [f"{image.layers[1]}-init1", image.layers[1], image.layers[0]]
    assert (Path(lower[1]) / "b").read_bytes() == b"2"
    assert images.lower(image) == lower
    assert images.layer_sizes(image) == (1, 1)


def test_the_kernel_stacks_them_as_the_specification_says(tmp_path: Path) -> None:
    images = shelf(
        tmp_path,
        tar(file("gone", b""), file("kept", b"low"), file("d/old", b""), file("replaced/x", b""), file("file-or-dir", b"")),
        tar(file(".wh.gone"), file("d/.wh..wh..opq"), file("d/new", b""), file(".wh.replaced"), file("replaced/y", b"")),
        tar(file("kept", b"high"), directory("file-or-dir")),
    )

    def look(top: Path) -> object:
        names = sorted(
            str(path.relative_to(top)) for path in top.rglob("*") if not str(path).startswith((f"{top}/dev", f"{top}/etc"))
        )
        return names, (top / "kept").read_text()

    names = [".dockerenv", "d", "d/new", "file-or-dir", "kept", "proc", "replaced", "replaced/y", "sys"]
    assert in_overlay(images.lower(images.get("x")), tmp_path, look) == repr((names, "high"))


def test_the_init_layer_has_what_docker_makes(tmp_path: Path) -> None:
    top = Path(shelf(tmp_path, tar(file("a"))).lower(Images(str(tmp_path)).get("x"))[0])
    for name in ("dev", "dev/pts", "dev/shm", "etc", "proc", "sys"):
        assert stat.S_IMODE(os.stat(top / name).st_mode) == 0o755
    for name in (".dockerenv", "dev/console", "etc/hosts", "etc/hostname", "etc/resolv.conf"):
        assert (stat.S_IMODE(os.stat(top / name).st_mode), os.stat(top / name).st_size) == (0o755, 0)
    assert os.readlink(top / "etc" / "mtab") == "/proc/mounts"


def test_the_init_layer_keeps_the_images_attributes(tmp_path: Path) -> None:
    images = shelf(
        tmp_path,
        tar(directory("etc", mode=0o700, uid=1), directory("proc", mode=0o555, mtime=77), directory("./", mode=0o711, uid=9)),
        tar(directory("etc", mode=0o750, uid=5, gid=6), file("etc/own", b"")),
    )
    lower = images.lower(images.get("x"))

    def look(top: Path) -> object:
        status = [os.stat(top / name) for name in ("etc", "proc", ".")]
        return (
            [(oct(s.st_mode), s.st_uid, s.st_gid) for s in status[:2]],
            status[1].st_mtime,
            os.path.exists(top / "etc" / "own"),
        )

    assert in_overlay(lower, tmp_path, look) == repr(([("0o40750", 5, 6), ("0o40555", 0, 0)], 77.0, True))


def test_links_of_the_image_at_mount_points_lead_nowhere(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    members = [symlink("etc", str(outside)), symlink("dev", "/"), symlink("proc", "etc"), file("sys", b"a file")]
    lower = shelf(tmp_path / "root", tar(*members)).lower(Images(str(tmp_path / "root")).get("x"))
    assert os.listdir(outside) == []

    def look(top: Path) -> object:
        return [stat.S_ISDIR(os.lstat(top / name).st_mode) for name in ("etc", "dev", "proc", "sys")], os.path.isfile(
            top / "etc/hosts"
        )

    assert in_overlay(lower, tmp_path, look) == repr(([True] * 4, True))


def test_a_whiteout_of_etc_means_no_attributes_to_keep(tmp_path: Path) -> None:
    images = shelf(tmp_path, tar(directory("etc", mode=0o700, uid=4)), tar(file(".wh.etc")))
    lower = images.lower(images.get("x"))
    assert merged(lower[1:], ("etc",)) == []
    assert stat.S_IMODE(os.stat(Path(lower[0]) / "etc").st_mode) == 0o755


def test_an_opaque_directory_ends_the_merge(tmp_path: Path) -> None:
    images = shelf(tmp_path, tar(file("d/a")), tar(file("d/.wh..wh..opq")), tar(file("d/c")))
    top, middle, _ = images.lower(images.get("x"))[1:]
    assert merged([top, middle, _], ("d",)) == [f"{top}/d", f"{middle}/d"]


def test_an_image_without_layers_has_an_init_layer(tmp_path: Path) -> None:
    images = shelf(tmp_path)
    lower = images.lower(images.get("x"))
    assert [Path(path).parent.name for path in lower] == ["empty-init1"]


def test_a_layer_that_is_not_what_its_image_says_leaves_nothing(tmp_path: Path) -> None:
    images = shelf(tmp_path, tar(file("a", b"1")))
    image = images.get("x")
    import gzip

    blob = tmp_path / "images" / "blobs" / "sha256" / image.blobs[0].digest[7:]
    blob.write_bytes(gzip.compress(tar(file("a", b"2"))))
    with pytest.raises(Damaged, match="its image says"):
        images.lower(image)
    blob.write_bytes(b"\x1f\x8bnonsense")
    with pytest.raises(Damaged):
        images.lower(image)
    assert os.listdir(tmp_path / "layers") == []


def test_a_full_disk_while_unpacking_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    images = shelf(tmp_path, tar(file("a", b"1")))

    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "pwrite", full)
    with pytest.raises(Exhausted, match="no room for layer"):
        images.lower(images.get("x"))
    assert os.listdir(tmp_path / "layers") == []


def test_a_layer_wanted_by_many_at_once_is_unpacked_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    images = shelf(tmp_path, tar(*(file(f"{number}", b"x" * 2000) for number in range(200))))
    image, count, real = images.get("x"), [], layers.unpack
    barrier = threading.Barrier(6)

    def counted(*arguments: object) -> object:
        count.append(1)
        return real(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(layers, "unpack", counted)
    found: list[tuple[str, ...]] = []

    def ask() -> None:
        barrier.wait()
        found.append(images.lower(image))

    threads = [threading.Thread(target=ask) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(count), len(set(found)), len(found)) == (1, 1, 6)
    assert leftovers(tmp_path) == []


def test_what_a_killed_daemon_left_half_unpacked_goes_at_the_next_start(tmp_path: Path) -> None:
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        images = shelf(tmp_path, tar(file("a", b"1")))

        def stuck(*_: object) -> int:
            os.write(write, b"x")
            os.read(read, 0)
            os.kill(os.getpid(), 9)
            return 0

        os.pwrite = stuck  # type: ignore[assignment]
        images.lower(images.get("x"))
        os._exit(1)
    os.waitpid(pid, 0)
    os.close(read)
    os.close(write)
    assert len(leftovers(tmp_path)) == 1
    images = Images(str(tmp_path))
    assert leftovers(tmp_path) == []
    assert (Path(images.lower(images.get("x"))[1]) / "a").read_bytes() == b"1"


def test_a_layer_being_unpacked_is_not_swept_by_another_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    images = shelf(tmp_path, tar(file("a", b"1")))
    real = layers.unpack

    def interrupted(*arguments: object) -> object:
        Images(str(tmp_path))
        return real(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(layers, "unpack", interrupted)
    assert (Path(images.lower(images.get("x"))[1]) / "a").read_bytes() == b"1"


def test_removal_takes_layers_and_init_layer_but_not_those_of_others(tmp_path: Path) -> None:
    shared, own = tar(file("a", b"1")), tar(file("b", b"2"))
    images = shelf(tmp_path, shared, own)
    shelf(tmp_path, shared, name="y")
    images.lower(images.get("x"))
    images.lower(images.get("y"))
    images.remove("x", force=False, used_by=lambda _: [])
    kept = images.get("y").layers[0]
    assert sorted(os.listdir(tmp_path / "layers")) == [kept, f"{kept}-init1"]
    images.remove("y", force=False, used_by=lambda _: [])
    assert os.listdir(tmp_path / "layers") == []
