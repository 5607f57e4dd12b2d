"""The table of words that give objects names commands that there are, and reads parameters that they have."""

from __future__ import annotations

import inspect
import re

import pytest

from dockerkit.cli.offers import GROUPS, WORDS, found
from dockerkit.notebook import flags, verbs
from dockerkit.notebook.completion import _OURS

COMMANDS = {where for _, table in [("", WORDS), *GROUPS.values()] for where, _ in table.values()}


def test_every_act_belongs_to_a_command() -> None:
    known = {verbs.of(found(where)) for where in COMMANDS}
    assert not {word for word, act in verbs.ACTS.items() if act not in known}


@pytest.mark.parametrize("word", verbs.ACTS)
def test_acts_read_flags_that_their_commands_have(word: str) -> None:
    act = verbs.ACTS[word]
    command = next(found(where) for where in COMMANDS if verbs.of(found(where)) is act)
    wanted = set(re.findall(r'said\["(\w+)"\]', inspect.getsource(act)))
    assert wanted <= {parameter.name for parameter in command.params}


def test_cells_take_dockers_flags() -> None:
    names = {option.name for option in flags.options("create")}
    assert {"env", "memory", "volume", "read_only", "cap_drop"} <= names
    hidden = {option.name for option in flags.options("create") if option.hidden}
    assert {"rm", "tty", "interactive"} <= hidden
    assert not next(p for p in found(WORDS["create"][0]).params if p.name == "rm").hidden, "docker's own is left alone"


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("%docker ps", "docker"),
        ("x = %docker ps", "docker"),
        ("a = 1\n%docker kill ", "docker"),
        ("%%exec ", "exec"),
        ("%docker ps\nprint(", None),
        ("%dockerfile x", None),
        ("docker ps", None),
    ],
)
def test_lines_of_ours_are_known(text: str, word: str | None) -> None:
    found = _OURS.search(text)
    assert (found and found["word"]) == word
