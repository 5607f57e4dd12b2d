"""Names that come twice, and marks that hide names of lower layers."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from dockerkit.daemon.images.tree import OPAQUE
from dockerkit.errors import Damaged
from tests.system.images.unpacking import is_whiteout, put
from tests.unit.images.imagematerial import directory, file, hardlink, symlink

pytestmark = pytest.mark.system


def test_a_later_entry_wins(root: Path) -> None:
    put(root, file("a", b"first"), file("a", b"second"), directory("d"), file("d/x"), file("d", b"now a file"))
    assert ((root / "a").read_bytes(), (root / "d").read_bytes()) == (b"second", b"now a file")


def test_a_directory_named_twice_keeps_what_is_in_it(root: Path) -> None:
    put(root, directory("d", mode=0o700), file("d/x", b"1"), directory("d", mode=0o755))
    assert ((root / "d" / "x").read_bytes(), stat.S_IMODE(os.stat(root / "d").st_mode)) == (b"1", 0o755)


def test_a_file_that_replaces_one_of_two_hard_links_leaves_the_other(root: Path) -> None:
    put(root, file("a", b"old"), hardlink("b", "a"), file("a", b"new"))
    assert ((root / "a").read_bytes(), (root / "b").read_bytes()) == (b"new", b"old")


def test_a_directory_replaced_and_made_again_is_the_new_one(root: Path) -> None:
    put(root, file("d/e/x", b"old"), symlink("d", "other"), directory("other"), directory("d"), file("d/e/x", b"new"))
    assert (root / "d" / "e" / "x").read_bytes() == b"new"
    assert os.listdir(root / "other") == []


def test_a_whiteout_hides_a_name_of_lower_layers(root: Path) -> None:
    put(root, directory("d"), file("d/.wh.gone"), file(".wh.top"))
    assert is_whiteout(root / "d" / "gone")
    assert is_whiteout(root / "top")


def test_an_opaque_directory_is_marked_and_its_own_files_stay(root: Path) -> None:
    put(root, file("d/before", b"1"), file("d/.wh..wh..opq"), file("d/after", b"2"))
    assert os.getxattr(root / "d", OPAQUE) == b"y"
    assert sorted(os.listdir(root / "d")) == ["after", "before"]


@pytest.mark.parametrize("order", [1, -1])
def test_a_whiteout_of_a_name_that_this_layer_has_hides_only_what_is_below(root: Path, order: int) -> None:
    put(root, *[file(".wh.f"), file("f", b"mine")][::order])
    assert (root / "f").read_bytes() == b"mine"


@pytest.mark.parametrize("order", [1, -1])
def test_a_whiteout_of_a_directory_that_this_layer_has_makes_it_opaque(root: Path, order: int) -> None:
    put(root, *[file(".wh.d"), file("d/x", b"mine")][::order])
    assert (root / "d" / "x").read_bytes() == b"mine"
    assert os.getxattr(root / "d", OPAQUE) == b"y"


def test_a_whiteout_through_a_link_stays_inside(root: Path) -> None:
    put(root, symlink("link", str(root.parent / "outside")), file("link/.wh.secret"))


@pytest.mark.parametrize("name", [".wh.", ".wh...", "d/.wh..", ".wh.a/b"])
def test_a_whiteout_of_nothing_nameable_is_refused(root: Path, name: str) -> None:
    with pytest.raises(Damaged):
        put(root, file(name))


def test_the_bookkeeping_of_aufs_is_ignored(root: Path) -> None:
    put(root, file(".wh..wh.aufs", b"x"), file(".wh..wh.plnk", b"x"))
    assert os.listdir(root) == []
