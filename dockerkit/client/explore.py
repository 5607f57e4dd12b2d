"""What is in an image, layer by layer: ``image.explore()``. A value: what was so when it was asked.

Wasted is what nobody can see any more: files that a later layer writes again or removes. Efficiency is the share of the bytes
that is needed, as ``dive`` computes it.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from dockerkit.client.image_steps import command, short
from dockerkit.client.rows import Row, Rows
from dockerkit.errors import Unsupported
from dockerkit.schema.units import human_size

if TYPE_CHECKING:
    import pandas

_LAYERS = ("layer", "size", "added", "changed", "removed", "created_by", "digest")
_FILES = ("layer", "kind", "path", "size", "type")
_WASTED = ("path", "count", "size")


class Explored:
    """An image as it was when it was looked into; sizes in bytes.

    :param document: the answer of ``GET /dockerkit/v1/images/{name}/explore``.
    """

    def __init__(self, document: dict[str, Any]) -> None:
        self._document = document

    @property
    def id(self) -> str:
        """The image's id."""
        return str(self._document["Id"])

    @property
    def size(self) -> int:
        """Bytes of its layers, uncompressed."""
        return int(self._document["Size"])

    @property
    def wasted_bytes(self) -> int:
        """Bytes that nobody can see any more."""
        return int(self._document["WastedBytes"])

    @property
    def efficiency(self) -> float:
        """The share of the bytes that is needed: 1.0 when nothing is wasted."""
        return float(self._document["Efficiency"])

    @property
    def document(self) -> dict[str, Any]:
        """All of it in the engine's words."""
        return self._document

    @cached_property
    def layers(self) -> Rows[Row]:
        """A row for each layer, lowest first: its size, how many files it adds, changes and removes, and what made it."""
        rows = [self._layer(at, layer) for at, layer in enumerate(self._document["Layers"])]
        return Rows(rows, columns=_LAYERS, shown={"size": human_size, "created_by": command, "digest": short})

    def _layer(self, at: int, layer: dict[str, Any]) -> Row:
        kinds = [entry["Kind"] for entry in layer["Entries"] if entry["Type"] != "directory"]
        counts = {kind: kinds.count(kind) for kind in ("added", "changed", "removed")}
        return Row(layer=at, size=layer["Size"], **counts, created_by=layer["CreatedBy"], digest=layer["Digest"])

    @cached_property
    def files(self) -> Rows[Row]:
        """A row for each thing that a layer adds, changes or removes: its layer, path, size and type."""
        return Rows(
            [
                Row(layer=at, kind=one["Kind"], path=one["Path"], size=one["Size"], type=one["Type"])
                for at, layer in enumerate(self._document["Layers"])
                for one in layer["Entries"]
            ],
            columns=_FILES,
            shown={"size": human_size},
        )

    @cached_property
    def wasted(self) -> Rows[Row]:
        """A row for each path that was brought more than once, or brought and removed; the most bytes first."""
        rows = [Row(path=one["Path"], count=one["Count"], size=one["Size"]) for one in self._document["Wasted"]]
        return Rows(rows, columns=_WASTED, shown={"size": human_size})

    def df(self) -> pandas.DataFrame:
        """Return :attr:`files` as a pandas DataFrame; ``layers.df()`` and ``wasted.df()`` are the other tables.

        :raises Unsupported: pandas is not installed.
        """
        return self.files.df()

    def widget(self) -> Any:
        """Show it as a widget; raises Unsupported for now."""
        raise Unsupported("explore().widget() is not offered yet", hint="it shows itself as tables where HTML is shown")

    def summary(self) -> str:
        """Return what it comes to, in one line."""
        waste = f"{human_size(self.wasted_bytes)} wasted, {self.efficiency:.1%} efficient"
        layers = "1 layer" if len(self.layers) == 1 else f"{len(self.layers)} layers"
        return f"image {short(self.id)}: {human_size(self.size)} in {layers}, {waste}"

    def __repr__(self) -> str:
        """Show what it comes to, and the layers."""
        return f"{self.summary()}\n{self.layers!r}"

    def _repr_html_(self) -> str:
        """Show the layers with their largest files, and what is wasted, where HTML is shown."""
        from dockerkit.notebook.views import explored_html  # noqa: PLC0415 (only its readers pay for it)

        return explored_html(self)
