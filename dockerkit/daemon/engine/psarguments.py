"""The command line of ps, as far as ``docker top`` needs it: which columns. Which processes is the container's matter.

Both of ps's syntaxes, ``-ef`` and ``aux``; options that choose processes or lay the text out are accepted and change
nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from dockerkit.daemon.engine.pscolumns import COLUMNS, Column
from dockerkit.errors import Invalid

UNIX = {
    "": "pid tname time ucmd",
    "f": "user=UID pid ppid c stime tname time cmd",
    "F": "user=UID pid ppid c sz rss psr stime tname time cmd",
    "l": "f s uid pid ppid c opri ni addr sz wchan tname time ucmd",
    "j": "pid pgid sid tname time ucmd",
}
BSD = {
    "": "pid tname stat bsdtime args",
    "u": "user pid %cpu %mem vsz rss tname stat bsdstart bsdtime args",
    "l": "f uid pid ppid pri ni vsz rss wchan stat tname bsdtime args",
    "j": "ppid pid pgid sid tname tpgid stat uid bsdtime args",
}
"""A format's letter → its columns, ``=TITLE`` where the title is another; after each option, and without any."""
_UNIX_IGNORED, _BSD_IGNORED = frozenset("eAadNwHy"), frozenset("axwfr")


def columns_of(arguments: str) -> list[Column]:
    """Return the columns that ps would show.

    :raises Invalid: an option or a column that is not offered.
    """
    table, letter = UNIX, ""
    chosen: list[Column] = []
    words = iter(arguments.split())
    for word in words:
        unix = word.startswith("-")
        formats, ignored = (UNIX, _UNIX_IGNORED) if unix else (BSD, _BSD_IGNORED)
        letters = iter(word.removeprefix("-"))
        if not letter:
            table = formats
        for option in letters:
            if option == "o":
                chosen += _own("".join(letters) or next(words, ""))
            elif option in formats:
                table, letter = formats, option
            elif option not in ignored:
                raise _unknown(word, unix)
    return chosen or [_column(name) for name in table[letter].split()]


def _unknown(word: str, unix: bool) -> Invalid:
    syntax = "" if unix else " (BSD syntax)"
    return Invalid(f"ps: error: unsupported option{syntax}: {word}", hint="ask for -ef, aux, -l, or -o with columns you name")


def _own(listed: str) -> Iterator[Column]:
    """Read the columns of ``-o``: names with commas between; ``name=Title`` takes all that follows for the title."""
    names, equals, title = listed.partition("=")
    named = [name for name in names.split(",") if name]
    if not named:
        raise Invalid("ps: error: format specification must follow -o", hint="write -o pid,user,args")
    columns = [_column(name.partition(":")[0].lower()) for name in named]  # what follows a colon is a width
    if equals:
        columns[-1] = replace(columns[-1], title=title)
    return iter(columns)


def _column(word: str) -> Column:
    name, _, title = word.partition("=")
    if name not in COLUMNS:
        hint = f"known: {', '.join(sorted(COLUMNS))}"
        raise Invalid(f'ps: error: unknown user-defined format specifier "{name}"', hint=hint)
    return replace(COLUMNS[name], title=title) if title else COLUMNS[name]
