"""Docker's rules for ``--user`` and ``--group-add``, on files as images have them."""

from __future__ import annotations

import pytest

from dockerkit.daemon.runtime.child.birth import StepFailed
from dockerkit.daemon.runtime.child.users import identify

PASSWD = """root:x:0:0:root:/root:/bin/sh
bob:x:1000:1001:Bob,,,:/home/bob:/bin/sh
5000:x:42:42::/numbers:/bin/sh
# a comment
broken line
short:x:7
homeless:x:8:8
"""
GROUP = """root:x:0:
wheel:x:10:root,bob
users:x:1001:
extra:x:2000:bob
numbers:x:42:5000
"""


def who(text: str, *further: str) -> tuple[int, int, list[int], str]:
    found = identify(text, further, PASSWD, GROUP)
    return found.uid, found.gid, found.groups, found.home


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", (0, 0, [0, 10], "/root")),
        ("root", (0, 0, [0, 10], "/root")),
        ("bob", (1000, 1001, [1001, 10, 2000], "/home/bob")),
        ("1000", (1000, 1001, [1001, 10, 2000], "/home/bob")),
        ("bob:extra", (1000, 2000, [2000], "/home/bob")),
        ("bob:10", (1000, 10, [10], "/home/bob")),
        ("1000:777", (1000, 777, [777], "/home/bob")),
        ("4321", (4321, 0, [0], "/")),
        ("4321:1001", (4321, 1001, [1001], "/")),
        ("homeless", (8, 8, [8], "")),
    ],
)
def test_a_user_is_found_as_docker_finds_it(text: str, expected: tuple[int, int, list[int], str]) -> None:
    assert who(text) == expected


def test_a_number_is_a_number_even_when_a_user_is_called_so() -> None:
    assert who("5000") == (5000, 0, [0], "/")


def test_further_groups_are_added_once_by_name_or_number() -> None:
    assert who("bob", "extra", "3000", "wheel") == (1000, 1001, [1001, 10, 2000, 3000], "/home/bob")


@pytest.mark.parametrize(
    ("text", "further", "message"),
    [
        ("alice", (), "unable to find user alice: no matching entries in passwd file"),
        ("bob:nosuch", (), "unable to find group nosuch: no matching entries in group file"),
        ("bob", ("nosuch",), "unable to find group nosuch: no matching entries in group file"),
        ("2147483648", (), "uids and gids must be in range 0-2147483647"),
        ("-1", (), "uids and gids must be in range 0-2147483647"),
        ("0:-5", (), "uids and gids must be in range 0-2147483647"),
    ],
)
def test_who_is_not_found_is_said_in_dockers_words(text: str, further: tuple[str, ...], message: str) -> None:
    with pytest.raises(StepFailed) as caught:
        identify(text, further, PASSWD, GROUP)
    assert caught.value.message == message


def test_an_image_without_files_has_numbers_only() -> None:
    assert identify("", (), "", "").home == "/"
    assert identify("12:34", (), "", "").gid == 34
    with pytest.raises(StepFailed):
        identify("root", (), "", "")
