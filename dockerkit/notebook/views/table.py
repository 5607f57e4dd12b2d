"""Many things as a table: the texts of ``Rows``, with a state shown as one, and numbers to the right.

Pure: takes headings and cells, knows no noun.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from dockerkit.notebook.views.style import framed, state

_STATES = frozenset({"status", "state", "health"})
_IDS = frozenset({"id", "command", "createdby", "diff_id", "digest"})


def table_html(columns: Sequence[str], texts: Sequence[Sequence[str]], numbers: Sequence[bool]) -> str:
    """Return an HTML table.

    :param texts: row by row, a cell a column, as people read it.
    :param numbers: which columns are numbers.
    """
    kinds = [_kind(column, number) for column, number in zip(columns, numbers, strict=True)]
    head = "".join(
        f"<th{' class=n' if kind == 'number' else ''}>{escape(c)}</th>" for c, kind in zip(columns, kinds, strict=True)
    )
    body = "".join(f"<tr>{''.join(map(_cell, row, kinds))}</tr>" for row in texts)
    return framed(f'<table class="many"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>')


def _kind(column: str, number: bool) -> str:
    if number:
        return "number"
    word = column.lower().replace(" ", "")
    return "state" if word in _STATES else "id" if word in _IDS else ""


def _cell(text: str, kind: str) -> str:
    if kind == "number":
        return f"<td class=n>{escape(text)}</td>"
    if kind == "state" and text:
        return f"<td>{state(text)}</td>"
    return f"<td><code>{escape(text)}</code></td>" if kind == "id" else f"<td>{escape(text)}</td>"
