"""``search``: repositories by a word."""

from __future__ import annotations

import click

from dockerkit.cli.formats import Column, View, format_option
from dockerkit.cli.ps import filter_option, filters_json
from dockerkit.cli.tables import ellipsis
from dockerkit.cli.word import Word, client

_DESCRIPTION = 45


def search_view(*, truncate: bool, json: bool = False) -> View:
    """Return how repositories are listed.

    :param json: what is true or false is written so, and not as a mark.
    """

    def description(text: str) -> str:
        line = " ".join(text.split("\n"))
        return ellipsis(line, _DESCRIPTION) if truncate else line

    def official(yes: bool) -> str:
        return str(yes).lower() if json else "[OK]" if yes else ""

    columns = {
        "Name": Column("NAME", lambda r: r["name"]),
        "Description": Column("DESCRIPTION", lambda r: description(r.get("description") or "")),
        "StarCount": Column("STARS", lambda r: str(r["star_count"])),
        "IsOfficial": Column("OFFICIAL", lambda r: official(r["is_official"])),
    }
    return View("*registry.searchContext", columns, "{{.Name}}\t{{.Description}}\t{{.StarCount}}\t{{.IsOfficial}}")


@click.command(cls=Word)
@filter_option
@format_option
@click.option("--limit", type=int, default=0, metavar="NUMBER", help="At most so many, 1 to 100; 25 unless told.")
@click.option("--no-trunc", is_flag=True, help="Do not shorten output.")
@click.argument("term", metavar="TERM")
def search(term: str, filters: tuple[str, ...], format: str, limit: int, no_trunc: bool) -> None:
    """Search a registry for images: Docker Hub, or the one that the term begins with."""
    from msgspec.json import decode

    from dockerkit.client.credentials import shown_to
    from dockerkit.client.image_search import registry_of

    query = {"term": term, "limit": limit or None, "filters": filters_json(filters)}
    answer = client().engine.call("GET", "/images/search", query=query, headers=shown_to(registry_of(term)), timeout=None)
    click.echo(search_view(truncate=not no_trunc, json=format == "json").render(decode(answer.read()) or (), format), nl=False)
