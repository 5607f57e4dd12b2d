"""``diff``, ``commit`` and ``export``: what became of a container's files, and keeping them."""

from __future__ import annotations

import os
import sys
from typing import Any

import click

from dockerkit.cli.completion import container_argument
from dockerkit.cli.refusals import Failure
from dockerkit.cli.word import Word, container

_LETTERS = {"added": "A", "modified": "C", "deleted": "D"}


@click.command(cls=Word)
@container_argument()
def diff(name: str) -> None:
    """Inspect changes to files or directories on a container's filesystem."""
    for change in container(name).diff():
        click.echo(f"{_LETTERS[change.kind]} {change.path}")


@click.command(cls=Word)
@click.option("-a", "--author", default="", metavar="TEXT", help="Who made it.")
@click.option("-c", "--change", "changes", multiple=True, metavar="LINE", help="Apply a line of a Dockerfile to the image.")
@click.option("-m", "--message", default="", metavar="TEXT", help="What was done.")
@click.option("-p", "--pause/--no-pause", default=True, help="Pause the container meanwhile.")
@container_argument()
@click.argument("reference", required=False, metavar="[REPOSITORY[:TAG]]")
def commit(name: str, reference: str | None, **said: Any) -> None:
    """Create a new image from a container's changes."""
    made = container(name).commit(reference, **said)
    click.echo(made.id)


@click.command(cls=Word)
@click.option("-o", "--output", default="", metavar="FILE", help="Write to a file, instead of standard output.")
@container_argument()
def export(name: str, output: str) -> None:
    """Export a container's filesystem as a tar archive."""
    one = container(name)
    if output and output != "-":
        if not os.path.isdir(os.path.dirname(output) or "."):
            raise Failure(
                f"failed to export container: invalid output path: directory {os.path.dirname(output)} does not exist"
            )
        one.export(output)
        return
    if sys.stdout.isatty():
        raise Failure("cowardly refusing to save to a terminal. Use the -o flag or redirect")
    with one.engine.follow(f"{one.path}/export") as pieces:
        for piece in pieces:
            sys.stdout.buffer.write(piece)
    sys.stdout.buffer.flush()
