"""``events``: what happens in the engine, as it happens."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

import click

from dockerkit.cli.following import followed
from dockerkit.cli.formats import read_template, written
from dockerkit.cli.ps import filter_option, filters_json
from dockerkit.cli.sizes import moment_flag
from dockerkit.cli.template.functions import to_json
from dockerkit.cli.word import Word, client

_NANO = 1_000_000_000


def line(message: dict[str, Any]) -> str:
    """Return an event as Docker prints it: moment, type, action, id, and its attributes in the order of the alphabet."""
    actor = message.get("Actor") or {}
    nanoseconds = int(message.get("timeNano") or int(message.get("time") or 0) * _NANO)
    words = ", ".join(f"{name}={value}" for name, value in sorted((actor.get("Attributes") or {}).items()))
    said = f"{_moment(nanoseconds)} {message['Type']} {message['Action']} {actor.get('ID', '')}"
    return f"{said} ({words})" if words else said


def _moment(nanoseconds: int) -> str:
    seconds, rest = divmod(nanoseconds, _NANO)
    local = datetime.fromtimestamp(seconds).astimezone()
    zone = f"{local:%z}"
    return f"{local:%Y-%m-%dT%H:%M:%S}.{rest:09d}" + ("Z" if zone == "+0000" else f"{zone[:3]}:{zone[3:]}")


class _Event(dict[str, Any]):
    """An event for a template: the fields as Docker's structure has them."""

    _OTHERS: ClassVar = {
        "ID": "id",
        "Status": "status",
        "From": "from",
        "Scope": "scope",
        "Time": "time",
        "TimeNano": "timeNano",
    }
    type = "events.Message"

    def column(self, name: str) -> tuple[Any] | None:
        """Return a field in a tuple; None when there is no such field."""
        key = self._OTHERS.get(name, name)
        return (self.get(key, ""),) if key in self or name in self._OTHERS else None


def in_order(message: dict[str, Any]) -> dict[str, Any]:
    """Return an event as Docker marshals it: attributes in the order of the alphabet, an empty id at the top left out."""
    actor = message.get("Actor") or {}
    attributes = dict(sorted((actor.get("Attributes") or {}).items()))
    said = {key: value for key, value in message.items() if value or key not in ("status", "id", "from")}
    return {**said, "Actor": {"ID": "", **actor, "Attributes": attributes}}


@click.command(cls=Word)
@filter_option
@click.option("--format", default="", metavar="FORMAT", help="'json', or a Go TEMPLATE for each event.")
@moment_flag("--since", "Begin with what happened since then.")
@moment_flag("--until", "End then.")
def events(filters: tuple[str, ...], format: str, since: str | None, until: str | None) -> None:
    """Get real time events from the server."""
    from dockerkit.client.engine import documents

    template = read_template(format) if format and format != "json" else None
    query = {"since": since, "until": until, "filters": filters_json(filters)}
    with client().engine.follow("/events", **query) as pieces:
        for message in map(in_order, documents(followed(pieces))):
            if template is not None:
                click.echo(written(template, [_Event(message)])[0])
            else:
                click.echo(to_json(message) if format else line(message))
