"""What holds for every snapshotter, as tests; a module that imports these provides the fixture ``way``.

``way.see(layers, act)`` prepares a snapshot of layers made from tars (lowest first) and calls ``act`` with the path of the root
that a container would have, in a process whose mounts are its own; what it returns comes back.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Any

from tests.unit.images.imagematerial import device, directory, file, hardlink, symlink, tar

Way = Any


def listed(root: str) -> dict[str, str]:
    """Path → kind and content of everything beneath a root."""
    found = {}
    for top, directories, files in os.walk(root):
        for name in (*directories, *files):
            path = Path(top, name)
            kind = path.lstat().st_mode
            if stat.S_ISLNK(kind):
                shown = f"-> {path.readlink()}"
            elif stat.S_ISREG(kind):
                shown = path.read_text()
            else:
                shown = "/" if stat.S_ISDIR(kind) else "?"
            found[str(path.relative_to(root))] = shown
    return found


def test_one_layer_is_seen_as_it_is(way: Way) -> None:
    assert way.see([tar(directory("d"), file("d/a", b"1"), symlink("l", "d/a"))], listed) == {
        "d": "/",
        "d/a": "1",
        "l": "-> d/a",
    }


def test_a_later_layer_replaces_and_adds(way: Way) -> None:
    seen = way.see([tar(file("d/a", b"old"), file("d/b", b"b")), tar(file("d/a", b"new"), file("c", b"c"))], listed)
    assert seen == {"d": "/", "d/a": "new", "d/b": "b", "c": "c"}


def test_a_whiteout_removes_a_file_and_a_directory(way: Way) -> None:
    lower = tar(file("a", b"1"), directory("d"), file("d/x/y", b"2"), file("keep", b"3"))
    assert way.see([lower, tar(file(".wh.a"), file(".wh.d"))], listed) == {"keep": "3"}


def test_an_opaque_directory_hides_what_was_in_it(way: Way) -> None:
    seen = way.see([tar(file("d/old", b"1"), file("d/s/o", b"2")), tar(file("d/.wh..wh..opq"), file("d/new", b"3"))], listed)
    assert seen == {"d": "/", "d/new": "3"}


def test_a_directory_that_replaces_a_link_is_not_what_the_link_led_to(way: Way) -> None:
    seen = way.see([tar(file("real/a", b"1"), symlink("d", "real")), tar(directory("d"), file("d/b", b"2"))], listed)
    assert seen == {"real": "/", "real/a": "1", "d": "/", "d/b": "2"}


def test_a_file_that_replaces_a_directory_takes_all_of_it_away(way: Way) -> None:
    assert way.see([tar(file("d/a/b", b"1")), tar(file("d", b"now a file"))], listed) == {"d": "now a file"}


def test_what_was_removed_comes_back_empty(way: Way) -> None:
    layers = [tar(file("d/a", b"1")), tar(file(".wh.d")), tar(directory("d"), file("d/b", b"2"))]
    assert way.see(layers, listed) == {"d": "/", "d/b": "2"}


def test_attributes_are_the_topmost_layers(way: Way) -> None:
    def look(root: str) -> tuple[int, int, int, int]:
        status = os.stat(f"{root}/d")
        return stat.S_IMODE(status.st_mode), status.st_uid, status.st_gid, int(status.st_mtime)

    layers = [tar(directory("d", mode=0o700), file("d/a")), tar(directory("d", mode=0o1777, uid=5, gid=6, mtime=1000))]
    assert way.see(layers, look) == (0o1777, 5, 6, 1000)


def test_special_files_links_and_set_uid_stay(way: Way) -> None:
    def look(root: str) -> tuple[int, int, bool]:
        null, program = os.lstat(f"{root}/null"), os.lstat(f"{root}/su")
        same = os.lstat(f"{root}/other").st_ino == program.st_ino
        return null.st_rdev, stat.S_IMODE(program.st_mode), same

    layer = tar(device("null", 1, 3), file("su", b"x", mode=0o4755, uid=0), hardlink("other", "su"))
    assert way.see([layer], look) == (os.makedev(1, 3), 0o4755, True)


def test_what_one_container_writes_no_other_sees_and_no_layer_has(way: Way) -> None:
    layers = [tar(file("a", b"old"), file("b", b"b"))]

    def change(root: str) -> dict[str, str]:
        Path(root, "a").write_text("mine")
        Path(root, "b").unlink()
        Path(root, "c").write_text("new")
        return listed(root)

    assert way.see(layers, change) == {"a": "mine", "c": "new"}
    assert way.see(layers, listed) == {"a": "old", "b": "b"}


def test_a_file_with_holes_reads_as_before(way: Way) -> None:
    assert way.see([tar(file("z", bytes(1 << 20) + b"end"))], lambda root: len(Path(root, "z").read_bytes())) == (1 << 20) + 3


def test_nothing_is_left_after_removal(way: Way) -> None:
    directory = way.prepared([tar(file("a", b"1"))])
    way.snapshotter.remove(directory)
    assert os.listdir(directory) == []
    way.snapshotter.remove(directory)


def test_what_fails_leaves_the_directory_as_it_was(way: Way, monkeypatch: Any) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "mkdir", full)
        assert "no room for a snapshot" in way.failure()
