"""``-e``, ``--env-file``, ``-l`` and ``--label-file``: names with values, from the command line and from files.

Reads the files named and this program's environment; changes neither.
"""

from __future__ import annotations

import os
from collections.abc import Iterable

import click

from dockerkit.cli.refusals import WRONG_FLAG, Failure
from dockerkit.cli.sizes import quoted
from dockerkit.errors import Invalid


def _labelled(ctx: click.Context, parameter: click.Parameter, said: tuple[str, ...]) -> dict[str, str]:
    for each in said:
        if not each.partition("=")[0].strip():
            words = f"invalid argument {quoted(each)} for \"--label\" flag: invalid label '{each}': empty name"
            raise click.UsageError(words, ctx=ctx)
    return {name: value or "" for name, value in named_values(said, ()).items()}


label_option = click.option("--label", multiple=True, metavar="NAME=VALUE", help="Attach a label.", callback=_labelled)
"""``--label`` of what is created: a mapping."""


def environment(said: Iterable[str], files: Iterable[str]) -> dict[str, str | None]:
    """Return the variables of ``-e`` and ``--env-file``; a name alone is taken from here, and away when it is not set here.

    :raises Invalid: no name.
    """
    found = named_values(said, files)
    return {name: os.environ.get(name) if value is None else value for name, value in found.items()}


def named_values(said: Iterable[str], files: Iterable[str]) -> dict[str, str | None]:
    """Return name and value of each ``NAME=VALUE``, those of the files first; None for a name alone.

    :raises Invalid: no name.
    :raises Failure: a file that cannot be read.
    """
    found: dict[str, str | None] = {}
    for each in (*(line for path in files for line in _lines(path)), *said):
        name, equals, value = each.partition("=")
        if not name:
            raise Invalid(f"invalid environment variable: {each}")
        found[name] = value if equals else None
    return found


def _lines(path: str) -> list[str]:
    try:
        with open(path, encoding="utf-8-sig") as file:
            lines = [line.rstrip("\r\n").lstrip() for line in file]
    except OSError as error:
        raise Failure(f"open {path}: {(error.strerror or str(error)).lower()}", code=WRONG_FLAG) from None
    except UnicodeDecodeError:
        raise Failure(f"env file {path} contains invalid utf8 bytes", code=WRONG_FLAG) from None
    return [line for line in lines if line and not line.startswith("#")]
