"""OCI mount options end up where the kernel takes them."""

from __future__ import annotations

from dockerkit.daemon.kernel import mounts
from dockerkit.daemon.runtime.child.options import parse


def test_flags_become_attributes_and_the_rest_is_the_file_systems() -> None:
    found = parse(["nosuid", "noexec", "ro", "mode=755", "size=64k", "noswap"])
    assert found.attributes.on == mounts.NO_SUID | mounts.NO_EXEC | mounts.READ_ONLY
    assert found.data == [("mode", "755"), ("size", "64k"), ("noswap", None)]


def test_a_later_option_takes_back_an_earlier_one() -> None:
    found = parse(["ro", "nosuid", "rw"])
    assert found.attributes.on == mounts.NO_SUID
    assert found.attributes.off == mounts.READ_ONLY


def test_access_times_replace_one_another() -> None:
    found = parse(["noatime", "strictatime"])
    assert found.attributes.on == mounts.STRICT_ATIME
    assert found.attributes.off == mounts.ATIME_MASK


def test_binds_and_propagation() -> None:
    found = parse(["rbind", "rslave"])
    assert (found.bind, found.recursive) == (True, True)
    assert (found.propagation, found.propagate_below) == (mounts.SLAVE, True)
    assert not parse(["bind", "private"]).recursive
    assert not parse(["bind", "private"]).propagate_below


def test_recursive_flags_are_for_the_tree() -> None:
    found = parse(["rbind", "rro", "rnosuid"])
    assert found.attributes.on == 0
    assert found.tree.on == mounts.READ_ONLY | mounts.NO_SUID


def test_words_that_mean_nothing_here_are_not_passed_on() -> None:
    assert parse(["defaults", "", "loud"]).data == []
