"""Columns of text as Docker's command lays them out, at least ten wide, three blanks between; and its order of names. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

PADDING = 3


def laid_out(text: str, *, minimum: int = 10, padding: int = PADDING) -> str:
    """Return lines with tabs between their cells as aligned columns (Go's ``text/tabwriter``: runs of lines share widths).

    A cell that no tab follows belongs to no column, so the last cell of a line is as long as it is.
    """
    rows = [line.split("\t") for line in text.split("\n")]
    widths: list[list[int]] = [[] for _ in rows]
    _measure(rows, widths, range(len(rows)), 0, (minimum, padding))
    lines = ("".join(c.ljust(w) for c, w in zip(r[:-1], w, strict=True)) + r[-1] for r, w in zip(rows, widths, strict=True))
    return "\n".join(lines)


def _measure(rows: Sequence[list[str]], widths: list[list[int]], lines: range, column: int, narrowest: tuple[int, int]) -> None:
    """Find the width of a column in every run of lines that have it, and then of the next column in that run.

    :param narrowest: the least width of a column, and the blanks after its widest cell.
    """
    run: list[int] = []
    for line in (*lines, None):
        if line is not None and len(rows[line]) - 1 > column:
            run.append(line)
        elif run:
            width = max(narrowest[0], *(len(rows[each][column]) + narrowest[1] for each in run))
            for each in run:
                widths[each].append(width)
            _measure(rows, widths, range(run[0], run[-1] + 1), column + 1, narrowest)
            run = []


def ellipsis(text: str, length: int) -> str:
    """Return at most so many characters, the last an ellipsis when some are missing."""
    return text if len(text) <= length else text[: length - 1] + "…"


def natural(name: str) -> list[Any]:
    """Order names as Docker does: ``v2`` before ``v10``."""
    return [(0, int(part), "") if part.isdigit() else (1, 0, part) for part in re.split(r"(\d+)", name) if part]
