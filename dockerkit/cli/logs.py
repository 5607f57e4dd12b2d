"""``logs``: what a container wrote, each stream where it belongs, then as it is written."""

from __future__ import annotations

from typing import Any

import click

from dockerkit.cli.completion import container_argument
from dockerkit.cli.following import followed
from dockerkit.cli.output import Output
from dockerkit.cli.sizes import moment_flag
from dockerkit.cli.word import Word, container


@click.command(cls=Word)
@click.option("--details", is_flag=True, hidden=True)
@click.option("-f", "--follow", is_flag=True, help="Go on until the container ends.")
@moment_flag("--since", "From then on: 2026-01-31T12:00:00Z, or 42m for so long ago.")
@click.option("-n", "--tail", default="all", metavar="N", help="Only so many last lines.")
@click.option("-t", "--timestamps", is_flag=True, help="Say when each line was written.")
@moment_flag("--until", "Up to then.")
@container_argument()
def logs(name: str, since: str | None, until: str | None, **said: Any) -> None:
    """Fetch the logs of a container."""
    one = container(name)
    tty = bool(one.inspect()["Config"].get("Tty"))
    output = Output(framed=not tty)
    query = {**said, "since": since, "until": until}
    with one.engine.follow(f"{one.path}/logs", stdout=True, stderr=True, **query) as pieces:
        for piece in followed(pieces):
            output.write(piece)
