"""Many things as a table: a list that prints as text, shows as HTML and becomes a pandas DataFrame.

pandas is imported when ``df()`` is called and not before. Contacts nothing: a row holds what was known when it was read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Generic, SupportsIndex, TypeVar, overload

from dockerkit.errors import Unsupported

if TYPE_CHECKING:
    import pandas

T = TypeVar("T")
Cells = Mapping[str, Any]


def _as_mapping(item: Any) -> Cells:
    return item if isinstance(item, Mapping) else {"value": item}


class Row(dict[str, Any]):
    """A mapping whose keys are found whatever their case, and as attributes: ``row["PID"]``, ``row.pid``."""

    def __missing__(self, key: str) -> Any:
        """Find a key written otherwise."""
        wanted = str(key).lower()
        for known, value in self.items():
            if known.lower() == wanted:
                return value
        raise KeyError(key)

    def __getattr__(self, name: str) -> Any:
        """Return what is under a key of that name."""
        try:
            return self[name]
        except KeyError:
            raise AttributeError(f"no {name!r} here; there is: {', '.join(self)}") from None


class Rows(list[T], Generic[T]):
    """A list of things with a table view.

    :param columns: the headings, in order; without them, the keys of the first row.
    :param cells: what a thing shows under each heading; without it, the thing is a mapping itself.
    :param shown: how people read a column (``{"size": human_size}``); ``df()`` has the values themselves.
    """

    def __init__(
        self,
        items: Iterable[T] = (),
        *,
        columns: Sequence[str] = (),
        cells: Callable[[T], Cells] = _as_mapping,
        shown: Mapping[str, Callable[[Any], str]] | None = None,
    ) -> None:
        super().__init__(items)
        self._columns = tuple(columns)
        self._cells = cells
        self._shown = dict(shown or {})

    @property
    def columns(self) -> tuple[str, ...]:
        """The headings, in order."""
        if self._columns or not self:
            return self._columns
        return tuple(self._cells(self[0]))

    def table(self) -> list[list[Any]]:
        """Return the cells, row by row."""
        return [[cells.get(column, "") for column in self.columns] for cells in map(self._cells, self)]

    def df(self) -> pandas.DataFrame:
        """Return the table as a pandas DataFrame, one column a heading.

        :raises Unsupported: pandas is not installed.
        """
        try:
            import pandas  # noqa: PLC0415 (half a second that only its users pay)
        except ImportError:
            raise Unsupported("df() needs pandas, which is not installed", hint='pip install "dockerkit[notebook]"') from None
        return pandas.DataFrame(self.table(), columns=list(self.columns))

    @overload
    def __getitem__(self, at: SupportsIndex, /) -> T: ...
    @overload
    def __getitem__(self, at: slice, /) -> Rows[T]: ...
    def __getitem__(self, at: SupportsIndex | slice, /) -> T | Rows[T]:
        """Return one thing, or for a slice the same table with fewer rows."""
        if isinstance(at, slice):
            return Rows(list.__getitem__(self, at), columns=self._columns, cells=self._cells, shown=self._shown)
        return super().__getitem__(at)

    def __repr__(self) -> str:
        """Show the table as docker prints it: headings in capitals, columns aligned."""
        lines = [[c.upper().replace("_", " ") for c in self.columns], *self._texts()]
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        return "\n".join("   ".join(v.ljust(w) for v, w in zip(line, widths, strict=True)).rstrip() for line in lines)

    def _repr_html_(self) -> str:
        """Show the same as an HTML table."""
        from dockerkit.notebook.views import table_html  # noqa: PLC0415 (only its readers pay for it)

        columns = list(zip(*self.table(), strict=True)) or [()] * len(self.columns)
        numbers = [bool(column) and all(isinstance(value, (int, float)) for value in column) for column in columns]
        return table_html(self.columns, self._texts(), numbers)

    def _texts(self) -> list[list[str]]:
        views = [self._shown.get(column, _text) for column in self.columns]
        return [[view(value) for view, value in zip(views, row, strict=True)] for row in self.table()]


def _text(value: Any) -> str:
    if isinstance(value, (list, tuple)):
        return ", ".join(map(str, value))
    return "" if value is None else str(value)
