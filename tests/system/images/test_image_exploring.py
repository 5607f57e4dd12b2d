"""What is in an image, layer by layer, and what nobody can see any more."""

from __future__ import annotations

from pathlib import Path

import pytest

from dockerkit.daemon.images import Images
from dockerkit.daemon.images.exploring import Entry, Explored, Waste
from tests.unit.images.archivematerial import docker
from tests.unit.images.imagematerial import directory, file, symlink, tar

pytestmark = pytest.mark.system


@pytest.fixture
def explore(tmp_path: Path):  # type: ignore[no-untyped-def]
    images = Images(str(tmp_path))

    def look(*layers: bytes) -> Explored:
        images.load(iter([docker(*layers)]), lambda _: None)
        return images.explore(images.get("x:1"))

    return look


def test_one_layer_wastes_nothing(explore) -> None:  # type: ignore[no-untyped-def]
    found = explore(tar(directory("d"), file("d/a", b"12345"), symlink("l", "d/a")))
    assert found.layers == [
        [Entry("/d", "added", 0, "directory"), Entry("/l", "added", 0, "link"), Entry("/d/a", "added", 5, "file")]
    ]
    assert (found.size, found.wasted, found.wasted_bytes, found.efficiency) == (5, [], 0, 1.0)


def test_a_file_written_twice_is_there_once(explore) -> None:  # type: ignore[no-untyped-def]
    found = explore(tar(file("a", b"x" * 100), file("b", b"x" * 50)), tar(file("a", b"y" * 100)))
    assert found.layers[1] == [Entry("/a", "changed", 100, "file")]
    assert found.wasted == [Waste("/a", 2, 100)]
    assert (found.size, found.wasted_bytes) == (250, 100)
    assert found.efficiency == pytest.approx(150 / 250)


def test_a_file_that_is_removed_is_all_wasted(explore) -> None:  # type: ignore[no-untyped-def]
    found = explore(tar(file("a", b"x" * 100), file("b", b"x" * 100)), tar(file(".wh.a")))
    assert found.layers[1] == [Entry("/a", "removed", 100, "file")]
    assert (found.wasted, found.efficiency) == ([Waste("/a", 2, 100)], pytest.approx(0.5))


def test_a_directory_that_is_removed_takes_its_files_along(explore) -> None:  # type: ignore[no-untyped-def]
    found = explore(tar(file("d/a", b"12"), file("d/e/b", b"345"), file("keep", b"1")), tar(file(".wh.d")))
    assert [(entry.path, entry.kind, entry.size) for entry in found.layers[1]] == [
        ("/d", "removed", 0),
        ("/d/a", "removed", 2),
        ("/d/e", "removed", 0),
        ("/d/e/b", "removed", 3),
    ]
    assert found.wasted_bytes == 5


def test_an_opaque_directory_removes_what_was_in_it(explore) -> None:  # type: ignore[no-untyped-def]
    found = explore(tar(file("d/old", b"12")), tar(file("d/.wh..wh..opq"), file("d/new", b"3")))
    assert [(entry.path, entry.kind) for entry in found.layers[1]] == [
        ("/d/old", "removed"),
        ("/d", "changed"),
        ("/d/new", "added"),
    ]


def test_what_comes_back_is_added_again(explore) -> None:  # type: ignore[no-untyped-def]
    found = explore(tar(file("a", b"12")), tar(file(".wh.a")), tar(file("a", b"345")))
    assert [layer[0].kind for layer in found.layers] == ["added", "removed", "added"]
    assert found.wasted == [Waste("/a", 3, 5)]


def test_a_file_in_the_place_of_a_directory_hides_it(explore) -> None:  # type: ignore[no-untyped-def]
    found = explore(tar(file("d/a", b"12")), tar(file("d", b"3")), tar(file(".wh.d")))
    assert [(entry.path, entry.kind) for entry in found.layers[2]] == [("/d", "removed")]
