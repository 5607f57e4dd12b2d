"""Who reads a cell: its ``#!`` line, else the image's command when that is an interpreter, else ``sh``.

Pure. The cell is fed to standard input, as IPython's own script cells are.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass

_READS_PROGRAMS = re.compile(
    r"(?:ba|da|a|z|k|mk)?sh|fish|busybox|python[\d.]*|pypy[\d.]*|node|nodejs|deno|bun|ruby|perl|php|lua[\d.]*|julia|Rscript|"
    r"psql|sqlite3|bc|tclsh"
)
_TALKS_TOO_MUCH = {"irb": ("ruby",), "R": ("Rscript", "-")}
"""Consoles, and what reads a program without echoing it."""


@dataclass(frozen=True)
class Reader:
    """The command that a cell is fed to."""

    command: tuple[str, ...]
    alone: bool = True
    """It stands for itself, before whatever entrypoint the image has."""


def reader(cell: str, entrypoint: Sequence[str] | None, command: Sequence[str] | None) -> Reader:
    """Return who reads `cell`.

    :param entrypoint: the image's.
    :param command: the image's.
    """
    first = cell.lstrip("\n").partition("\n")[0]
    if first.startswith("#!") and (named := tuple(shlex.split(first[2:]))):
        return Reader((*named, "/dev/stdin") if named[-1] == "-f" else named)
    said = tuple(command or ())
    program = said[0].rpartition("/")[2] if said else ""
    if len(said) == 1 and program in _TALKS_TOO_MUCH:
        return Reader(_TALKS_TOO_MUCH[program])
    if len(said) == 1 and _READS_PROGRAMS.fullmatch(program):
        return Reader(said, alone=False)
    only = tuple(entrypoint or ())
    if not said and len(only) == 1 and _READS_PROGRAMS.fullmatch(only[0].rpartition("/")[2]):
        return Reader(only)
    return Reader(("sh",))
