"""``history``: how an image came to be, the latest step first."""

from __future__ import annotations

from typing import Any

import click

from dockerkit.cli.completion import image_names
from dockerkit.cli.formats import Column, View, format_option
from dockerkit.cli.sizes import ago, human_size, short_id
from dockerkit.cli.tables import ellipsis
from dockerkit.cli.word import Word, client

_CREATED_BY = 45


def history_view(*, truncate: bool, human: bool) -> View:
    """Return how the steps are listed."""
    columns = {
        "ID": Column("IMAGE", lambda s: short_id(s["Id"]) if truncate else s["Id"]),
        "CreatedAt": Column("CREATED AT", _created_at),
        "CreatedSince": Column("CREATED", lambda s: _since(s) if human else _created_at(s)),
        "CreatedBy": Column("CREATED BY", lambda s: _by(s["CreatedBy"], truncate)),
        "Size": Column("SIZE", lambda s: human_size(s["Size"]) if human else str(s["Size"])),
        "Comment": Column("COMMENT", lambda s: s.get("Comment") or ""),
    }
    return View("*image.historyContext", columns, "{{.ID}}\t{{.CreatedSince}}\t{{.CreatedBy}}\t{{.Size}}\t{{.Comment}}")


def _by(text: str, truncate: bool) -> str:
    line = text.replace("\t", " ")
    return ellipsis(line, _CREATED_BY) if truncate else line


def _since(step: dict[str, Any]) -> str:
    return "N/A" if step["Created"] <= 0 else ago(step["Created"])


def _created_at(step: dict[str, Any]) -> str:
    from datetime import datetime

    moment = datetime.fromtimestamp(step["Created"]).astimezone()
    return moment.isoformat(timespec="seconds").replace("+00:00", "Z")


@click.command(cls=Word)
@format_option
@click.option("-H", "--human/--no-human", default=True, help="Sizes and dates as people read them.")
@click.option("--no-trunc", is_flag=True, help="Do not shorten output.")
@click.option("-q", "--quiet", is_flag=True, help="Only show ids.")
@click.argument("name", metavar="IMAGE", shell_complete=image_names)
def history(name: str, format: str, human: bool, no_trunc: bool, quiet: bool) -> None:
    """Show the history of an image."""
    steps = client().images.get(name).history()
    if quiet and not format:
        format = "{{.ID}}"
    click.echo(history_view(truncate=not no_trunc, human=human).render(steps, format), nl=False)
