"""Repositories by a word, from a registry that has a search."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec.json import decode

from dockerkit.client.collection import filters_json
from dockerkit.client.credentials import host_of, shown_to
from dockerkit.client.rows import Row, Rows

if TYPE_CHECKING:
    from dockerkit.client.engine import Engine, Query

_COLUMNS = ("name", "description", "stars", "official")
_WIDEST = 60


def search(engine: Engine, term: str, *, limit: int, filters: dict[str, Any]) -> Rows[Row]:
    """Return what an engine finds, the most liked first; see :meth:`dockerkit.client.images.Images.search`."""
    said = {name.replace("_", "-"): value for name, value in filters.items()}
    query: Query = {"term": term, "limit": limit, "filters": filters_json(said)}
    answer = engine.call("GET", "/images/search", query=query, headers=shown_to(registry_of(term)), timeout=None)
    rows = [
        Row(name=one["name"], description=one.get("description") or "", stars=one["star_count"], official=one["is_official"])
        for one in decode(answer.read()) or ()
    ]
    rows.sort(key=lambda row: -row["stars"])
    return Rows(rows, columns=_COLUMNS, shown={"description": _line, "official": lambda yes: "yes" if yes else ""})


def registry_of(term: str) -> str:
    """Return the registry that a word begins with; "" is Docker Hub."""
    first, slash, _ = term.partition("/")
    return host_of(first) if slash and ("." in first or ":" in first or first == "localhost") else ""


def _line(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _WIDEST else f"{line[: _WIDEST - 1]}…"
