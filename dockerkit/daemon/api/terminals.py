"""A terminal's size in a query string, for containers and execs alike. Pure."""

from __future__ import annotations

from dockerkit.daemon.api.query import Query
from dockerkit.errors import Invalid

LONGEST = 0xFFFF
"""The kernel counts rows and columns in 16 bits (``struct winsize``)."""


def size_of(query: Query) -> tuple[int, int]:
    """Return rows and columns, from ``h`` and ``w``.

    :raises Invalid: one is missing, no number, or more than a terminal has.
    """
    rows, columns = (query.integer(name) for name in ("h", "w"))
    if rows is None or columns is None:
        raise Invalid("resizing takes h and w, the terminal's height and width in characters")
    if not (0 <= rows <= LONGEST and 0 <= columns <= LONGEST):
        raise Invalid(f"a terminal of {rows} rows and {columns} columns cannot be", hint=f"both are 0 to {LONGEST}")
    return rows, columns
