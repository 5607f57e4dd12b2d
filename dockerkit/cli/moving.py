"""How images on the move are told: line by line as docker's command does, and with bars where a terminal is.

The engine's stream is followed here; what it ends with is said without the engine's prefix, as docker's command has it.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from dockerkit.cli.refusals import Failure
from dockerkit.cli.word import client

if TYPE_CHECKING:
    from dockerkit.client.engine import Query
    from dockerkit.client.progressbars import Bars
    from dockerkit.client.transport.http import Body
    from dockerkit.schema.names import Reference


class Progress:
    """Prints the engine's messages; a context manager, for bars have to be taken away.

    :param quiet: print nothing.
    :param error: on standard error.
    """

    def __init__(self, *, quiet: bool = False, error: bool = False) -> None:
        self._quiet = quiet
        self._error = error
        self._bars: Bars | None = None

    def __enter__(self) -> Progress:
        """Look where it is printed: in a terminal there are bars."""
        file = sys.stderr if self._error else sys.stdout
        if not self._quiet and file.isatty():
            from dockerkit.client.progressbars import Bars

            self._bars = Bars("", file, stay=False)
        return self

    def __exit__(self, *_: object) -> None:
        """Take the bars away."""
        if self._bars is not None:
            self._bars.done()

    def say(self, message: dict[str, Any]) -> None:
        """Print one message: a layer's steps as bars or lines, but never its figures as lines."""
        if self._quiet:
            return
        line = _line(message)
        if self._bars is not None and message.get("id") and "Pulling from" not in line:
            self._bars.say(message)
        elif self._bars is not None and line:
            self._bars.line(line)
        elif line and not _measures(message):
            click.echo(line, nl=not message.get("stream"), err=self._error)


def _line(message: dict[str, Any]) -> str:
    if message.get("stream"):
        return str(message["stream"])
    status, id = str(message.get("status") or ""), message.get("id")
    return f"{id}: {status}" if id and status else status


def _measures(message: dict[str, Any]) -> bool:
    figures = message.get("progressDetail") or {}
    return bool(figures.get("current") or figures.get("total"))


def followed(
    path: str,
    progress: Progress,
    *,
    query: Query | None = None,
    json: Any = None,
    content: Body = b"",
    headers: list[tuple[str, str]] | None = None,
) -> Iterator[dict[str, Any]]:
    """POST, print what comes, and yield it.

    :raises DockerkitError: the engine refused at once.
    :raises Failure: it began, and did not succeed.
    """
    from dockerkit.client.engine import documents
    from dockerkit.client.transport.failures import stream_failure

    engine = client().engine
    answer = engine.call("POST", path, query=query, json=json, content=content, headers=headers, timeout=None)
    with answer, progress:
        for message in documents(answer):
            if "error" in message or "errorDetail" in message:
                failed = stream_failure(message)
                raise Failure(failed.message, hint=failed.hint)
            progress.say(message)
            yield message


def read_reference(text: str) -> Reference:
    """Return an image's reference.

    :raises Failure: it is none.
    """
    from dockerkit.errors import Invalid
    from dockerkit.schema.names import parse_reference

    try:
        return parse_reference(text)
    except Invalid as error:
        raise Failure(error.message) from None


def tagless(name: str) -> bool:
    """Tell whether neither a tag nor a digest was said."""
    return ":" not in name.rpartition("/")[2] and "@" not in name


def platform_of(text: str | None) -> str | None:
    """Return ``--platform`` as newer engines take it: ``{"os": "linux", "architecture": "arm64"}``."""
    if not text:
        return None
    import json

    words = zip(("os", "architecture", "variant"), text.split("/"), strict=False)
    return json.dumps(dict(words))
