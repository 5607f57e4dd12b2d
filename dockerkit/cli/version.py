"""``dockerkit version``: ours, and the engine's when one answers. Never starts a daemon."""

from __future__ import annotations

import platform
from importlib import metadata

import click

from dockerkit.schema.endpoint import API_VERSION, MIN_API_VERSION


@click.command()
def version() -> None:
    """Show the versions of client and engine."""
    client = metadata.version("dockerkit")
    click.echo(f"dockerkit {client}, Python {platform.python_version()}, {platform.system()} {platform.machine()}")
    click.echo(f"Engine API {API_VERSION}, and {MIN_API_VERSION} from others")
