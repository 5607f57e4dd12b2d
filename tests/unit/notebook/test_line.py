"""A magic's line: words as in a shell, braces replaced word by word, and an error that names the word that is wrong."""

from __future__ import annotations

from typing import Any

import pytest

from dockerkit.errors import Invalid
from dockerkit.notebook.line import words


class Box:
    id, short_id = "c" * 64, "c" * 12


NAMES: dict[str, Any] = {"x": 3, "box": Box(), "d": {"k": "v w"}, "l": [1, 2]}


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("ps -a", ["ps", "-a"]),
        ("run {x} sh -c 'echo {x}'", ["run", "3", "sh", "-c", "echo {x}"]),
        ('"{x} y" a\\ b', ["3 y", "a b"]),
        ("{x + 1} {x!r:>3} {l[0]:>2}", ["4", "  3", " 1"]),
        ("{d['k']}", ["v w"]),
        ("name{x}.txt", ["name3.txt"]),
        ("{box}", ["c" * 64]),
        ('--format {{.Names}} "{{json .}}"', ["--format", "{{.Names}}", "{{json .}}"]),
        ('$HOME "$HOME" {', ["$HOME", "$HOME", "{"]),
        ("a'b'\"c\"d ''", ["abcd", ""]),
        (r'"a\"b" "\n"', ['a"b', r"\n"]),
        ("", []),
    ],
)
def test_words_are_a_shells(line: str, said: list[str]) -> None:
    assert words(line, NAMES) == said


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("run {nope} {x}", r"cannot expand \{nope\}: NameError"),
        ('"a {y}"', r"cannot expand \{y\}"),
        ('"{"a": 1}', "does not end"),
        ("'open", "does not end"),
        ("{}", r"cannot expand \{\}"),
        ('{"a": 1}', "cannot expand"),
        ("{1/0}", "ZeroDivisionError"),
    ],
)
def test_what_cannot_be_expanded_is_named(line: str, complaint: str) -> None:
    with pytest.raises(Invalid, match=complaint):
        words(line, NAMES)


def test_expanding_leaves_the_readers_names_alone() -> None:
    names = dict(NAMES)
    words("{x}", names)
    assert names == NAMES
