"""Docker's flags of ``create`` and ``exec``, taken from the ``dockerkit`` command, for the lines of cell magics.

A cell is its own input, has no terminal, and its container is removed: flags about those are understood and say nothing new,
but for a terminal, which is refused.
"""

from __future__ import annotations

import copy
from typing import Any

import click

from dockerkit.cli.offers import WORDS, found
from dockerkit.errors import Unsupported

_SAY_NOTHING = frozenset({"interactive", "rm", "quiet", "attach", "detach", "detach_keys", "pull", "cidfile"})


def options(word: str) -> list[click.Option]:
    """Return the flags of one of docker's words, as a cell's line takes them."""
    return [_in_a_cell(param) for param in found(WORDS[word][0]).params if isinstance(param, click.Option)]


def _in_a_cell(option: click.Option) -> click.Option:
    taken = copy.copy(option)
    taken.hidden = option.hidden or option.name in _SAY_NOTHING or option.name == "tty"
    return taken


def check_no_terminal(said: dict[str, Any], *, instead: str) -> None:
    """Refuse a terminal.

    :param instead: what to do.
    :raises Unsupported: one was asked for.
    """
    if said.get("tty"):
        raise Unsupported("a notebook has no terminal to give (-t)", hint=instead)
