"""An image's inside where HTML is shown: what it comes to, its layers with their largest files, and what is wasted.

Folded things are in ``<details>``, so that nothing is lost where scripts and style sheets are.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from html import escape
from typing import TYPE_CHECKING, Any

from dockerkit.client.image_steps import command, short
from dockerkit.notebook.views.style import framed
from dockerkit.notebook.views.table import table_html
from dockerkit.schema.units import human_size

if TYPE_CHECKING:
    from dockerkit.client.explore import Explored
    from dockerkit.client.rows import Row

LARGEST = 20
"""So many files of a layer, and of what is wasted, are shown: all are in the data frame."""


def explored_html(explored: Explored) -> str:
    """Return it as HTML, on its own in whatever page it is shown."""
    head = framed(f'<p><span class="noun">Explored</span> <b>{escape(explored.summary())}</b></p>')
    layers = table_html(
        ("layer", "size", "added", "changed", "removed", "created by"),
        [
            [str(row["layer"]), human_size(row["size"]), *(str(row[kind]) for kind in _KINDS), command(row["created_by"])]
            for row in explored.layers
        ],
        (True, True, True, True, True, False),
    )
    folded = [_layer(explored, row) for row in explored.layers]
    return head + layers + "".join(folded) + _wasted(explored)


_KINDS = ("added", "changed", "removed")


def _layer(explored: Explored, layer: Row) -> str:
    files = [row for row in explored.files if row["layer"] == layer["layer"] and row["type"] != "directory"]
    title = f"layer {layer['layer']} {short(layer['digest'])}: {_of(files)}"
    return _folded(title, ("kind", "path", "size"), files, lambda row: (row["kind"], row["path"], human_size(row["size"])))


def _wasted(explored: Explored) -> str:
    title = f"wasted: {human_size(explored.wasted_bytes)} in {_of(explored.wasted)}"
    cells: Callable[[Row], Sequence[Any]] = lambda row: (row["path"], row["count"], human_size(row["size"]))  # noqa: E731
    return _folded(title, ("path", "count", "size"), explored.wasted, cells)


def _of(rows: Sequence[Row]) -> str:
    return "1 file" if len(rows) == 1 else f"{len(rows)} files"


def _folded(title: str, columns: Sequence[str], rows: Sequence[Row], cells: Callable[[Row], Sequence[Any]]) -> str:
    if not rows:
        return ""
    shown = sorted(rows, key=lambda row: (-row["size"], row["path"]))[:LARGEST]
    texts = [[str(cell) for cell in cells(row)] for row in shown]
    table = table_html(columns, texts, [column in ("size", "count") for column in columns])
    more = f"<p>… and {len(rows) - LARGEST} smaller ones</p>" if len(rows) > LARGEST else ""
    return framed(f"<details><summary>{escape(title)}</summary>{table}{more}</details>")
