"""``--format`` of whatever is listed: a table, a table of one's own, JSON, or a Go template for each row. Prints nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import click

from dockerkit.cli.refusals import WRONG_TEMPLATE, Failure
from dockerkit.cli.tables import laid_out
from dockerkit.cli.template import Template, TemplateError

_HELP = "Format output using a custom template: 'table', 'table TEMPLATE', 'json', or a Go TEMPLATE."
format_option = click.option("--format", default="", metavar="FORMAT", help=_HELP)


@dataclass(frozen=True)
class Column:
    """One field of a row: its heading, and its value; `hidden` ones are not in ``json`` (they take an argument)."""

    heading: str
    value: Callable[[Any], Any]
    hidden: bool = False


class Row:
    """One thing, with the columns of its kind, for a template."""

    def __init__(self, view: View, thing: Any) -> None:
        self._view, self._thing = view, thing
        self.type = view.type

    def column(self, name: str) -> tuple[Any] | None:
        """Return a field's value in a tuple; None when there is no such field."""
        column = self._view.columns.get(name)
        return None if column is None else (column.value(self._thing),)

    def plain(self) -> dict[str, Any]:
        """Return all its fields, for JSON."""
        return {name: column.value(self._thing) for name, column in sorted(self._view.columns.items()) if not column.hidden}


class _Headings:
    """The row above a table: every field is its heading."""

    type = "formatter.SubHeaderContext"

    def __init__(self, view: View) -> None:
        self._view = view

    def column(self, name: str) -> tuple[Any] | None:
        column = self._view.columns.get(name)
        if column is None:
            return None
        return (_last_word,) if column.hidden else (column.heading,)


def _last_word(name: str) -> str:
    return name.rpartition(".")[2].replace("-", " ").replace("_", " ")


_HEADING_FUNCTIONS: dict[str, Callable[..., Any]] = {
    **dict.fromkeys(("json", "join", "split", "title", "lower", "upper", "truncate", "pad"), lambda value, *_: value),
}


@dataclass(frozen=True)
class View:
    """How a kind of thing is listed.

    :param type: Docker's name for it, in messages about unknown fields.
    """

    type: str
    columns: Mapping[str, Column]
    table: str
    """The template of the usual table."""

    def render(self, things: Iterable[Any], format: str, *, table: str = "") -> str:
        """Return the listing, with a newline at its end.

        :param table: instead of the usual columns.
        :raises Failure: a template that cannot be read, or asks for a field that is not there.
        """
        wanted, headed = _wanted(format, table or self.table)
        template = read_template(wanted)
        lines = [Template(wanted, _HEADING_FUNCTIONS).write(_Headings(self))] if headed and "{{json .}}" not in wanted else []
        lines += written(template, (Row(self, thing) for thing in things))
        text = "".join(f"{line}\n" for line in lines)
        return laid_out(text) if headed else text


def _wanted(format: str, table: str) -> tuple[str, bool]:
    """Return the template that a format means, and whether it is a table."""
    if format in ("", "table"):
        return table, True
    if format == "json":
        return "{{json .}}", False
    headed = format.startswith("table")
    plain = format.removeprefix("table").strip(" ") if headed else format
    return plain.replace(r"\t", "\t").replace(r"\n", "\n"), headed


def read_template(source: str) -> Template:
    """Return the template.

    :raises Failure: it is none; exit code 64, as Docker.
    """
    try:
        return Template(source)
    except TemplateError as error:
        raise Failure(f"template parsing error: {error.message}", code=WRONG_TEMPLATE, hint=error.hint) from None


def written(template: Template, rows: Iterable[Any]) -> list[str]:
    """Return the template's text for each row.

    :raises Failure: a field that is not there.
    """
    try:
        return [template.write(row) for row in rows]
    except TemplateError as error:
        raise Failure(f"failed to execute template: {error.message}") from None
